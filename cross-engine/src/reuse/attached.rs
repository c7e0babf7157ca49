//! A container that ends with its owner, because its lifeline is the standard input of the client
//! that started it.

use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::engines::container;
use crate::engines::diagnosis;
use crate::engines::engine::Engine;
use crate::os;
use crate::process::TailLines;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::{Invocation, Variables};
use crate::process::untrusted::limits;
use crate::process::{self, Exit, Stream};
use crate::reuse::script::READY;
use crate::run::engine_run::STDERR_LINES;
use crate::run::fifo_lifeline::Watcher;

/// The interval at which cancellation is checked.
const POLL: Duration = Duration::from_millis(50);
/// How long the container may take to end after its lifeline.
const GRACE: Duration = Duration::from_secs(8);

/// The client of a container that ends when this is dropped or its process dies.
#[derive(Debug)]
pub(super) struct AttachedContainer {
    client: Child,
    /// Nobody reads it any more, but it stays open: a client that cannot write fails.
    output: Receiver<(Stream, String)>,
    /// The commands that kill and remove the container.
    removal: [Invocation; 2],
    variables: Variables,
    /// Dropped after the container is gone.
    _watcher: Watcher,
}

impl AttachedContainer {
    /// Starts the container `name` by the command `start`, and waits until it can be entered.
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
        let mut client = process::command(start, &host.variables);
        os::lead_group(&mut client);
        let mut client = client
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| process::spawn_error(start, error))?;
        let (sender, output) = sync_channel(limits::WAITING_LINES);
        if let Some(stdout) = client.stdout.take() {
            process::spawn_line_reader(Stream::Stdout, stdout, limits::LINE, sender.clone());
        }
        if let Some(stderr) = client.stderr.take() {
            process::spawn_line_reader(Stream::Stderr, stderr, limits::LINE, sender);
        }
        let mut attached = AttachedContainer {
            client,
            output,
            removal: [
                container::kill(engine, name),
                container::remove(engine, name),
            ],
            variables: host.variables.clone(),
            _watcher: watcher,
        };
        let mut printed = TailLines::new(STDERR_LINES);
        loop {
            match attached.output.recv_timeout(POLL) {
                Ok((Stream::Stdout, line)) if line == READY => return Ok(attached),
                Ok((_, line)) => printed.push(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let exit = attached.wait();
                    return Err(not_started(engine, exit, &printed.text()));
                }
            }
            cancel.check().map_err(|why| Error::stopped(why, what))?;
        }
    }

    /// Whether the container runs, as far as its client knows.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.client.try_wait(), Ok(None))
    }

    /// Tells the container to end, without waiting for it.
    pub(super) fn stop(&mut self) {
        self.client.stdin = None;
    }

    fn wait(&mut self) -> Exit {
        let status = self.client.wait();
        status.map_or(Exit::unknown(), Exit::of)
    }

    /// Waits for the client's exit, and returns whether it exited.
    fn wait_for_exit(&mut self, grace: Duration) -> bool {
        let deadline = clock::now() + grace;
        while clock::now() < deadline {
            if !self.is_running() {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for AttachedContainer {
    fn drop(&mut self) {
        self.stop();
        if self.wait_for_exit(GRACE) {
            return;
        }
        let _ = self.client.kill();
        let _ = self.client.wait();
        let limit = Cancel::new().with_deadline(Duration::from_secs(5));
        for command in &self.removal {
            let _ = process::output(command, &self.variables, &limit);
        }
    }
}

/// The error for a container that did not start.
pub(super) fn not_started(engine: &Engine, exit: Exit, printed: &str) -> Error {
    if diagnosis::says_no_image(printed) {
        let message = format!(
            "the environment's image is gone: {}",
            diagnosis::last_line(printed)
        );
        return Error::new(ErrorKind::Environment, message)
            .with_help("run it again; the image is built or fetched first");
    }
    diagnosis::of_no_start(engine.kind, exit, printed).unwrap_or_else(|| {
        let message = format!("a container for reuse exited at once ({exit})");
        Error::new(ErrorKind::EngineCannotStart, message)
            .with_help("check that its image has `sh` and `sleep`, or do not reuse containers")
    })
}
