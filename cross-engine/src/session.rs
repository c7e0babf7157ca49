//! One run in an environment: started, read, classified, and gone afterwards however it ended.

use crate::cancel::Cancel;
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::held::{Held, Watcher};
use crate::host::Host;
use crate::process::{self, Coupling, Exit, Sink, Stdin, Stream};
use crate::run::{Root, RunSpec, Stdio};
use crate::{bare, clock, container, diagnosis, lifeline};

/// How many lines of standard error are kept to explain a failed start.
pub(crate) const KEPT_LINES: usize = 20;

impl Engine {
    /// Runs `spec` to its end and gives its output to `sink` as it comes, unless the output is the
    /// caller's own ([`Stdio::Inherit`]).
    ///
    /// Whether the command succeeded is in the [`Exit`]; that the engine could not start it is an
    /// error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EngineCannotStart`], [`ErrorKind::Cancelled`], [`ErrorKind::Deadline`],
    /// [`ErrorKind::Io`].
    pub fn run(
        &self,
        spec: &RunSpec,
        host: &Host,
        cancel: &Cancel,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        let name = unique(&spec.name);
        if self.is_bare() {
            return bare::run(spec, &name, host, cancel, sink);
        }
        let mut spec = spec.clone().name(&name);
        let mut coupling = Coupling {
            output_inherited: spec.stdio == Stdio::Inherit,
            ..Coupling::default()
        };
        let (mut held, mut _watcher) = (None, None);
        if spec.has_stdin() {
            let (lifeline, end) = Held::new(host, &name)?;
            spec = spec.lifeline(Some(lifeline.shown()));
            coupling.stdin = Stdin::Inherit;
            coupling.lifeline = Some(end);
            held = Some(lifeline);
        }
        if spec.has_stdin() || self.has_images() {
            _watcher = Some(self.watcher(&name, host)?);
        }
        let invocation = self.invocation(&spec)?;
        if let Some(file) = &invocation.handed {
            file.keep();
        }
        let mut last = Vec::new();
        let ended = process::run_coupled(
            &invocation,
            &host.variables,
            cancel,
            coupling,
            &mut |stream, line| {
                if stream == Stream::Stderr {
                    if last.len() == KEPT_LINES {
                        last.remove(0);
                    }
                    last.push(line.to_owned());
                }
                sink(stream, line)
            },
        );
        match ended {
            Ok(exit) => {
                let said = last.join("\n");
                let error = match held {
                    // It is known whose failure it is, whatever was printed.
                    Some(held) if held.begun() => None,
                    Some(_) => diagnosis::of_no_start(self.kind, exit, &said),
                    None => diagnosis::of_start(self.kind, exit, &said),
                };
                error.map_or(Ok(exit), Err)
            }
            Err(error) => {
                let early = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline);
                if early && matches!(spec.root, Root::Image(_)) {
                    self.remove_container(&name, host);
                }
                Err(error)
            }
        }
    }

    /// Starts what tidies up after the run or container `name` when this process dies.
    pub(crate) fn watcher(&self, name: &str, host: &Host) -> Result<Watcher> {
        let client = self.has_images().then_some(self.program.as_path());
        Watcher::start(&lifeline::watch(name, client)?, &host.variables)
    }

    /// Makes sure that a container is gone. Its lifeline ends it, so usually it is.
    pub(crate) fn remove_container(&self, name: &str, host: &Host) {
        let soon = Cancel::new().with_deadline(std::time::Duration::from_secs(5));
        for step in [container::kill(self, name), container::remove(self, name)] {
            // There is nothing to do about it if it fails: what has ended needs no killing.
            let _ = process::output(&step, &host.variables, &soon);
        }
    }

    /// The engine's own count of running and stopped containers that are ours: for tests and for
    /// clean-up after a crash of the machine.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub fn containers(&self, host: &Host, cancel: &Cancel) -> Result<Vec<String>> {
        if !self.has_images() {
            return Ok(Vec::new());
        }
        let said = process::output(&container::ours(self), &host.variables, cancel)?;
        Ok(said.stdout.lines().map(str::to_owned).collect())
    }
}

/// A name that no other run on this machine has.
pub(crate) fn unique(prefix: &str) -> String {
    let nanos = clock::unix_time().as_nanos();
    format!("{prefix}-{}-{nanos:x}", std::process::id())
}
