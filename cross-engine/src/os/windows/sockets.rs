//! Sockets in the file system.

use std::io;
use std::path::Path;

/// Connects to the socket at `path`, and closes the connection: does somebody listen, and may this
/// user talk to it?
///
/// # Errors
///
/// The system's; [`Unsupported`](io::ErrorKind::Unsupported) on Windows.
pub fn connect(_: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
