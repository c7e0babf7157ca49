//! One run in a kept container: entered, read, and ended with everything it started.

use std::fs;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use crate::engines::diagnosis;
use crate::engines::engine::{Engine, Kind};
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
use crate::process::{self, Coupling, Exit, Sink, Stdin, Stream};
use crate::reuse::argv;
use crate::reuse::event::{KeptEvent, KeptSink};
use crate::reuse::place::Place;
use crate::reuse::pool::KeptIn;
use crate::reuse::record;
use crate::run::engine_run::KEPT_LINES;
use crate::run::fifo_lifeline::Held;
use crate::run::jobserver::PIPE;
use crate::run::run_dir::Shown;
use crate::spec::run_spec::{RunSpec, Stdio};

/// How many containers are tried, where others start them, too.
const TRIES: usize = 4;
/// What a command returns that was killed.
const KILLED: i32 = 137;
/// How often is looked whether the container went with it, and how long is waited between that.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How long an engine may take to say what runs in a container.
const PATIENCE: Duration = Duration::from_secs(5);

/// The container that a run enters.
#[derive(Clone, Copy)]
struct Door<'a> {
    place: &'a Place,
    name: &'a str,
    entrypoint: &'a [String],
}

/// How an attempt to enter ended.
enum Entered {
    /// The command ran.
    Ended(Exit),
    /// There is no such container, or it does not run.
    Gone,
}

impl Engine {
    /// Runs `spec` as [`run`](Engine::run) does, but in a container that is kept: it is entered, or, where it is
    /// not there, started first. Only for what the pool [serves](crate::Pool::serves).
    ///
    /// # Errors
    ///
    /// Those of [`run`](Engine::run), [`ErrorKind::EngineUnusable`] when it does not answer any more, and
    /// [`ErrorKind::Killed`] when the container ended during the run,
    /// [`ErrorKind::Environment`] when it has to be started and its image is gone.
    pub fn run_kept(
        &self,
        spec: &RunSpec,
        kept: KeptIn<'_>,
        host: &Host,
        cancel: &Cancel,
        told: &mut KeptSink<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        let KeptIn { pool, image } = kept;
        let place = pool.remember(pool.place(self, spec, image, host)?);
        pool.touch(&place);
        let (mut gone, mut started) = (None, false);
        let mut last = String::new();
        for _ in 0..TRIES {
            let now = pool.now(&place);
            let mut generation = now.generation;
            if !now.running || gone == Some(generation) {
                self.keep_profile(spec)?;
                let (new, why) = pool.start(&place, gone, self, host, cancel)?;
                generation = new;
                if let Some(why) = why {
                    started = true;
                    pool.retire(&place);
                    let container = &place.name(generation);
                    tell(told, KeptEvent::Started { container, why })?;
                }
            }
            let name = place.name(generation);
            tell(told, KeptEvent::Entered { container: &name })?;
            record::touch(&place.met);
            let door = Door {
                place: &place,
                name: &name,
                entrypoint: &image.entrypoint,
            };
            let entered = self.enter(spec, door, host, cancel, sink);
            record::touch(&place.met);
            last = name;
            match entered? {
                Entered::Ended(exit) => return Ok(exit),
                Entered::Gone if started => break,
                Entered::Gone => gone = Some(generation),
            }
        }
        Err(vanished(&last))
    }

    fn enter(
        &self,
        spec: &RunSpec,
        door: Door<'_>,
        host: &Host,
        cancel: &Cancel,
        sink: &mut Sink<'_>,
    ) -> Result<Entered> {
        let Door { place, name, .. } = door;
        let mut spec = spec.clone().name(unique("run"));
        let mut coupling = Coupling {
            output_inherited: spec.stdio == Stdio::Inherit,
            ..Coupling::default()
        };
        let meets = spec.has_stdin() || spec.jobserver.is_some();
        let met = meets.then(|| Shown::inside(&place.met.join("shown"), &spec.name));
        let mut met = met.transpose()?;
        if let (Some(jobs), Some(met)) = (&spec.jobserver, &met) {
            // The same pipe under another name: the container cannot see where it was made.
            let there = met.path().join(PIPE);
            fs::hard_link(jobs.join(PIPE), &there).on("link", &there)?;
        }
        let mut held = None;
        if spec.has_stdin() {
            if let Some(met) = met.take() {
                let (lifeline, end) = Held::at(met)?;
                spec = spec.lifeline(Some(lifeline.shown()));
                coupling.stdin = Stdin::Inherit;
                coupling.lifeline = Some(end);
                held = Some(lifeline);
            }
        }
        let invocation = argv::enter(self, &spec, name, door.entrypoint)?;
        let mut words = Words::new(self.kind, name);
        let exit = process::run_coupled(
            &invocation,
            &host.variables,
            cancel,
            coupling,
            &mut |stream, line| words.hear(stream, line, sink),
        )
        .inspect_err(|error| {
            let early = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline);
            if early && self.still_shows(name, &spec.name, host) {
                // It stopped what was to end it. Whatever else is in the container goes with it.
                self.remove_container(name, host);
            }
        })?;
        let reached = match &held {
            Some(held) => held.begun(),
            None => !words.is_refusal(exit),
        };
        if !reached {
            if words.refusal.as_deref().is_some_and(says_unreachable) {
                let words = words.refusal.take().unwrap_or_default();
                return Err(unreachable(self.kind, &words));
            }
            if held.is_none() || !self.still_runs(name, host)? {
                return Ok(Entered::Gone);
            }
            let error = diagnosis::of_no_start(self.kind, exit, &words.last());
            return error.map_or(Ok(Entered::Ended(exit)), Err);
        }
        let _ = words.give_back(sink);
        if held.is_none() {
            if let Some(error) = diagnosis::of_start(self.kind, exit, &words.last()) {
                return Err(error);
            }
        }
        // What is killed from outside looks the same as a container that ends.
        match exit.code {
            Some(code) if code < 125 => {}
            Some(KILLED) if self.ends_soon(name, host)? => return Err(ended(name)),
            Some(KILLED) => {}
            _ if self.still_runs(name, host)? => {}
            _ => return Err(ended(name)),
        }
        Ok(Entered::Ended(exit))
    }

    /// Whether a process of the run `run` is in the container, as its engine sees it from outside.
    fn still_shows(&self, container: &str, run: &str, host: &Host) -> bool {
        let soon = Cancel::new().with_deadline(PATIENCE);
        let said = process::output(&argv::processes(self, container), &host.variables, &soon);
        said.is_ok_and(|said| said.stdout.contains(run))
    }

    /// Whether the container is about to end: an engine may hear of that later than of the end of what was
    /// killed in it.
    fn ends_soon(&self, name: &str, host: &Host) -> Result<bool> {
        for _ in 0..LOOKS {
            if !self.still_runs(name, host)? {
                return Ok(true);
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Ok(false)
    }

    fn still_runs(&self, name: &str, host: &Host) -> Result<bool> {
        let ask = argv::is_running(self, name);
        let said = process::output(&ask, &host.variables, &Cancel::new())?;
        Ok(said.stdout.trim() == "true")
    }
}

fn tell(told: &mut KeptSink<'_>, event: KeptEvent<'_>) -> Result<()> {
    match told(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(
            ErrorKind::Cancelled,
            "stopped by the event listener",
        )),
    }
}

/// The last words on standard error, and whether they are only the engine's refusal.
struct Words {
    kind: Kind,
    container: String,
    /// A first line that may be the engine's; nobody hears it until that is known.
    refusal: Option<String>,
    /// Whether anything else was heard.
    other: bool,
    last: Vec<String>,
}

impl Words {
    fn new(kind: Kind, container: &str) -> Self {
        Words {
            kind,
            container: container.to_owned(),
            refusal: None,
            other: false,
            last: Vec::new(),
        }
    }

    fn hear(&mut self, stream: Stream, line: &str, sink: &mut Sink<'_>) -> ControlFlow<()> {
        if stream == Stream::Stderr {
            let is_first = !self.other && self.refusal.is_none();
            let refuses = says_gone(self.kind, &self.container, line) || says_unreachable(line);
            if is_first && refuses {
                self.refusal = Some(line.to_owned());
                return ControlFlow::Continue(());
            }
            if self.last.len() == KEPT_LINES {
                self.last.remove(0);
            }
            self.last.push(line.to_owned());
        }
        self.give_back(sink)?;
        self.other = true;
        sink(stream, line)
    }

    /// It was not a refusal, since something came of the run.
    fn give_back(&mut self, sink: &mut Sink<'_>) -> ControlFlow<()> {
        match self.refusal.take() {
            Some(line) => sink(Stream::Stderr, &line),
            None => ControlFlow::Continue(()),
        }
    }

    /// Whether the engine refused, and nothing else happened.
    fn is_refusal(&self, exit: Exit) -> bool {
        !exit.success() && self.refusal.is_some() && !self.other
    }

    fn last(&self) -> String {
        self.last.join("\n")
    }
}

/// Whether an engine says that the container is not there or does not run, in the words of docker 20.10 to
/// 28 and podman 4.3 to 5.
fn says_gone(kind: Kind, container: &str, line: &str) -> bool {
    let Some(words) = line.strip_prefix("Error") else {
        return false;
    };
    match kind {
        Kind::Podman => {
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

/// Whether a client says that nobody answers it.
fn says_unreachable(line: &str) -> bool {
    const SIGNS: [&str; 4] = [
        "Cannot connect to the Docker daemon",
        "error during connect: ",
        "Error: unable to connect to Podman",
        "Error: cannot connect to Podman",
    ];
    SIGNS.iter().any(|sign| line.starts_with(sign))
}

fn unreachable(kind: Kind, words: &str) -> Error {
    Error::new(
        ErrorKind::EngineUnusable,
        format!("{kind} answers no more: {words}"),
    )
    .with_help("start its daemon, and run it again")
}

fn ended(container: &str) -> Error {
    Error::new(
        ErrorKind::Killed,
        format!("the kept container `{container}` ended during the run"),
    )
    .with_help(
        "run it again: another container is started. If this comes again, look for who stops it: the engine's \
         events and the kernel's log (memory) say so",
    )
}

fn vanished(container: &str) -> Error {
    Error::new(
        ErrorKind::EngineCannotStart,
        format!(
            "the kept container `{container}` was started, and was gone when it was to be entered"
        ),
    )
    .with_help("look for what stops containers on this machine, or do not keep them")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What docker 20.10 with a client of 28 and podman 4.3 said.
    #[test]
    fn a_container_that_is_gone_is_told_from_a_command_that_fails() {
        let gone = |kind, line| says_gone(kind, "cross-x-1-warm", line);
        for line in [
            "Error response from daemon: No such container: cross-x-1-warm",
            "Error: No such container: cross-x-1-warm",
            "Error response from daemon: Container 521232e34001 is not running",
        ] {
            assert!(gone(Kind::Docker, line), "{line}");
        }
        for line in [
            "Error: no container with name or ID \"cross-x-1-warm\" found: no such container",
            "Error: container 95fd2121d124 does not exist in database: no such container",
            "Error: can only create exec sessions on running containers: container state improper",
        ] {
            assert!(gone(Kind::Podman, line), "{line}");
        }
        for line in [
            "Error: No such container: another",
            "error: could not compile `x`",
            "Error response from daemon: permission denied",
        ] {
            assert!(!gone(Kind::Docker, line), "{line}");
        }
    }

    #[test]
    fn a_refusal_is_heard_by_nobody_unless_it_is_none() {
        let mut heard = Vec::new();
        let failed = Exit {
            code: Some(1),
            signal: None,
        };
        let line = "Error response from daemon: No such container: c";
        let mut words = Words::new(Kind::Docker, "c");
        let mut sink = |_, line: &str| {
            heard.push(line.to_owned());
            ControlFlow::Continue(())
        };
        let _ = words.hear(Stream::Stderr, line, &mut sink);
        assert!(words.is_refusal(failed));
        let _ = words.hear(Stream::Stdout, "and more", &mut sink);
        assert!(
            !words.is_refusal(failed),
            "a program that prints such things"
        );
        assert_eq!(heard, [line, "and more"]);
    }
}
