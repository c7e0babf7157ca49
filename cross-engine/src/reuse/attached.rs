//! A kept container that ends with its owner: it hangs on the standard input of the client that
//! started it.

use std::collections::VecDeque;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::engines::container;
use crate::engines::diagnosis;
use crate::engines::engine::Engine;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::{Invocation, Variables};
use crate::process::untrusted::limits;
use crate::process::{self, Exit, Stream};
use crate::reuse::script::READY;
use crate::run::engine_run::KEPT_LINES;
use crate::run::fifo_lifeline::Watcher;

/// How often a cancellation is looked for.
const POLL: Duration = Duration::from_millis(50);
/// How long its lifeline may take to end it.
const GRACE: Duration = Duration::from_secs(8);

/// The client of a container that ends when this is dropped, or its process dies.
#[derive(Debug)]
pub(super) struct Attached {
    child: Child,
    /// Read no more, but open: a client that cannot write would fail.
    _lines: Receiver<(Stream, String)>,
    /// What makes sure that it is gone.
    removal: [Invocation; 2],
    variables: Variables,
    /// Outlives the container: it is let go of when that is gone.
    _watcher: Watcher,
}

impl Attached {
    /// Starts the container `name` by `start`, and waits until it can be entered.
    pub(super) fn start(
        engine: &Engine,
        start: &Invocation,
        name: &str,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<Self> {
        let what = "the start of a container";
        cancel.check().map_err(|why| Error::stopped(why, what))?;
        let watcher = engine.watcher(name, host)?;
        let mut child = process::command(start, &host.variables)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| process::spawn_error(start, error))?;
        let (sender, lines) = sync_channel(limits::WAITING_LINES);
        if let Some(stdout) = child.stdout.take() {
            process::read_lines(Stream::Stdout, stdout, limits::LINE, sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            process::read_lines(Stream::Stderr, stderr, limits::LINE, sender);
        }
        let mut attached = Attached {
            child,
            _lines: lines,
            removal: [
                container::kill(engine, name),
                container::remove(engine, name),
            ],
            variables: host.variables.clone(),
            _watcher: watcher,
        };
        let mut said = VecDeque::new();
        loop {
            match attached._lines.recv_timeout(POLL) {
                Ok((Stream::Stdout, line)) if line == READY => return Ok(attached),
                Ok((_, line)) => {
                    said.push_back(line);
                    if said.len() > KEPT_LINES {
                        said.pop_front();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let exit = attached.exit();
                    let said = Vec::from(said).join("\n");
                    return Err(not_started(engine, exit, &said));
                }
            }
            cancel.check().map_err(|why| Error::stopped(why, what))?;
        }
    }

    /// Whether the container runs, as far as its client knows.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Tells it to end.
    pub(super) fn let_go(&mut self) {
        self.child.stdin = None;
    }

    fn exit(&mut self) -> Exit {
        let status = self.child.wait();
        status.map_or(Exit::unknown(), Exit::of)
    }

    fn is_gone_within(&mut self, grace: Duration) -> bool {
        let patience = clock::now() + grace;
        while clock::now() < patience {
            if !self.is_running() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.let_go();
        if self.is_gone_within(GRACE) {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let soon = Cancel::new().with_deadline(Duration::from_secs(5));
        for step in &self.removal {
            let _ = process::output(step, &self.variables, &soon);
        }
    }
}

/// The error for a container that did not start.
pub(super) fn not_started(engine: &Engine, exit: Exit, said: &str) -> Error {
    if diagnosis::says_no_image(said) {
        let message = format!(
            "the environment's image is gone: {}",
            diagnosis::last_line(said)
        );
        return Error::new(ErrorKind::Environment, message)
            .with_help("run it again: what is missing is made or fetched first");
    }
    diagnosis::of_no_start(engine.kind, exit, said).unwrap_or_else(|| {
        let message = format!("a container that was to be kept ended at once ({exit})");
        Error::new(ErrorKind::EngineCannotStart, message)
            .with_help("see whether its image has `sh` and `sleep`, or do not keep containers")
    })
}
