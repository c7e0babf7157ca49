//! Errors about what was not opened.

use std::path::Path;

use crate::os::Failure;
use crate::process::error::Error;
use crate::process::untrusted::refused::Refused;

/// The error for `failure` at `path`.
pub(super) fn not_opened(failure: Failure, path: &Path) -> Error {
    let refused = match failure {
        Failure::Io(error) => return Error::io("open", path, error),
        Failure::NotRegular(kind) => Refused::NotRegular(kind),
        Failure::NotFifo(kind) => Refused::NotFifo(kind),
        Failure::NotDirectory(kind) => Refused::NotDirectory(kind),
        Failure::Changed => Refused::Changed,
        Failure::Outside => Refused::Outside,
    };
    Error::refused(path, refused)
}
