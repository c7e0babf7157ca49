//! The space on a file system.

use std::io;
use std::path::Path;

/// The free space for this user on the file system of `dir`, in bytes.
pub(crate) fn free_bytes(dir: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}
