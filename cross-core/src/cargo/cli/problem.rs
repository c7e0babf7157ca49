//! The errors of a command line that cargo itself would refuse, or that cannot be served.

use crate::model::error::{Error, ErrorKind};

/// What cargo returns for a command line that it does not understand.
const USAGE: i32 = 1;
/// What cargo returns for one that it understands and refuses.
const REFUSED: i32 = 101;

/// A command line that is not cargo's.
pub(crate) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::CargoFailed, message).with_code(Some(USAGE))
}

/// A command line that cargo understands and refuses.
pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::CargoFailed, message).with_code(Some(REFUSED))
}

/// A problem of a cargo configuration file.
pub(crate) fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// A word that cannot be given to an engine.
pub(crate) fn not_utf8(word: &std::ffi::OsStr) -> Error {
    let shown = word.to_string_lossy();
    Error::new(
        ErrorKind::Path,
        format!("the argument `{shown}` is not UTF-8"),
    )
}
