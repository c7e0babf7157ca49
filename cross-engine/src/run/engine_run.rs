//! One run in an environment: started, read, classified, and gone afterwards however it ended.

use crate::engines::container;
use crate::engines::diagnosis;
use crate::engines::engine::Engine;
use crate::process::cancel::Cancel;
use crate::process::error::{ErrorKind, Result};
use crate::process::host::Host;
use crate::process::lifeline;
use crate::process::owner;
use crate::process::unique_name::unique;
use crate::process::{self, Coupling, Exit, Sink, Stdin, Stream};
use crate::run::fifo_lifeline::{Held, Watcher};
use crate::run::host_run;
use crate::spec::run_spec::{Root, RunSpec, Stdio};

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
            return host_run::run(spec, &name, host, cancel, sink);
        }
        let mut spec = spec.clone().name(&name).owner(owner::current());
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
        self.keep_profile(&spec)?;
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

    /// Makes the file with the profile that a container of `spec` is started with.
    pub(crate) fn keep_profile(&self, spec: &RunSpec) -> Result<()> {
        match self.has_images().then(|| container::profile(self, spec)) {
            Some(Some(profile)) => profile.keep(),
            _ => Ok(()),
        }
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

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::engines::host_engine::engine;
    use crate::process::invocation::{Value, Variables};
    use crate::run::jobserver::Jobserver;

    fn host(cache: &Path) -> Host {
        let caller = Variables::from([
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("OUTER".into(), "1".into()),
            ("KEPT".into(), "2".into()),
        ]);
        Host::new(caller, cache)
    }

    fn spec(script: &str) -> RunSpec {
        RunSpec::new(Root::Host, "/", ["sh", "-c", script])
    }

    fn run_it(spec: &RunSpec, cancel: &Cancel, cache: &Path) -> (Result<Exit>, Vec<String>) {
        let host = host(cache);
        let mut lines = Vec::new();
        let exit = engine(&host, "amd64").run(spec, &host, cancel, &mut |_, line| {
            lines.push(line.to_owned());
            ControlFlow::Continue(())
        });
        (exit, lines)
    }

    #[test]
    fn a_run_has_the_callers_variables_with_the_specifications_on_top() {
        let cache = tempfile::tempdir().unwrap();
        let spec = spec("echo ${OUTER-none} $KEPT $OURS; exit 7").env([
            ("OUTER".to_owned(), Value::Unset),
            ("OURS".to_owned(), Value::Plain("3".to_owned())),
        ]);
        let (exit, lines) = run_it(&spec, &Cancel::new(), cache.path());
        assert_eq!(exit.unwrap().code, Some(7));
        assert_eq!(lines, ["none 2 3"]);
    }

    #[test]
    fn a_client_opens_the_job_server_where_it_is() {
        let cache = tempfile::tempdir().unwrap();
        let host = host(cache.path());
        let server = Jobserver::new(&host, 3).unwrap();
        let script = "echo $CARGO_MAKEFLAGS $(dd bs=1 count=1 <&8 2>/dev/null)";
        let spec = spec(script).jobserver(Some(server.directory().to_owned()));
        let (exit, lines) = run_it(&spec, &Cancel::new(), cache.path());
        assert!(exit.unwrap().success());
        assert_eq!(lines, ["-j --jobserver-fds=8,8 --jobserver-auth=8,8 +"]);
    }

    /// With and without standard input, since these are owned in different ways.
    #[test]
    fn what_is_cancelled_leaves_no_process() {
        let dir = tempfile::tempdir().unwrap();
        for stdin in [false, true] {
            let pid = dir.path().join(format!("pid-{stdin}"));
            // In a session of its own, and deaf.
            let deaf = "trap '' TERM INT HUP; echo $$ > \"$0\"; sleep 67; sleep 67";
            let script = format!(
                "trap '' TERM; setsid sh -c '{}' '{}' & wait",
                deaf.replace('\'', r"'\''"),
                pid.display()
            );
            let cancel = Cancel::new().with_deadline(Duration::from_millis(500));
            let (exit, _) = run_it(&spec(&script).stdin(stdin), &cancel, dir.path());
            assert_eq!(exit.unwrap_err().kind(), ErrorKind::Deadline);
            let sleeper = std::fs::read_to_string(&pid).unwrap();
            let alive = Path::new("/proc").join(sleeper.trim()).join("exe").exists();
            assert!(!alive, "the grandchild is gone (stdin: {stdin})");
        }
    }
}
