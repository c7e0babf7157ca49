//! Opening what may be anything: only what it has to be is opened, and nothing waits for it.

use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use crate::process::error::Error;
use crate::process::untrusted::refused::{FileKind, Refused};

/// What is opened of a directory: the links that the inside may have put there are not followed.
pub(super) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// How a regular file is opened. A lease that the inside holds on it is an error and no wait.
pub(super) const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// How a named pipe is opened.
pub(super) const BOTH_ENDS: OFlags = OFlags::RDWR
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Why something was not opened.
#[derive(Debug)]
pub(super) enum Failure {
    Errno(Errno),
    Refused(Refused),
}

impl Failure {
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Failure::Errno(errno) => Error::io("open", path, errno.into()),
            Failure::Refused(refused) => Error::refused(path, refused),
        }
    }
}

/// Why `name` in `dir` could not be opened as a directory.
pub(super) fn not_entered(dir: BorrowedFd<'_>, name: &Path, errno: Errno) -> Failure {
    if matches!(
        errno,
        Errno::LOOP | Errno::NOTDIR | Errno::MLINK | Errno::NXIO
    ) {
        if let Ok(stat) = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            let kind = FileKind::of(FileType::from_raw_mode(stat.st_mode));
            if kind != FileKind::Directory {
                return Failure::Refused(Refused::NotDirectory(kind));
            }
        }
    }
    Failure::Errno(errno)
}

/// Opens the regular file `name` in `dir`. Nothing else is opened, not even for a moment: that may
/// start a device.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn open_in(dir: BorrowedFd<'_>, name: &Path) -> Result<(File, Stat), Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    open_found(&found)
}

/// The kernel's name for what `found` refers to.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn kernels_name(found: &OwnedFd) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", found.as_raw_fd())
}

/// Opens what `found` refers to, if it is a regular file: by the kernel's own name for it, which
/// nobody can replace.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn open_found(found: &OwnedFd) -> Result<(File, Stat), Failure> {
    let stat = regular(fstat(found).map_err(Failure::Errno)?)?;
    let opened = rustix::fs::open(kernels_name(found), READ, Mode::empty());
    let opened = opened.map_err(|errno| match errno {
        // The file is there: it is `/proc` that is not.
        Errno::NOENT => Failure::Errno(Errno::NOSYS),
        errno => Failure::Errno(errno),
    })?;
    let again = fstat(&opened).map_err(Failure::Errno)?;
    if (again.st_dev, again.st_ino) != (stat.st_dev, stat.st_ino) {
        return Err(Failure::Refused(Refused::Changed));
    }
    Ok((File::from(opened), again))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn open_fifo(dir: BorrowedFd<'_>, name: &Path) -> Result<File, Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    fifo(&fstat(&found).map_err(Failure::Errno)?)?;
    let opened = rustix::fs::open(kernels_name(&found), BOTH_ENDS, Mode::empty());
    Ok(opened.map_err(Failure::Errno)?.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn open_fifo(dir: BorrowedFd<'_>, name: &Path) -> Result<File, Failure> {
    fifo(&statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(Failure::Errno)?)?;
    let flags = BOTH_ENDS | OFlags::NOFOLLOW;
    let opened = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    fifo(&fstat(&opened).map_err(Failure::Errno)?)?;
    Ok(opened.into())
}

pub(super) fn fifo(stat: &Stat) -> Result<(), Failure> {
    match FileKind::of(FileType::from_raw_mode(stat.st_mode)) {
        FileKind::Fifo => Ok(()),
        other => Err(Failure::Refused(Refused::NotFifo(other))),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn open_anywhere(path: &Path) -> Result<(File, Stat), Failure> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::open(path, flags, Mode::empty()).map_err(Failure::Errno)?;
    open_found(&found)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn open_anywhere(path: &Path) -> Result<(File, Stat), Failure> {
    regular(rustix::fs::stat(path).map_err(Failure::Errno)?)?;
    let opened = rustix::fs::open(path, READ, Mode::empty()).map_err(Failure::Errno)?;
    let stat = regular(fstat(&opened).map_err(Failure::Errno)?)?;
    Ok((File::from(opened), stat))
}

/// Opens the regular file `name` in `dir`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn open_in(dir: BorrowedFd<'_>, name: &Path) -> Result<(File, Stat), Failure> {
    let found = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(Failure::Errno)?;
    let found = regular(found)?;
    let flags = READ | OFlags::NOFOLLOW;
    let opened = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    let stat = regular(fstat(&opened).map_err(Failure::Errno)?)?;
    if (found.st_dev, found.st_ino) != (stat.st_dev, stat.st_ino) {
        return Err(Failure::Refused(Refused::Changed));
    }
    Ok((File::from(opened), stat))
}

pub(super) fn regular(stat: Stat) -> Result<Stat, Failure> {
    match FileKind::of(FileType::from_raw_mode(stat.st_mode)) {
        FileKind::Regular => Ok(stat),
        other => Err(Failure::Refused(Refused::NotRegular(other))),
    }
}
