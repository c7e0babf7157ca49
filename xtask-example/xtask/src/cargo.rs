//! The cargo that started this program.

use std::env;
use std::process::{Command, Output, Stdio};

use crate::failure::Failure;

/// Its command, without arguments.
pub(crate) fn command() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs it without an input, and returns what it printed.
pub(crate) fn output(cargo: &mut Command) -> Result<Output, Failure> {
    let done = cargo.stdin(Stdio::null()).output();
    done.map_err(cannot_start)
}

/// The failure of cargo that is not there.
pub(crate) fn cannot_start(error: std::io::Error) -> Failure {
    Failure::new(format!("cannot start cargo: {error}"))
}
