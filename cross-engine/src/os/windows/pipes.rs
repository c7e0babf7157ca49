//! Named pipes among files, which Windows does not have.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Whether there are any.
pub(crate) const EXIST: bool = false;

/// Creates a named pipe and opens both of its ends.
pub(crate) fn create(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Waits until there is something to read in `pipe`.
pub(crate) fn wait(_: &File, _: Duration) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}
