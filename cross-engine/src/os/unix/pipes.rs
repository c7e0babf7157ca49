//! Named pipes.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Whether there are any.
pub(crate) const EXIST: bool = true;

/// Creates a named pipe and opens both of its ends. Neither this nor its use ever blocks. The owner
/// of the directory decides who reaches it: everybody may use it.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    make(path)?;
    super::files::set_mode(path, 0o666)?;
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

#[cfg(not(target_vendor = "apple"))]
fn make(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mkfifoat(rustix::fs::CWD, path, Mode::RWXU)?)
}

#[cfg(target_vendor = "apple")]
fn make(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU)?)
}

/// Waits until there is something to read in `pipe`, but not for longer than `limit`. Returns
/// whether there is.
pub(crate) fn wait(pipe: &File, limit: Duration) -> io::Result<bool> {
    let limit = Timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&limit)) {
        Ok(0) | Err(Errno::INTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(errno) => Err(errno.into()),
    }
}
