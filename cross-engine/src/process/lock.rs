//! A lock between processes that the kernel releases when its holder dies.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation::{self, NonBlockingLockExclusive, NonBlockingLockShared};
use rustix::fs::flock;
use rustix::io::Errno;

use crate::process::cancel::Cancel;
use crate::process::error::{Error, IoContext as _, Result};

const POLL: Duration = Duration::from_millis(100);

/// A lock on a file, held until dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Waits for the lock on the file at `path`, which is created with its directory if need be.
    /// `waiting` is called once if another process holds it.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or locked, or `cancel` ends the wait.
    pub fn acquire(path: &Path, cancel: &Cancel, waiting: &mut dyn FnMut()) -> Result<Self> {
        Lock::wait(path, NonBlockingLockExclusive, cancel, waiting)
    }

    /// The same for one that others may hold at the same time, but nobody as their own alone.
    pub(crate) fn acquire_shared(
        path: &Path,
        cancel: &Cancel,
        waiting: &mut dyn FnMut(),
    ) -> Result<Self> {
        Lock::wait(path, NonBlockingLockShared, cancel, waiting)
    }

    fn wait(
        path: &Path,
        how: FlockOperation,
        cancel: &Cancel,
        waiting: &mut dyn FnMut(),
    ) -> Result<Self> {
        let mut told = false;
        loop {
            if let Some(lock) = Lock::attempt(path, how)? {
                return Ok(lock);
            }
            if !told {
                waiting();
                told = true;
            }
            cancel
                .check()
                .map_err(|why| Error::stopped(why, "the wait for another process"))?;
            thread::sleep(POLL);
        }
    }

    /// Takes the lock on the file at `path`, which is created with its directory if need be; nothing if
    /// another process holds it.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or locked.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        Lock::attempt(path, NonBlockingLockExclusive)
    }

    fn attempt(path: &Path, how: FlockOperation) -> Result<Option<Self>> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).on("create directory", dir)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .on("open", path)?;
        match flock(&file, how) {
            Ok(()) => Ok(Some(Lock(file))),
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(None),
            Err(errno) => Err(Error::io("lock", path, errno.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/one");
        let first =
            Lock::acquire(&path, &Cancel::new(), &mut || panic!("nobody holds it")).unwrap();
        let mut waited = 0;
        let soon = Cancel::new().with_deadline(Duration::from_millis(150));
        Lock::acquire(&path, &soon, &mut || waited += 1).unwrap_err();
        assert_eq!(waited, 1);
        drop(first);
        Lock::acquire(&path, &Cancel::new(), &mut || panic!("it was released")).unwrap();
    }

    #[test]
    fn those_who_share_wait_for_the_one_who_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one");
        let nobody = &mut || panic!("nobody is in the way");
        let shared = [(); 2].map(|()| Lock::acquire_shared(&path, &Cancel::new(), nobody));
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(shared.map(Result::unwrap));
        let _alone = Lock::try_acquire(&path).unwrap().unwrap();
        let soon = Cancel::new().with_deadline(Duration::from_millis(150));
        Lock::acquire_shared(&path, &soon, &mut || ()).unwrap_err();
    }
}
