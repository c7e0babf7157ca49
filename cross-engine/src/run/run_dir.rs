//! A directory in the cache that a run shares with its owner.
//!
//! A directory whose owner could not remove it stays until the next one in the same place sweeps
//! it: nobody holds its lock any more.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::os::{self, Sharing, locks, pipes};
use crate::process::clock;
use crate::process::error::{IoContext as _, Result};

/// What is younger than this may still be needed: a directory that its owner has not locked yet, or
/// a container that is created but not started yet.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// A directory that a run sees, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct RunDir {
    outer: PathBuf,
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Creates one in `home` under a name that is unique there, and removes what dead owners left.
    pub(crate) fn new(home: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(home).on("create directory", home)?;
        sweep(home);
        let outer = home.join(name);
        // Other users of the machine cannot lock what they cannot reach. The command's user may be
        // another one, but it sees only the inner directory.
        os::create_private_directory(&outer, false).on("create directory", &outer)?;
        let created = RunDir::fill(&outer);
        if created.is_err() {
            let _ = fs::remove_dir_all(&outer);
        }
        created
    }

    /// Creates one in a directory that runs see already, and removes what dead owners left.
    pub(crate) fn inside(parent: &Path, name: &str) -> Result<Self> {
        sweep(parent);
        let path = parent.join(name);
        fs::create_dir(&path).on("create directory", &path)?;
        let lock = set_mode(&path, 0o755).and_then(|()| lock_dir(&path));
        if lock.is_err() {
            let _ = fs::remove_dir_all(&path);
        }
        Ok(RunDir {
            outer: path.clone(),
            path,
            _lock: lock?,
        })
    }

    /// Locks the directory and creates the inner one, which runs see.
    fn fill(outer: &Path) -> Result<Self> {
        let lock = lock_dir(outer)?;
        let path = outer.join("shown");
        fs::create_dir(&path).on("create directory", &path)?;
        set_mode(&path, 0o755)?;
        Ok(RunDir {
            outer: outer.to_owned(),
            path,
            _lock: lock,
        })
    }

    /// The directory that runs see.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.outer);
    }
}

/// Locks a directory for as long as the returned file is open.
fn lock_dir(dir: &Path) -> Result<File> {
    locks::directory(dir, Sharing::Exclusive).on("lock", dir)
}

/// Whether somebody has locked the directory, as far as this user can see.
pub(crate) fn is_locked(dir: &Path) -> bool {
    let locked = locks::directory(dir, Sharing::Shared);
    locked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Creates a FIFO and opens both of its ends. Neither this nor its use ever blocks.
pub(crate) fn create_fifo(path: &Path) -> Result<File> {
    pipes::create(path).on("create", path)
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    os::set_mode(path, mode).on("set the permissions of", path)
}

/// Removes the directories that dead owners left, and returns them. One that cannot be removed is
/// no obstacle to a run.
pub(crate) fn sweep(home: &Path) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    let Ok(entries) = fs::read_dir(home) else {
        return removed;
    };
    let now = clock::unix_time();
    for path in entries.flatten().map(|entry| entry.path()) {
        let age = path
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .map(|at| now.saturating_sub(at));
        if age.is_none_or(|age| age <= GRACE) {
            continue;
        }
        // The lock is held until the directory is gone.
        if let Ok(_lock) = locks::directory(&path, Sharing::Exclusive) {
            if fs::remove_dir_all(&path).is_ok() {
                removed.push(path);
            }
        }
    }
    removed
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn it_is_gone_when_dropped_and_swept_when_its_owner_is_abandoned() {
        let cache = tempfile::tempdir().unwrap();
        let home = cache.path().join("lifelines");
        let count = || fs::read_dir(&home).unwrap().count();
        let old = SystemTime::UNIX_EPOCH + clock::unix_time() - 2 * GRACE;
        let age = |name: &str| File::open(home.join(name)).unwrap().set_modified(old);

        let first = RunDir::new(&home, "first").unwrap();
        age("first").unwrap();
        fs::create_dir_all(home.join("dead/shown")).unwrap();
        age("dead").unwrap();
        fs::create_dir_all(home.join("young/shown")).unwrap();
        let second = RunDir::new(&home, "second").unwrap();
        assert!(!home.join("dead").exists(), "nobody holds it");
        assert!(home.join("young").exists(), "its owner may be at work");
        assert_eq!(count(), 3, "what is held stays");
        drop((first, second));
        assert_eq!(count(), 1);
    }
}
