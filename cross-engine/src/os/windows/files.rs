//! Owners, permissions, times and blocks of files, most of which Windows does not have.

use std::fs::{self, DirBuilder, File, FileTimes};
use std::io;
use std::path::{Component, Path, PathBuf, Prefix};
use std::time::{Duration, SystemTime};

use crate::os::file_facts::FileFacts;

/// Gives the file at `path` the permissions `mode`. Windows has none to give.
///
/// # Errors
///
/// The system's.
pub fn set_mode(path: &Path, _: u32) -> io::Result<()> {
    fs::symlink_metadata(path).map(drop)
}

/// Gives an open file the permissions `mode`, which Windows does not have.
pub(crate) fn set_file_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

/// Creates a directory that its owner alone may enter, and the directories above it. On Windows it
/// may be entered by who may enter the directory above it.
///
/// # Errors
///
/// The system's, also for a directory that exists unless it is `recursive`.
pub fn create_private_directory(path: &Path, recursive: bool) -> io::Result<()> {
    DirBuilder::new().recursive(recursive).create(path)
}

/// Creates a symbolic link, which Windows lets hardly any user do.
pub(crate) fn create_link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Changes the owner of what is at `path`: nothing on Windows is a Unix user's.
pub(crate) fn change_owner(_: &Path, _: u32, _: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether a file may have extended attributes.
pub(crate) fn has_attributes(_: &Path) -> bool {
    true
}

/// Makes `to` share the blocks of `from`, if the file system can.
pub(crate) fn clone_blocks(_: &File, _: &File) -> bool {
    false
}

/// Gives a copy the time of the original.
pub(crate) fn finish_copy(copy: &File, _: u32, original: &FileFacts) -> io::Result<()> {
    let (seconds, nanoseconds) = original.modified;
    let since = Duration::new(
        seconds.unsigned_abs(),
        nanoseconds.try_into().unwrap_or_default(),
    );
    let modified = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(since),
        _ => SystemTime::UNIX_EPOCH.checked_sub(since),
    };
    let modified = modified.ok_or(io::ErrorKind::InvalidData)?;
    copy.set_times(FileTimes::new().set_modified(modified))
}

/// The absolute path of `path` with its links followed, as programs and users write it: on Windows
/// without the prefix `\\?\`, with which no path begins with another one.
///
/// # Errors
///
/// The system's: for what does not exist, too.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    let real = path.canonicalize()?;
    let mut components = real.components();
    let drive = match components.next() {
        Some(Component::Prefix(prefix)) => prefix.kind(),
        _ => return Ok(real),
    };
    Ok(match drive {
        Prefix::VerbatimDisk(letter) => {
            let drive = format!("{}:", char::from(letter.to_ascii_uppercase()));
            Path::new(&drive).join(components.as_path())
        }
        // A share has no place in a container, and what it is called says why.
        _ => real,
    })
}
