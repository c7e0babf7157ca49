//! Errors for command lines that cargo would refuse, or that cannot run anywhere.

use crate::model::error::{Error, ErrorKind};

/// Cargo's exit code for a command line that it cannot parse.
const USAGE: i32 = 1;
/// Cargo's exit code for a command line that it parses and refuses.
const REFUSED: i32 = 101;

/// The error for a command line that cargo cannot parse.
pub(crate) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::CargoFailed, message).with_code(Some(USAGE))
}

/// The error for a command line that cargo parses and refuses.
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::CargoFailed, message).with_code(Some(REFUSED))
}

/// The error for an invalid cargo configuration file.
pub(crate) fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// The error for an argument that is not UTF-8, which cannot be passed to an engine.
pub(crate) fn not_utf8(word: &std::ffi::OsStr) -> Error {
    let shown = word.to_string_lossy();
    Error::new(
        ErrorKind::Path,
        format!("the argument `{shown}` is not UTF-8"),
    )
    .with_help("no engine can be told it: write it in UTF-8, or pass it in a file")
}
