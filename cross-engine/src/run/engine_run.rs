//! Runs of an engine: started, read, diagnosed, and gone afterwards however they end.

use crate::engines::container;
use crate::engines::diagnosis;
use crate::engines::engine::Engine;
use crate::process::TailLines;
use crate::process::cancel::Cancel;
use crate::process::error::{ErrorKind, Result};
use crate::process::host::Host;
use crate::process::lifeline;
use crate::process::owner;
use crate::process::unique_name::unique;
use crate::process::{self, Exit, Sink, Stream};
use crate::run::fifo_lifeline::{LIFELINES, Watcher, attach};
use crate::run::host_run;
use crate::run::run_dir::RunDir;
use crate::spec::run_spec::{Root, RunSpec};

/// The number of lines of standard error that are kept to explain a failed start.
pub(crate) const STDERR_LINES: usize = 20;

impl Engine {
    /// Runs `spec` to its end and passes its output to `sink` as it comes, unless the output goes
    /// to the caller's own streams ([`Stdio::Inherit`](crate::Stdio::Inherit)).
    ///
    /// The [`Exit`] says whether the command succeeded. It is an error if the engine could not
    /// start it.
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
        self.run_as(&unique(&spec.name), spec, host, cancel, sink)
    }

    /// Like [`Engine::run`], under a name that no other run has.
    pub(crate) fn run_as(
        &self,
        name: &str,
        spec: &RunSpec,
        host: &Host,
        cancel: &Cancel,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        if self.is_host() {
            return host_run::run(spec, name, host, cancel, sink);
        }
        let spec = self.with_registrar(spec.clone(), host, cancel)?;
        let mut spec = spec.name(name).owner(owner::current());
        // On another machine, the watcher below ends a run that reads standard input.
        let dir = match spec.has_stdin() && spec.apart.is_none() {
            true => Some(RunDir::new(&host.cache.join(LIFELINES), name)?),
            false => None,
        };
        let (io, fifo) = attach(self, &mut spec, dir)?;
        // Declared after the lifeline, so that it is dropped before the lifeline's directory is
        // removed.
        let mut _watcher = None;
        if spec.has_stdin() || self.has_images() {
            _watcher = Some(self.watcher(name, host)?);
        }
        let invocation = self.invocation(&spec)?;
        if let Some(file) = &invocation.inherited_file {
            file.write();
        }
        self.write_profile(&spec)?;
        let mut stderr = TailLines::new(STDERR_LINES);
        let ended = process::run_with_io(
            &invocation,
            &host.variables,
            cancel,
            io,
            &mut |stream, line| {
                if stream == Stream::Stderr {
                    stderr.push(line);
                }
                sink(stream, line)
            },
        );
        match ended {
            Ok(exit) => {
                let error = match &fifo {
                    // Whatever was printed, the failure is the command's.
                    Some(fifo) if fifo.has_begun() => None,
                    Some(_) => diagnosis::of_no_start(self.kind, exit, &stderr.text()),
                    None => diagnosis::of_start(self.kind, exit, &stderr.text()),
                };
                error.map_or(Ok(exit), Err)
            }
            Err(error) => {
                let early = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Deadline);
                if early && matches!(spec.root, Root::Image(_)) {
                    self.remove_container(name, host);
                }
                Err(error)
            }
        }
    }

    /// Starts the process that cleans up after the run or container `name` if this process dies.
    pub(crate) fn watcher(&self, name: &str, host: &Host) -> Result<Watcher> {
        let client = self.has_images().then_some(self.program.as_path());
        Watcher::start(&lifeline::watch(name, client)?, &host.variables)
    }

    /// Writes the file of the seccomp profile with which a container of `spec` starts.
    pub(crate) fn write_profile(&self, spec: &RunSpec) -> Result<()> {
        match self.has_images().then(|| container::profile(self, spec)) {
            Some(Some(profile)) => profile.write(),
            _ => Ok(()),
        }
    }

    /// Kills and removes a container if its lifeline has not ended it yet.
    pub(crate) fn remove_container(&self, name: &str, host: &Host) {
        let limit = Cancel::new().with_deadline(std::time::Duration::from_secs(5));
        for command in [container::kill(self, name), container::remove(self, name)] {
            // Nothing can be done about a failure, and a container that has ended cannot be killed.
            let _ = process::output(&command, &host.variables, &limit);
        }
    }

    /// Lists the names of this library's containers, running or stopped.
    ///
    /// # Errors
    ///
    /// If the engine cannot be queried.
    pub fn containers(&self, host: &Host, cancel: &Cancel) -> Result<Vec<String>> {
        if !self.has_images() {
            return Ok(Vec::new());
        }
        let listed = process::output(&container::list(self), &host.variables, cancel)?;
        Ok(listed.stdout.lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::ops::ControlFlow;
    use std::path::Path;

    use super::*;
    use crate::engines::host_engine::engine;
    use crate::process::clock;
    use crate::process::invocation::{EnvValue, Variables};
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
            ("OUTER".to_owned(), EnvValue::Unset),
            ("OURS".to_owned(), EnvValue::Plain("3".to_owned())),
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

    /// How long killed processes may take to end on a machine that has more to do.
    const ENDS: std::time::Duration = std::time::Duration::from_secs(10);

    /// With and without standard input, because these are supervised in different ways.
    #[test]
    fn what_is_cancelled_leaves_no_process() {
        let dir = tempfile::tempdir().unwrap();
        for stdin in [false, true] {
            let pid = dir.path().join(format!("pid-{stdin}"));
            // In a session of its own, and ignoring signals.
            let deaf = "trap '' TERM INT HUP; echo $$ > \"$0\"; sleep 67; sleep 67";
            let script = format!(
                "trap '' TERM; setsid sh -c '{}' '{}' & wait",
                deaf.replace('\'', r"'\''"),
                pid.display()
            );
            let cancel = Cancel::new();
            let sleeper = || std::fs::read_to_string(&pid).unwrap_or_default();
            let (exit, _) = std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !sleeper().ends_with('\n') {
                        std::thread::yield_now();
                    }
                    cancel.cancel();
                });
                run_it(&spec(&script).stdin(stdin), &cancel, dir.path())
            });
            assert_eq!(exit.unwrap_err().kind(), ErrorKind::Cancelled);
            let sleeper = sleeper();
            // Another process may have its number by now, and one that was killed takes a moment to
            // end.
            let is_alive = || {
                let command = Path::new("/proc").join(sleeper.trim()).join("cmdline");
                let command = std::fs::read_to_string(command).unwrap_or_default();
                command.contains(&pid.display().to_string())
            };
            let start = clock::now();
            while is_alive() {
                let waited = start.elapsed();
                assert!(waited < ENDS, "the grandchild is gone (stdin: {stdin})");
                std::thread::yield_now();
            }
        }
    }
}
