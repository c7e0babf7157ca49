//! The lifeline of a run whose standard input is the program's: a FIFO that its owner holds open.
//!
//! It is in a directory of its own that the run sees read only. The owner's end is closed by the
//! owner or, however the owner dies, by the kernel. A second FIFO tells the owner that the command was
//! reached, so that a failure of the engine is told apart from the command's without reading what
//! either prints.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::process;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::process::invocation::{Invocation, Variables};
use crate::run::run_dir::{Shown, fifo};

/// The directory of the cache where lifelines are.
pub(crate) const HOME: &str = "lifelines";
/// The FIFO whose end is the end of the run.
const LIFE: &str = "life";
/// The FIFO that says the command was reached.
const BEGUN: &str = "begun";
/// What is read from the first by a run whose owner is alive and on the same machine.
const HELD: &[u8] = b"held\n";
/// A lifeline through the file system, removed when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    dir: Shown,
    begun: File,
}

impl Held {
    /// Makes one, and returns it with the end whose closing ends the run.
    pub(crate) fn new(host: &Host, name: &str) -> Result<(Self, OwnedFd)> {
        Held::at(Shown::new(&host.cache.join(HOME), name)?)
    }

    /// The same in this directory.
    pub(crate) fn at(dir: Shown) -> Result<(Self, OwnedFd)> {
        let shown = dir.path();
        let (mut life, begun) = (fifo(&shown.join(LIFE))?, fifo(&shown.join(BEGUN))?);
        life.write_all(HELD).on("write", shown.join(LIFE))?;
        Ok((Held { dir, begun }, life.into()))
    }

    /// The directory that the run has to see, read only.
    pub(crate) fn shown(&self) -> PathBuf {
        self.dir.path().to_owned()
    }

    /// Whether the command was reached: what came before was the engine's part.
    pub(crate) fn begun(&self) -> bool {
        matches!((&self.begun).read(&mut [0]), Ok(1))
    }
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
    use std::fs;

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
