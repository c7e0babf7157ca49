//! A directory in the cache through which a run and its owner meet: the run sees what is in it.
//!
//! A directory whose owner had no chance to remove it stays until the next of its kind sweeps it:
//! nobody holds its lock any more.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, mkfifoat};

use crate::process::clock;
use crate::process::error::{Error, IoContext as _, Result};

/// What is this young may be about to go on: a directory that its owner has not locked yet, a container
/// that was created to be started.
pub(crate) const YOUNG: Duration = Duration::from_secs(60);

/// A directory that runs see, removed when dropped.
#[derive(Debug)]
pub(crate) struct Shown {
    outer: PathBuf,
    path: PathBuf,
    _lock: File,
}

impl Shown {
    /// Makes one in `home`, where no other has this name, and sweeps what dead owners left there.
    pub(crate) fn new(home: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(home).on("create directory", home)?;
        sweep(home);
        let outer = home.join(name);
        // Other users of the machine cannot hold what they cannot reach. Whoever the command runs
        // as inside can: there only the inner directory is seen.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&outer)
            .on("create directory", &outer)?;
        let made = Shown::fill(&outer);
        if made.is_err() {
            let _ = fs::remove_dir_all(&outer);
        }
        made
    }

    /// Makes one in a directory that runs see already, and sweeps what dead owners left there.
    pub(crate) fn inside(seen: &Path, name: &str) -> Result<Self> {
        sweep(seen);
        let path = seen.join(name);
        fs::create_dir(&path).on("create directory", &path)?;
        let lock = permit(&path, 0o755).and_then(|()| held(&path));
        if lock.is_err() {
            let _ = fs::remove_dir_all(&path);
        }
        Ok(Shown {
            outer: path.clone(),
            path,
            _lock: lock?,
        })
    }

    /// Locks the directory and makes the one that is seen.
    fn fill(outer: &Path) -> Result<Self> {
        let lock = held(outer)?;
        let path = outer.join("shown");
        fs::create_dir(&path).on("create directory", &path)?;
        permit(&path, 0o755)?;
        Ok(Shown {
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

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.outer);
    }
}

/// Holds a directory for as long as what is returned lives.
fn held(dir: &Path) -> Result<File> {
    let lock = File::open(dir).on("open", dir)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|errno| Error::io("lock", dir, errno.into()))?;
    Ok(lock)
}

/// Whether somebody holds the directory, as far as that can be seen.
pub(crate) fn is_held(dir: &Path) -> bool {
    File::open(dir).is_ok_and(|dir| flock(&dir, FlockOperation::NonBlockingLockShared).is_err())
}

/// Makes a FIFO and opens both its ends, which does not wait for anybody, now or when it is used.
pub(crate) fn fifo(path: &Path) -> Result<File> {
    mkfifoat(CWD, path, Mode::RWXU).map_err(|errno| Error::io("create", path, errno.into()))?;
    permit(path, 0o666)?;
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let end = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|errno| Error::io("open", path, errno.into()))?;
    Ok(end.into())
}

pub(crate) fn permit(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).on("set the permissions of", path)
}

/// Removes what dead owners left, and says what. That it cannot be removed is no reason not to run.
pub(crate) fn sweep(home: &Path) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    let Ok(entries) = fs::read_dir(home) else {
        return removed;
    };
    let now = clock::unix_time();
    for path in entries.flatten().map(|entry| entry.path()) {
        let Ok(dir) = File::open(&path) else {
            continue;
        };
        let age = dir
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .map(|at| now.saturating_sub(at));
        let is_dead = || flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok();
        if age.is_some_and(|age| age > YOUNG) && is_dead() && fs::remove_dir_all(&path).is_ok() {
            removed.push(path);
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn it_is_gone_when_dropped_and_swept_when_its_owner_is_dead() {
        let cache = tempfile::tempdir().unwrap();
        let home = cache.path().join("lifelines");
        let there = || fs::read_dir(&home).unwrap().count();
        let old = SystemTime::UNIX_EPOCH + clock::unix_time() - 2 * YOUNG;
        let age = |name: &str| File::open(home.join(name)).unwrap().set_modified(old);

        let first = Shown::new(&home, "first").unwrap();
        age("first").unwrap();
        fs::create_dir_all(home.join("dead/shown")).unwrap();
        age("dead").unwrap();
        fs::create_dir_all(home.join("young/shown")).unwrap();
        let second = Shown::new(&home, "second").unwrap();
        assert!(!home.join("dead").exists(), "nobody holds it");
        assert!(home.join("young").exists(), "its owner may be at work");
        assert_eq!(there(), 3, "what is held stays");
        drop((first, second));
        assert_eq!(there(), 1);
    }
}
