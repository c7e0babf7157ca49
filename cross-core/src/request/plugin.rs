//! The host's programs that cargo calls by the name of a subcommand: nextest and its like.

use std::path::{Path, PathBuf};

use cross_engine::Mount;

use crate::model::error::{Error, ErrorKind, Result};
use crate::request::cross::Cross;

/// The host's `program`, where it is installed: in CARGO_HOME, else on `PATH`.
pub(crate) fn find(cross: &Cross, program: &str) -> Result<Option<PathBuf>> {
    let in_home = cross.cargo_home()?.join("bin").join(program);
    Ok(match in_home.is_file() {
        true => Some(in_home),
        false => cross.host()?.find_program(program),
    })
}

/// The program at `path` where cargo inside looks for it.
pub(crate) fn mount(path: &Path, cargo_home: &Path) -> Mount {
    let name = path.file_name().unwrap_or_default();
    Mount::read(path).at(cargo_home.join("bin").join(name))
}

/// That it is not.
pub(crate) fn missing(program: &str) -> Error {
    let message = format!("`{program}` is not installed on this machine");
    Error::new(ErrorKind::ToolMissing, message).with_help(format!(
        "install it (`cargo install {program}`): the environment's cargo uses the host's"
    ))
}
