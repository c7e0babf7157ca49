//! The lifeline of a run whose standard input is the program's: a FIFO that the owner holds open.
//!
//! It is in a directory of its own, which the run sees read only. The owner's end is closed by the
//! owner or, if the owner dies, by the kernel. A second FIFO tells the owner that the command was
//! reached, so that a failure of the engine can be told from one of the command without reading
//! what either prints.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio as ProcessStdio};

use crate::engines::engine::Engine;
use crate::os::{self, HAS_SHELL};
use crate::process::error::{IoContext as _, Result};
use crate::process::invocation::{Invocation, Variables};
use crate::process::{self, ChildIo, Stdin};
use crate::run::run_dir::{RunDir, create_fifo};
use crate::spec::run_spec::{RunSpec, Stdio};

/// The cache's subdirectory for lifelines.
pub(crate) const LIFELINES: &str = "lifelines";
/// The FIFO whose end is the end of the run.
const LIFE: &str = "life";
/// The FIFO that tells the owner that the command was reached.
const BEGUN: &str = "begun";
/// The line that a run reads from [`LIFE`] if its owner is alive and on the same machine.
const HELD: &[u8] = b"held\n";

/// A lifeline in the file system, removed when it is dropped.
#[derive(Debug)]
pub(crate) struct FifoLifeline {
    begun: File,
    dir: RunDir,
}

impl FifoLifeline {
    /// Creates the FIFOs in `dir`, and returns the end whose closing ends the run.
    fn new(dir: RunDir) -> Result<(Self, File)> {
        let (life, begun) = (dir.path().join(LIFE), dir.path().join(BEGUN));
        let mut end = create_fifo(&life)?;
        let begun = create_fifo(&begun)?;
        end.write_all(HELD).on("write", life)?;
        let lifeline = FifoLifeline { begun, dir };
        Ok((lifeline, end))
    }

    /// Whether the command was reached. Everything before that is the engine's part.
    pub(crate) fn has_begun(&self) -> bool {
        matches!((&self.begun).read(&mut [0]), Ok(1))
    }
}

/// Returns the streams of a run of `spec` on `engine`, and its lifeline in `dir` if its standard
/// input is the program's. `spec` is changed to see that directory. If runs have a kernel of their
/// own, there is no lifeline, since nobody ever writes into the pipe that they would see: the run
/// then ends with its owner if the owner ends in an orderly way.
pub(crate) fn attach(
    engine: &Engine,
    spec: &mut RunSpec,
    dir: Option<RunDir>,
) -> Result<(ChildIo, Option<FifoLifeline>)> {
    let mut io = ChildIo {
        inherit_output: spec.stdio == Stdio::Inherit,
        ..ChildIo::default()
    };
    // On another machine, there is no directory.
    if spec.has_stdin() {
        io.stdin = Stdin::Inherit;
    }
    let Some(dir) = dir.filter(|_| !engine.own_kernel) else {
        return Ok((io, None));
    };
    let (lifeline, end) = FifoLifeline::new(dir)?;
    spec.lifeline_dir = Some(lifeline.dir.path().to_owned());
    io.lifeline = Some(end);
    Ok((io, Some(lifeline)))
}

/// A process of the host that waits for the end of its owner. A host without a shell has none.
#[derive(Debug)]
pub(crate) struct Watcher(Option<Child>);

impl Watcher {
    /// Starts `invocation`, which reads its standard input. A line there means that it is not
    /// needed any more; the end of input means that its owner died, and that it has to clean up.
    pub(crate) fn start(invocation: &Invocation, caller: &Variables) -> Result<Self> {
        if !HAS_SHELL {
            return Ok(Watcher(None));
        }
        let mut command = process::command(invocation, caller);
        os::lead_group(&mut command);
        let child = command
            .stdin(ProcessStdio::piped())
            .stdout(ProcessStdio::null())
            .stderr(ProcessStdio::null())
            .spawn()
            .map_err(|error| process::spawn_error(invocation, error))?;
        Ok(Watcher(Some(child)))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let Some(child) = &mut self.0 else {
            return;
        };
        if let Some(mut stdin) = child.stdin.take() {
            // It may have exited already.
            let _ = stdin.write_all(b"\n");
        }
        let _ = child.wait();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn it_hears_that_the_command_was_reached() {
        let cache = tempfile::tempdir().unwrap();
        let dir = RunDir::new(&cache.path().join(LIFELINES), "one").unwrap();
        let (lifeline, _end) = FifoLifeline::new(dir).unwrap();
        assert!(!lifeline.has_begun());
        fs::write(lifeline.dir.path().join(BEGUN), "\n").unwrap();
        assert!(lifeline.has_begun());
    }
}
