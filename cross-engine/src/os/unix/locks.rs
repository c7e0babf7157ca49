//! Locks on files and directories, which the kernel releases when their holder dies.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Who else may hold a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody.
    Exclusive,
    /// Others who share it.
    Shared,
}

/// Opens the file at `path` to lock it, and creates it if it does not exist. `None` if another
/// process holds the lock.
pub(crate) fn open(path: &Path, _: Sharing) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    options.open(path).map(Some)
}

/// Locks what [`open`] returned for as long as it is open. Returns `false` if another process holds
/// the lock.
pub(crate) fn take(file: &File, sharing: Sharing) -> io::Result<bool> {
    let operation = match sharing {
        Sharing::Exclusive => FlockOperation::NonBlockingLockExclusive,
        Sharing::Shared => FlockOperation::NonBlockingLockShared,
    };
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Locks a directory for as long as the returned file is open.
pub(crate) fn directory(path: &Path, sharing: Sharing) -> io::Result<File> {
    let directory = File::open(path)?;
    match take(&directory, sharing)? {
        true => Ok(directory),
        false => Err(io::ErrorKind::WouldBlock.into()),
    }
}
