//! A file lock between processes, which the kernel releases when its holder dies.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::os::Sharing;
use crate::os::locks;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, IoContext as _, Result};

const POLL: Duration = Duration::from_millis(100);

/// A lock on a file, held until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Waits for an exclusive lock on the file at `path`, and creates the file and its directory if
    /// they do not exist. Calls `waiting` once if another process holds the lock.
    ///
    /// # Errors
    ///
    /// If the file cannot be created or locked, or `cancel` ends the wait.
    pub fn acquire(path: &Path, cancel: &Cancel, waiting: &mut dyn FnMut()) -> Result<Self> {
        Lock::acquire_with(path, Sharing::Exclusive, cancel, waiting)
    }

    /// Like [`acquire`](Lock::acquire), for a shared lock.
    pub(crate) fn acquire_shared(
        path: &Path,
        cancel: &Cancel,
        waiting: &mut dyn FnMut(),
    ) -> Result<Self> {
        Lock::acquire_with(path, Sharing::Shared, cancel, waiting)
    }

    fn acquire_with(
        path: &Path,
        sharing: Sharing,
        cancel: &Cancel,
        waiting: &mut dyn FnMut(),
    ) -> Result<Self> {
        let mut notified = false;
        loop {
            if let Some(lock) = Lock::try_acquire_with(path, sharing)? {
                return Ok(lock);
            }
            if !notified {
                waiting();
                notified = true;
            }
            cancel
                .check()
                .map_err(|why| Error::stopped(why, "the wait for another process"))?;
            thread::sleep(POLL);
        }
    }

    /// Takes an exclusive lock on the file at `path` without waiting, and creates the file and its
    /// directory if they do not exist. Returns `None` if another process holds the lock.
    ///
    /// # Errors
    ///
    /// If the file cannot be created or locked.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        Lock::try_acquire_with(path, Sharing::Exclusive)
    }

    fn try_acquire_with(path: &Path, sharing: Sharing) -> Result<Option<Self>> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).on("create directory", dir)?;
        }
        let Some(file) = locks::open(path, sharing).on("open", path)? else {
            return Ok(None);
        };
        let is_taken = locks::take(&file, sharing).on("lock", path)?;
        Ok(is_taken.then_some(Lock(file)))
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
        let briefly = Cancel::new().with_deadline(Duration::from_millis(150));
        Lock::acquire(&path, &briefly, &mut || waited += 1).unwrap_err();
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
        let briefly = Cancel::new().with_deadline(Duration::from_millis(150));
        Lock::acquire_shared(&path, &briefly, &mut || ()).unwrap_err();
    }
}
