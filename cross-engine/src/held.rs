//! The lifeline of a run whose standard input is the program's: a FIFO that its owner holds open.
//!
//! It is in a directory of its own that the run sees read only. The owner's end is closed by the
//! owner or, however the owner dies, by the kernel. A second FIFO tells the owner that the command was
//! reached, so that a failure of the engine is told apart from the command's without reading what
//! either prints.
//!
//! A directory whose owner had no chance to remove it stays in the cache until the next run of this
//! kind sweeps it: nobody holds its lock any more.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, mkfifoat};

use crate::clock;
use crate::error::{Error, IoContext as _, Result};
use crate::host::Host;
use crate::invocation::{Invocation, Variables};
use crate::process;

/// The FIFO whose end is the end of the run.
const LIFE: &str = "life";
/// The FIFO that says the command was reached.
const BEGUN: &str = "begun";
/// What is read from the first by a run whose owner is alive and on the same machine.
const HELD: &[u8] = b"held\n";
/// A directory this young may be one that its owner has not locked yet.
const YOUNG: Duration = Duration::from_secs(60);

/// A lifeline through the file system, removed when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    dir: PathBuf,
    begun: File,
    _lock: File,
}

impl Held {
    /// Makes one, and returns it with the end whose closing ends the run.
    pub(crate) fn new(host: &Host, name: &str) -> Result<(Self, OwnedFd)> {
        let home = host.cache.join("lifelines");
        fs::create_dir_all(&home).on("create directory", &home)?;
        sweep(&home);
        let dir = home.join(name);
        // Other users of the machine cannot hold what they cannot reach. Whoever the command runs
        // as inside can: there only the inner directory is seen.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .on("create directory", &dir)?;
        let made = fill(&dir);
        if made.is_err() {
            let _ = fs::remove_dir_all(&dir);
        }
        made
    }

    /// The directory that the run has to see, read only.
    pub(crate) fn shown(&self) -> PathBuf {
        shown(&self.dir)
    }

    /// Whether the command was reached: what came before was the engine's part.
    pub(crate) fn begun(&self) -> bool {
        matches!((&self.begun).read(&mut [0]), Ok(1))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Locks the directory and makes what belongs in it.
fn fill(dir: &Path) -> Result<(Held, OwnedFd)> {
    let lock = File::open(dir).on("open", dir)?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive)
        .map_err(|errno| Error::io("lock", dir, errno.into()))?;
    let shown = shown(dir);
    fs::create_dir(&shown).on("create directory", &shown)?;
    permit(&shown, 0o755)?;
    let (mut life, begun) = (fifo(&shown.join(LIFE))?, fifo(&shown.join(BEGUN))?);
    life.write_all(HELD).on("write", shown.join(LIFE))?;
    let held = Held {
        dir: dir.to_owned(),
        begun,
        _lock: lock,
    };
    Ok((held, life.into()))
}

fn shown(dir: &Path) -> PathBuf {
    dir.join("shown")
}

/// Makes a FIFO and opens both its ends, which does not wait for anybody.
fn fifo(path: &Path) -> Result<File> {
    mkfifoat(CWD, path, Mode::RWXU).map_err(|errno| Error::io("create", path, errno.into()))?;
    permit(path, 0o666)?;
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let end = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|errno| Error::io("open", path, errno.into()))?;
    Ok(end.into())
}

fn permit(path: &Path, mode: u32) -> Result<()> {
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

/// A process of the host that waits for its owner's end, to tidy up after it: see [`Watcher::start`].
#[derive(Debug)]
pub(crate) struct Watcher(Child);

impl Watcher {
    /// Starts `invocation`, which reads its standard input: a line there says that it is needed no
    /// more, the end of it that its owner died.
    pub(crate) fn start(invocation: &Invocation, caller: &Variables) -> Result<Self> {
        let child = process::command(invocation, caller)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| process::spawn_error(invocation, e))?;
        Ok(Watcher(child))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(mut stdin) = self.0.stdin.take() {
            // If nobody reads it any more, that is as well.
            let _ = stdin.write_all(b"\n");
        }
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn it_is_gone_when_dropped_and_swept_when_its_owner_is_dead() {
        let cache = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let home = cache.path().join("lifelines");
        let there = || fs::read_dir(&home).unwrap().count();
        let old = SystemTime::UNIX_EPOCH + clock::unix_time() - 2 * YOUNG;
        let age = |name: &str| File::open(home.join(name)).unwrap().set_modified(old);

        let (first, _end) = Held::new(&host, "first").unwrap();
        age("first").unwrap();
        fs::create_dir_all(home.join("dead/shown")).unwrap();
        age("dead").unwrap();
        fs::create_dir_all(home.join("young/shown")).unwrap();
        let (second, _end) = Held::new(&host, "second").unwrap();
        assert!(!home.join("dead").exists(), "nobody holds it");
        assert!(home.join("young").exists(), "its owner may be at work");
        assert_eq!(there(), 3, "what is held stays");
        drop((first, second));
        assert_eq!(there(), 1);
    }

    #[test]
    fn it_hears_that_the_command_was_reached() {
        let cache = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let (held, _end) = Held::new(&host, "one").unwrap();
        assert!(!held.begun());
        fs::write(held.shown().join(BEGUN), "\n").unwrap();
        assert!(held.begun());
    }
}
