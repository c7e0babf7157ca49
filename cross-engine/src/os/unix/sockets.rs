//! Sockets in the file system.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Connects to the socket at `path`, and closes the connection: does somebody listen, and may this
/// user talk to it?
///
/// # Errors
///
/// The system's; [`Unsupported`](io::ErrorKind::Unsupported) on Windows.
pub fn connect(path: &Path) -> io::Result<()> {
    UnixStream::connect(path).map(drop)
}
