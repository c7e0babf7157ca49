//! Locks on files and directories, which the system releases when their holder dies.
//!
//! On Windows whoever has a file open says what others may do with it meanwhile.

use std::fs::File;
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

const SHARE_READ: u32 = 0x1;
const SHARE_WRITE: u32 = 0x2;
const SHARE_DELETE: u32 = 0x4;
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
const READ: u32 = 0x8000_0000;
/// The error of who may not do what another's open file forbids.
const SHARING_VIOLATION: i32 = 32;

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
pub(crate) fn open(path: &Path, sharing: Sharing) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.read(true).share_mode(match sharing {
        Sharing::Exclusive => 0,
        Sharing::Shared => SHARE_READ,
    });
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Who creates it has it for a moment only, without a lock.
            let mut creating = File::options();
            let all = SHARE_READ | SHARE_WRITE | SHARE_DELETE;
            let creating = creating.write(true).create(true).truncate(false);
            drop(creating.share_mode(all).open(path)?);
            locked(options.open(path))
        }
        opened => locked(opened),
    }
}

/// Locks what [`open`] returned for as long as it is open: it is.
pub(crate) fn take(_: &File, _: Sharing) -> io::Result<bool> {
    Ok(true)
}

/// Locks a directory for as long as the returned file is open. What is in it can be used.
pub(crate) fn directory(path: &Path, sharing: Sharing) -> io::Result<File> {
    let open = |share| {
        let mut options = File::options();
        options.access_mode(READ).custom_flags(BACKUP_SEMANTICS);
        options.share_mode(share).open(path)
    };
    // Nobody has it open, not even to read what is in it.
    let alone = open(SHARE_DELETE);
    match locked(alone)? {
        None => Err(io::ErrorKind::WouldBlock.into()),
        Some(alone) if sharing == Sharing::Shared => Ok(alone),
        Some(alone) => {
            drop(alone);
            open(SHARE_READ | SHARE_WRITE | SHARE_DELETE)
        }
    }
}

fn locked(opened: io::Result<File>) -> io::Result<Option<File>> {
    match opened {
        Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
        opened => opened.map(Some),
    }
}
