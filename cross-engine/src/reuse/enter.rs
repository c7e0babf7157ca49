//! A run in a reused container. It is ended together with everything it started.

use std::fs;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use crate::engines::diagnosis;
use crate::engines::engine::{Engine, EngineKind};
use crate::process::TailLines;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
use crate::process::{self, Exit, Sink, Stream};
#[cfg(feature = "remote")]
use crate::reach::transfer::Transfer;
#[cfg(feature = "remote")]
use crate::remote::event::TransferSink;
#[cfg(feature = "remote")]
use crate::remote::fill::Context;
use crate::reuse::argv;
use crate::reuse::event::{ReuseEvent, ReuseEventSink};
use crate::reuse::pool::ImagePool;
use crate::reuse::record;
use crate::reuse::slot::Slot;
use crate::run::engine_run::STDERR_LINES;
use crate::run::fifo_lifeline::attach;
use crate::run::jobserver::PIPE;
use crate::run::run_dir::RunDir;
use crate::spec::run_spec::RunSpec;

/// The number of containers that are tried if other processes start and stop them, too.
const ATTEMPTS: usize = 4;
/// The exit code of a command that was killed.
const KILLED: i32 = 137;
/// How often a container is queried after its command was killed, and at what interval.
const QUERIES: u32 = 5;
const QUERY_INTERVAL: Duration = Duration::from_millis(100);
/// The time limit for listing the processes in a container.
const LIST_LIMIT: Duration = Duration::from_secs(5);

/// The container that a run enters.
#[derive(Clone, Copy)]
struct Target<'a> {
    slot: &'a Slot,
    name: &'a str,
    entrypoint: &'a [String],
}

/// The result of an attempt to enter a container.
enum Attempt {
    /// The command ran.
    Ran(Exit),
    /// The container does not exist or does not run.
    Gone,
}

impl Engine {
    /// Runs `spec` like [`run`](Engine::run), in a reused container. Starts the container first if
    /// it does not run. The pool has to [be able to run](crate::ContainerPool::can_run) the run.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Engine::run), [`ErrorKind::EngineUnusable`] if the engine stopped
    /// responding, [`ErrorKind::Killed`] if the container ended during the run, and
    /// [`ErrorKind::Environment`] if the container has to be started and its image is gone.
    pub fn run_reused(
        &self,
        spec: &RunSpec,
        containers: ImagePool<'_>,
        host: &Host,
        cancel: &Cancel,
        events: &mut ReuseEventSink<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        self.run_in(spec, containers, false, host, cancel, events, sink)
    }

    /// Like [`run_remote`](Engine::run_remote), in a reused container. A command that reads
    /// standard input gets a container of its own.
    ///
    /// # Errors
    ///
    /// Those of [`run_remote`](Engine::run_remote) and of [`run_reused`](Engine::run_reused).
    #[cfg(feature = "remote")]
    #[expect(clippy::too_many_arguments, reason = "each is another thing")]
    pub fn run_remote_reused(
        &self,
        spec: &RunSpec,
        transfer: &Transfer,
        containers: ImagePool<'_>,
        host: &Host,
        cancel: &Cancel,
        on_transfer: &mut TransferSink<'_>,
        events: &mut ReuseEventSink<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        let context = Context {
            engine: self,
            spec,
            transfer,
            host,
            cancel,
        };
        context.run(on_transfer, sink, &mut |engine, placed, attempt, sink| {
            if !containers.pool.can_run(engine, placed) {
                return attempt.run(engine, placed, host, sink);
            }
            let (is_replaced, cancel) = (attempt.is_replaced, attempt.cancel);
            let mut events = |event: ReuseEvent<'_>| {
                if let ReuseEvent::Entered { container } = &event {
                    (attempt.enters)(container);
                }
                events(event)
            };
            engine.run_in(
                placed,
                containers,
                is_replaced,
                host,
                cancel,
                &mut events,
                sink,
            )
        })
    }

    /// Runs `spec` in a reused container; in a new one, if what the running one has mounted
    /// `is_replaced`.
    #[expect(clippy::too_many_arguments, reason = "each is another thing")]
    fn run_in(
        &self,
        spec: &RunSpec,
        containers: ImagePool<'_>,
        is_replaced: bool,
        host: &Host,
        cancel: &Cancel,
        events: &mut ReuseEventSink<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        let ImagePool { pool, image } = containers;
        let slot = pool.insert(pool.slot(self, spec, image, host)?);
        pool.touch(&slot);
        let (mut gone, mut started) = (None, false);
        if is_replaced {
            let status = pool.status(&slot);
            gone = Some(status.generation).filter(|_| status.running);
        }
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let status = pool.status(&slot);
            let mut generation = status.generation;
            if !status.running || gone == Some(generation) {
                self.write_profile(spec)?;
                let (new, why) = pool.start(&slot, gone, self, host, cancel)?;
                generation = new;
                if let Some(why) = why {
                    started = true;
                    pool.retire(&slot);
                    let container = &slot.name(generation);
                    emit(events, ReuseEvent::Started { container, why })?;
                }
            }
            let name = slot.name(generation);
            emit(events, ReuseEvent::Entered { container: &name })?;
            record::touch(&slot.dir);
            let target = Target {
                slot: &slot,
                name: &name,
                entrypoint: &image.entrypoint,
            };
            let attempt = self.enter(spec, target, host, cancel, sink);
            record::touch(&slot.dir);
            last = name;
            match attempt? {
                Attempt::Ran(exit) => return Ok(exit),
                Attempt::Gone if started => break,
                Attempt::Gone => gone = Some(generation),
            }
        }
        Err(vanished(&last))
    }

    fn enter(
        &self,
        spec: &RunSpec,
        target: Target<'_>,
        host: &Host,
        cancel: &Cancel,
        sink: &mut Sink<'_>,
    ) -> Result<Attempt> {
        let Target { slot, name, .. } = target;
        let mut spec = spec.clone().name(unique("run"));
        let mut dir = match spec.has_stdin() || spec.jobserver.is_some() {
            true => Some(RunDir::inside(&slot.dir.join("shown"), &spec.name)?),
            false => None,
        };
        if let (Some(jobserver), Some(dir)) = (&spec.jobserver, &dir) {
            // The same pipe under another name: the container does not see the job server's
            // directory.
            let link = dir.path().join(PIPE);
            fs::hard_link(jobserver.join(PIPE), &link).on("link", &link)?;
        }
        // Without standard input the directory is the job server's only, and is removed at the end.
        let lifeline_dir = dir.take_if(|_| spec.has_stdin());
        let (io, fifo) = attach(self, &mut spec, lifeline_dir)?;
        let invocation = argv::enter(self, &spec, name, target.entrypoint)?;
        let mut output = OutputFilter::new(self.kind, name);
        let exit = process::run_with_io(
            &invocation,
            &host.variables,
            cancel,
            io,
            &mut |stream, line| output.filter(stream, line, sink),
        )
        .inspect_err(|error| {
            let early = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline);
            if early && self.still_lists(name, &spec.name, host) {
                // The run stopped its own lifeline. Everything else in the container goes with it.
                self.remove_container(name, host);
            }
        })?;
        let was_reached = match &fifo {
            Some(fifo) => fifo.has_begun(),
            None => !output.is_refusal(exit),
        };
        if !was_reached {
            if output.refusal.as_deref().is_some_and(says_unreachable) {
                let message = output.refusal.take().unwrap_or_default();
                return Err(unreachable(self.kind, &message));
            }
            if fifo.is_none() || !self.is_running(name, host)? {
                return Ok(Attempt::Gone);
            }
            let error = diagnosis::of_no_start(self.kind, exit, &output.stderr.text());
            return error.map_or(Ok(Attempt::Ran(exit)), Err);
        }
        let _ = output.release(sink);
        if fifo.is_none() {
            if let Some(error) = diagnosis::of_start(self.kind, exit, &output.stderr.text()) {
                return Err(error);
            }
        }
        // A command that was killed from outside looks the same as one whose container ended.
        match exit.code {
            Some(code) if code < 125 => {}
            Some(KILLED) if self.ends_soon(name, host)? => return Err(ended(name)),
            Some(KILLED) => {}
            _ if self.is_running(name, host)? => {}
            _ => return Err(ended(name)),
        }
        Ok(Attempt::Ran(exit))
    }

    /// Whether the engine, which looks from outside, lists a process of the run `run` in the
    /// container.
    fn still_lists(&self, container: &str, run: &str, host: &Host) -> bool {
        let limit = Cancel::new().with_deadline(LIST_LIMIT);
        let processes = argv::processes(self, container);
        process::output(&processes, &host.variables, &limit)
            .is_ok_and(|output| output.stdout.contains(run))
    }

    /// Whether the container is about to end. An engine may notice that later than the end of the
    /// command that was killed with it.
    fn ends_soon(&self, name: &str, host: &Host) -> Result<bool> {
        for _ in 0..QUERIES {
            if !self.is_running(name, host)? {
                return Ok(true);
            }
            thread::sleep(QUERY_INTERVAL);
        }
        Ok(false)
    }

    fn is_running(&self, name: &str, host: &Host) -> Result<bool> {
        let query = argv::is_running(self, name);
        let answer = process::output(&query, &host.variables, &Cancel::new())?;
        Ok(answer.stdout.trim() == "true")
    }
}

fn emit(events: &mut ReuseEventSink<'_>, event: ReuseEvent<'_>) -> Result<()> {
    match events(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(
            ErrorKind::Cancelled,
            "stopped by the event listener",
        )),
    }
}

/// Holds back the engine's refusal to enter a container, and keeps the last lines of standard
/// error.
struct OutputFilter {
    kind: EngineKind,
    container: String,
    /// A first line that may be the engine's. It is held back until that is known.
    refusal: Option<String>,
    /// Whether there was any other output.
    has_other: bool,
    stderr: TailLines,
}

impl OutputFilter {
    fn new(kind: EngineKind, container: &str) -> Self {
        OutputFilter {
            kind,
            container: container.to_owned(),
            refusal: None,
            has_other: false,
            stderr: TailLines::new(STDERR_LINES),
        }
    }

    fn filter(&mut self, stream: Stream, line: &str, sink: &mut Sink<'_>) -> ControlFlow<()> {
        if stream == Stream::Stderr {
            let is_first = !self.has_other && self.refusal.is_none();
            let refuses = says_gone(self.kind, &self.container, line) || says_unreachable(line);
            if is_first && refuses {
                self.refusal = Some(line.to_owned());
                return ControlFlow::Continue(());
            }
            self.stderr.push(line);
        }
        self.release(sink)?;
        self.has_other = true;
        sink(stream, line)
    }

    /// Passes on the line that was held back: it was not a refusal, since the run went on.
    fn release(&mut self, sink: &mut Sink<'_>) -> ControlFlow<()> {
        match self.refusal.take() {
            Some(line) => sink(Stream::Stderr, &line),
            None => ControlFlow::Continue(()),
        }
    }

    /// Whether the engine refused, and nothing else happened.
    fn is_refusal(&self, exit: Exit) -> bool {
        !exit.success() && self.refusal.is_some() && !self.has_other
    }
}

/// Whether an engine says that the container does not exist or does not run. The messages are those
/// of docker 20.10 to 28 and podman 4.3 to 5.
fn says_gone(kind: EngineKind, container: &str, line: &str) -> bool {
    let Some(words) = line.strip_prefix("Error") else {
        return false;
    };
    match kind {
        EngineKind::Podman => {
            let named = words.contains(container) || words.contains("does not exist in database");
            named && words.contains("no such container")
                || words.contains("exec sessions on running containers")
                || words.contains("container state improper")
        }
        _ => {
            words.contains("No such container") && words.contains(container)
                || words.starts_with(" response from daemon: ")
                    && (words.ends_with(" is not running") || words.contains("is not running:"))
        }
    }
}

/// Whether a client says that its daemon does not respond.
fn says_unreachable(line: &str) -> bool {
    const SIGNS: [&str; 4] = [
        "Cannot connect to the Docker daemon",
        "error during connect: ",
        "Error: unable to connect to Podman",
        "Error: cannot connect to Podman",
    ];
    SIGNS.iter().any(|sign| line.starts_with(sign))
}

fn unreachable(kind: EngineKind, message: &str) -> Error {
    Error::new(
        ErrorKind::EngineUnusable,
        format!("{kind} stopped responding: {message}"),
    )
    .with_help("start its daemon, and run it again")
}

fn ended(container: &str) -> Error {
    Error::new(
        ErrorKind::Killed,
        format!("the reused container `{container}` ended during the run"),
    )
    .with_help(
        "run it again in another container; if this happens again, look for what stops it in the engine's events \
         and in the kernel's log (memory)",
    )
}

fn vanished(container: &str) -> Error {
    Error::new(
        ErrorKind::EngineCannotStart,
        format!("the reused container `{container}` was started, but was gone before it could be entered"),
    )
    .with_help("look for what stops containers on this machine, or do not reuse them")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of docker 20.10 with a client of 28, and of podman 4.3.
    #[test]
    fn a_container_that_is_gone_is_told_from_a_command_that_fails() {
        let gone = |kind, line| says_gone(kind, "cross-x-1-reused", line);
        for line in [
            "Error response from daemon: No such container: cross-x-1-reused",
            "Error: No such container: cross-x-1-reused",
            "Error response from daemon: Container 521232e34001 is not running",
        ] {
            assert!(gone(EngineKind::Docker, line), "{line}");
        }
        for line in [
            "Error: no container with name or ID \"cross-x-1-reused\" found: no such container",
            "Error: container 95fd2121d124 does not exist in database: no such container",
            "Error: can only create exec sessions on running containers: container state improper",
        ] {
            assert!(gone(EngineKind::Podman, line), "{line}");
        }
        for line in [
            "Error: No such container: another",
            "error: could not compile `x`",
            "Error response from daemon: permission denied",
        ] {
            assert!(!gone(EngineKind::Docker, line), "{line}");
        }
    }

    #[test]
    fn a_refusal_is_heard_by_nobody_unless_it_is_none() {
        let mut received = Vec::new();
        let failed = Exit {
            code: Some(1),
            signal: None,
        };
        let line = "Error response from daemon: No such container: c";
        let mut output = OutputFilter::new(EngineKind::Docker, "c");
        let mut sink = |_, line: &str| {
            received.push(line.to_owned());
            ControlFlow::Continue(())
        };
        let _ = output.filter(Stream::Stderr, line, &mut sink);
        assert!(output.is_refusal(failed));
        let _ = output.filter(Stream::Stdout, "and more", &mut sink);
        assert!(
            !output.is_refusal(failed),
            "a program that prints such things"
        );
        assert_eq!(received, [line, "and more"]);
    }
}
