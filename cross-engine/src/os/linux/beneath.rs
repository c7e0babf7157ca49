//! Opening what may be anything, by a descriptor that only refers to it: nothing but what has to be
//! opened is opened, not even for a moment. That may start a device.

use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use crate::os::failure::Failure;
use crate::os::file_facts::FileFacts;
use crate::os::unix::file_facts::{fifo, of_stat, regular};

/// How what may be anything is referred to.
const FOUND: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// Opens the regular file `name` in `dir`.
pub(crate) fn open_in(
    dir: BorrowedFd<'_>,
    name: &Path,
    how: OFlags,
) -> Result<(File, FileFacts), Failure> {
    open_found(&refer(dir, name)?, how)
}

/// Opens the named pipe `name` in `dir`.
pub(crate) fn open_fifo(dir: BorrowedFd<'_>, name: &Path, how: OFlags) -> Result<File, Failure> {
    let found = refer(dir, name)?;
    fifo(&of_stat(&fstat(&found).map_err(error)?))?;
    Ok(rustix::fs::open(kernels_name(&found), how, Mode::empty())
        .map_err(error)?
        .into())
}

/// Opens the regular file at `path`, wherever links lead.
pub(crate) fn open_anywhere(path: &Path, how: OFlags) -> Result<(File, FileFacts), Failure> {
    let found = rustix::fs::open(path, FOUND, Mode::empty()).map_err(error)?;
    open_found(&found, how)
}

/// Opens the regular file at `relative` beneath `dir` in one step. `None` if that tells nothing:
/// the kernel has no such call, a filter forbids it, or the path is none to follow.
pub(crate) fn open_beneath(
    dir: BorrowedFd<'_>,
    relative: &Path,
    how: OFlags,
) -> Option<Result<(File, FileFacts), Failure>> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = FOUND | OFlags::NOFOLLOW;
    match openat2(dir, relative, flags, Mode::empty(), resolve) {
        Ok(found) => Some(open_found(&found, how)),
        Err(Errno::NOENT) => Some(Err(error(Errno::NOENT))),
        Err(_) => None,
    }
}

fn refer(dir: BorrowedFd<'_>, name: &Path) -> Result<OwnedFd, Failure> {
    openat(dir, name, FOUND | OFlags::NOFOLLOW, Mode::empty()).map_err(error)
}

/// The kernel's name for what `found` refers to.
fn kernels_name(found: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", found.as_raw_fd())
}

/// Opens what `found` refers to, if it is a regular file: by the kernel's own name for it, which
/// nobody can replace.
fn open_found(found: &OwnedFd, how: OFlags) -> Result<(File, FileFacts), Failure> {
    let facts = of_stat(&fstat(found.as_fd()).map_err(error)?);
    regular(&facts)?;
    let opened = rustix::fs::open(kernels_name(found), how, Mode::empty());
    let opened = opened.map_err(|errno| match errno {
        // The file is there: it is `/proc` that is not.
        Errno::NOENT => error(Errno::NOSYS),
        errno => error(errno),
    })?;
    let again = of_stat(&fstat(&opened).map_err(error)?);
    if again.identity() != facts.identity() {
        return Err(Failure::Changed);
    }
    Ok((File::from(opened), again))
}

fn error(errno: Errno) -> Failure {
    Failure::Io(errno.into())
}
