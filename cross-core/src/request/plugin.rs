//! Cargo plugins: programs of the host that cargo runs as subcommands, such as nextest.

use std::path::{Path, PathBuf};

use cross_engine::Mount;

use crate::model::error::{Error, ErrorKind, Result};
use crate::request::cross::Cross;

/// Finds the host's `program` in CARGO_HOME, else on `PATH`.
pub(crate) fn find(cross: &Cross, program: &str) -> Result<Option<PathBuf>> {
    let in_home = cross.cargo_home()?.join("bin").join(program);
    Ok(match in_home.is_file() {
        true => Some(in_home),
        false => cross.host()?.find_program(program),
    })
}

/// Mounts the program at `path` where the cargo in the environment looks for plugins.
pub(crate) fn mount(path: &Path, cargo_home: &Path) -> Mount {
    let name = path.file_name().unwrap_or_default();
    Mount::read(path).at(cargo_home.join("bin").join(name))
}

/// The error for a plugin that is not installed.
pub(crate) fn missing(program: &str) -> Error {
    let message = format!("`{program}` is not installed on this machine");
    Error::new(ErrorKind::ToolMissing, message).with_help(format!(
        "install it (`cargo install {program}`): the environment's cargo uses the host's"
    ))
}
