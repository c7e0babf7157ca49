//! Owners, permissions, times and blocks of files.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, RawMode, Timespec, Timestamps, UTIME_OMIT, fchmod, futimens};

use crate::os::file_facts::FileFacts;

/// Gives the file at `path` the permissions `mode`. Windows has none to give.
///
/// # Errors
///
/// The system's.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Gives an open file the permissions `mode`.
pub(crate) fn set_file_mode(file: &File, mode: u32) -> io::Result<()> {
    Ok(fchmod(file, Mode::from_raw_mode(raw(mode)))?)
}

fn raw(mode: u32) -> RawMode {
    // The permissions are its lowest bits.
    RawMode::try_from(mode & 0o7777).unwrap_or_default()
}

/// Creates a directory that its owner alone may enter, and the directories above it. On Windows it
/// may be entered by who may enter the directory above it.
///
/// # Errors
///
/// The system's, also for a directory that exists unless it is `recursive`.
pub fn create_private_directory(path: &Path, recursive: bool) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(recursive).mode(0o700).create(path)
}

/// Creates a symbolic link at `path` that leads to `to`.
pub(crate) fn create_link(to: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

/// Changes the owner of what is at `path`, itself a link or not.
pub(crate) fn change_owner(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid))
}

/// Whether a file may have extended attributes, such as capabilities. Hardly any file has.
pub(crate) fn has_attributes(path: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return crate::os::linux::attributes::exist(path);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = path;
        true
    }
}

/// Makes `to` share the blocks of `from`, if the file system can.
pub(crate) fn clone_blocks(from: &File, to: &File) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return crate::os::linux::blocks::clone(from, to);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (from, to);
        false
    }
}

/// Gives a copy the permissions `mode` and the time of the original.
pub(crate) fn finish_copy(copy: &File, mode: u32, original: &FileFacts) -> io::Result<()> {
    set_file_mode(copy, mode)?;
    let unchanged = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    let (seconds, nanoseconds) = original.modified;
    let modified = Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    Ok(futimens(
        copy,
        &Timestamps {
            last_access: unchanged,
            last_modification: modified,
        },
    )?)
}

/// The absolute path of `path` with its links followed, as programs and users write it: on Windows
/// without the prefix `\\?\`, with which no path begins with another one.
///
/// # Errors
///
/// The system's: for what does not exist, too.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}
