//! Files in memory.

use std::fs::File;
use std::io;

use rustix::fs::{MemfdFlags, memfd_create};

/// A new file that no path names.
pub(crate) fn file() -> io::Result<File> {
    Ok(File::from(memfd_create("cross", MemfdFlags::CLOEXEC)?))
}
