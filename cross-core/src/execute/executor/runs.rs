//! Runs each kind of command, and reads its output.

use std::borrow::Cow;
use std::ops::ControlFlow;

use cross_engine::process::untrusted::{Dir, limits};
use cross_engine::process::{Exit, Sink, Stream};
use cross_engine::{EnvValue, RunSpec, Stdio};

use super::Execution;
use super::lines::{FirstError, output_event};
use super::test_watch::TestWatch;
use super::unstarted::Words;
use crate::execute::cargo_output::{self, Line};
use crate::execute::causes::of_unread_output;
use crate::execute::container_reuse;
use crate::execute::debugger::DebuggerWatch;
use crate::execute::failure::{
    EARLY_HELP, TESTS_FAILED, cargo_failure, command_name, disk_full, is_disk_full, is_killed,
    killed_help, missing_runner, nextest_failure, program_failure, program_name, subcommand,
    tests_failure,
};
use crate::execute::libtest;
use crate::execute::nextest;
use crate::execute::quoted::listed;
use crate::execute::relayed_tests::{Listener as _, RelayedTests};
#[cfg(feature = "remote")]
use crate::execute::remote_run::{self, Built};
use crate::execute::replayed_diagnostics::ReplayedDiagnostics;
use crate::execute::test_ends;
use crate::execute::watched_programs::{Started, WatchedPrograms};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::model::step::Verb;
use crate::request::event::EventKind;
use crate::target::emulator_crash::CrashDetector;

impl Execution<'_> {
    /// Runs a cargo command line, and records its exit code for the caller.
    pub(super) fn run_command_line(&mut self, spec: &RunSpec) -> Result<()> {
        let mut kept = WatchedPrograms::of_tests(self.plan, self.host, spec)?;
        if let Some(run) = &mut kept {
            // The relay has added a mount.
            run.spec = self.resolver.resolve(&run.spec, &[])?;
        }
        let relayed = kept.as_ref().map_or(spec, |run| &run.spec);
        let exit = self.start(relayed, &mut |stream, line| {
            let restored = kept.as_ref().map(|run| run.restore_line(line));
            let line = restored.as_deref().unwrap_or(line);
            self.notify(output_event(stream, line))
        })?;
        self.code = exit.code.or(exit.signal.map(|signal| 128 + signal));
        if exit.success() {
            let ends = kept.map(|run| run.ends(self.plan, spec)).transpose()?;
            let ends = ends.unwrap_or_default();
            self.fail_without_start(&ends.given, spec)?;
            return self.fail_without_result(&ends.missing);
        }
        let is_test = spec.command.get(1).is_some_and(|verb| is_test(verb));
        let is_removed = self.target_dir().is_ok_and(Dir::is_removed);
        let removed = is_removed.then(|| self.removed_help());
        let evidence = self.evidence.borrow();
        let denied = evidence.denied(spec).filter(|_| !is_removed);
        let known = evidence.causes(self.plan);
        let foreign_starts = self.foreign_starts.borrow();
        let unstarted = foreign_starts.help(is_test, self.plan, self.host);
        let killed = match (is_killed(exit), spec.memory) {
            (true, memory) => Some(killed_help(memory)),
            // Cargo's own words are on the caller's streams, where nobody reads them.
            (false, Some(_)) if denied.is_none() && known.is_none() => Some(format!(
                "if a process got signal 9: {}",
                killed_help(spec.memory)
            )),
            (false, _) => None,
        };
        let is_read = spec.stdio != Stdio::Inherit;
        let linkless = of_unread_output(self.plan).filter(|_| known.is_none() && !is_read);
        for (code, help) in [
            ("libraries-only", linkless),
            ("removed", removed),
            ("boundary", denied),
            ("known-cause", known),
            ("memory", killed),
            ("foreign-programs", unstarted),
        ] {
            if help.is_some() {
                self.emit(EventKind::Warning {
                    code: code.to_owned(),
                    message: format!("{} failed with {exit}", subcommand(spec)),
                    help,
                })?;
            }
        }
        Ok(())
    }

    /// Makes a command line fail that succeeded although test binaries, the `missing` ones, ended
    /// before their harness.
    fn fail_without_result(&mut self, missing: &[String]) -> Result<()> {
        if missing.is_empty() {
            return Ok(());
        }
        self.code = Some(TESTS_FAILED);
        self.emit(EventKind::Warning {
            code: "test-results".to_owned(),
            message: format!(
                "these test binaries ended without a result, which is a failure: {}",
                listed(missing.iter().map(String::as_str))
            ),
            help: Some(EARLY_HELP.to_owned()),
        })
    }

    /// The diagnostics that the cargo of `spec` prints again.
    pub(super) fn replayed(&self, spec: &RunSpec) -> ReplayedDiagnostics {
        ReplayedDiagnostics::new(&self.diagnostics, &spec.command, &self.plan.fixed)
    }

    /// Looks for the causes of a failure in a line of output.
    pub(super) fn watch(&self, stream: Stream, line: &str) {
        self.evidence.borrow_mut().read(stream, line);
        self.foreign_starts.borrow_mut().read(line);
    }

    /// Runs `spec`, and passes each line of its output to `sink`.
    fn start(&self, spec: &RunSpec, sink: &mut Sink<'_>) -> Result<Exit> {
        let Self { plan, resolver, .. } = self;
        let mut read_line = |stream: Stream, line: &str| {
            self.watch(stream, line);
            sink(stream, line)
        };
        container_reuse::run(plan, spec, resolver, self.host, self.cancel, &mut read_line)
    }

    /// Fetches what was built on a remote engine, `built` among it, unless that was done. Returns
    /// whether it is here: the user may want it to stay there.
    /// `is_fresh` says whether cargo made nothing new.
    #[cfg_attr(not(feature = "remote"), expect(unused_variables))]
    pub(super) fn fetch(&self, built: &[Artifact], is_fresh: bool) -> Result<bool> {
        let Some(remote) = &self.plan.remote else {
            return Ok(true);
        };
        if remote.skip_artifacts {
            return Ok(false);
        }
        #[cfg(feature = "remote")]
        if let Some(spec) = self.unfetched.take() {
            let built = Built {
                artifacts: built,
                is_fresh,
            };
            let dir = self.target_dir()?;
            remote_run::fetch(
                self.plan,
                remote,
                &spec,
                dir,
                &built,
                self.host,
                self.cancel,
            )?;
        }
        Ok(true)
    }

    /// Checks that no artifact needs a newer glibc, or a newer version of Apple's system, than the
    /// requested one.
    fn check_floors(&self) -> Result<()> {
        if self.plan.glibc_floor.is_none() && self.deployment_target().is_none() {
            return Ok(());
        }
        if !self.fetch(&self.artifacts, false)? {
            return Ok(());
        }
        let target_dir = self.target_dir()?;
        self.artifacts.iter().try_for_each(|artifact| {
            let file = files::open(target_dir, &artifact.inside)?;
            self.check_floor(&file, &artifact.path)
        })
    }

    /// Runs a cargo that prints JSON messages.
    pub(super) fn run_cargo(&mut self, spec: &RunSpec) -> Result<()> {
        let plan = self.plan;
        let mut reader =
            cargo_output::Reader::new(self.target_dir()?, &plan.products, &plan.publish_dir)
                .fixed(&plan.fixed)
                .apart(plan.remote.is_some());
        let mut first_error = FirstError::default();
        let (mut disk_is_full, mut rejected) = (false, None);
        let exit = self.start(spec, &mut |stream, line| {
            disk_is_full |= is_disk_full(line);
            match reader.read(line) {
                Line::Silent => ControlFlow::Continue(()),
                Line::Events(events) => events.into_iter().try_for_each(|event| {
                    if let EventKind::Diagnostic(diagnostic) = &event {
                        self.evidence.borrow_mut().read_diagnostic(diagnostic);
                    }
                    self.notify(event)
                }),
                Line::Rejected(error) => {
                    rejected = Some(error);
                    ControlFlow::Break(())
                }
                Line::Other => {
                    first_error.read(line);
                    self.notify(output_event(stream, line))
                }
            }
        });
        if let Some(error) = rejected {
            return Err(error);
        }
        let exit = exit?;
        if exit.success() && plan.remote.is_some() && !reader.artifacts.is_empty() {
            let are_here = self.fetch(&reader.artifacts, reader.is_fresh)?;
            let events = match are_here {
                true => reader.fetched()?,
                false => Vec::new(),
            };
            events.into_iter().try_for_each(|event| self.emit(event))?;
        }
        let cargo_output::Reader {
            first_error: compiler_error,
            artifacts,
            host_tests,
            diagnostics,
            unpublished,
            packages,
            ..
        } = reader;
        self.artifacts.extend(artifacts);
        // Cargo announces what it compiles as it comes.
        let place = |artifact: &Artifact| (artifact.path.clone(), artifact.package.clone());
        self.artifacts.sort_by_cached_key(place);
        self.host_tests.extend(host_tests);
        if exit.success() {
            self.packages.add(packages);
            self.diagnostics.extend(diagnostics);
            self.warn_of_unpublished(&unpublished)?;
            self.unpublished.extend(unpublished);
            return self.check_floors();
        }
        let error = match disk_is_full {
            true => disk_full(spec, exit, plan.remote.is_some()),
            false => cargo_failure(spec, exit, compiler_error.or(first_error.0)),
        };
        Err(error.with_compiler(diagnostics))
    }

    /// Runs `cargo test`, with its test binaries side by side if the plan allows it.
    pub(super) fn run_tests(&mut self, spec: &RunSpec) -> Result<()> {
        let built = [&self.artifacts[..], &self.host_tests].concat();
        let mut relayed =
            RelayedTests::new(self.plan, self.host, self.target_dir()?, &built, spec)?;
        if let Some(run) = &mut relayed {
            // The relay has added a mount.
            run.spec = self.resolver.resolve(&run.spec, &[])?;
        }
        let mut watch = TestWatch::new(self, spec);
        let exit = match &relayed {
            Some(run) => run.drive(self.cancel, &mut watch, |cancel, sink| {
                container_reuse::run(
                    self.plan,
                    &run.spec,
                    &self.resolver,
                    self.host,
                    cancel,
                    sink,
                )
            }),
            None => {
                let mut sink = |stream: Stream, line: &str| watch.cargo(stream, line);
                container_reuse::run(
                    self.plan,
                    spec,
                    &self.resolver,
                    self.host,
                    self.cancel,
                    &mut sink,
                )
            }
        };
        // There is nothing left to stop.
        let _ = watch.end_output();
        let TestWatch {
            reader,
            debugger,
            first_error,
            words,
            ..
        } = watch;
        let mut tests = reader.summary();
        tests.not_run = test_ends::not_run(&reader, &built);
        test_ends::name_as_cargo(&mut tests, &built);
        // Hostile tests may have results that fill the memory, so there are as few copies as may be.
        let exit = match exit {
            Ok(exit) => exit,
            Err(error) => return Err(stopped_tests(error, &reader).with_tests(tests)),
        };
        let is_relayed = match &relayed {
            Some(run) => run.is_used()?,
            // There may be documentation tests only.
            None => built
                .iter()
                .all(|artifact| artifact.kind != ArtifactKind::Test),
        };
        let unrelayed = (!is_relayed).then(|| UNRELAYED.to_owned());
        for message in reader.doubts().into_iter().chain(unrelayed) {
            self.emit(EventKind::Warning {
                code: "test-results".to_owned(),
                message,
                help: None,
            })?;
        }
        let given = self.given_binaries(&tests, &words);
        if let Err(error) = self.tell_unstarted(&given, &spec.command, exit.success()) {
            return Err(error.with_code(exit.code).with_tests(tests));
        }
        if exit.success() {
            let products = &self.plan.products;
            let contradiction = relayed.as_ref().and_then(RelayedTests::contradiction);
            let contradiction =
                contradiction.or_else(|| test_ends::contradiction(&reader, &built, products, spec));
            if let Some(error) = contradiction {
                return Err(error.with_code(exit.code).with_tests(tests));
            }
            self.tests = Some(tests);
            return Ok(());
        }
        let target = &self.plan.target;
        let failure = debugger.failure();
        let failure = failure.or_else(|| tests_failure(target, &reader, tests, exit, spec.memory));
        Err(failure.unwrap_or_else(|| cargo_failure(spec, exit, first_error.0)))
    }

    /// Runs `cargo nextest run`.
    pub(super) fn run_nextest(&mut self, spec: &RunSpec) -> Result<()> {
        let runner = match spec.env.get(&self.plan.runner_variables.target) {
            Some(EnvValue::Plain(runner) | EnvValue::Secret(runner)) => runner.as_str(),
            _ => "",
        };
        let mut reader = nextest::Reader::new(self.plan.emulator, runner);
        let mut first_error = FirstError::default();
        let mut replayed = self.replayed(spec);
        let mut show = |stream, line: &str| self.notify(output_event(stream, line));
        let exit = self.start(spec, &mut |stream, line| {
            if stream == Stream::Stdout && reader.read(line) {
                return ControlFlow::Continue(());
            }
            reader.read_words(line);
            first_error.read(line);
            replayed.read(stream, line, &mut show)
        });
        // There is nothing left to stop.
        let _ = replayed.finish(&mut show);
        let exit = match exit {
            Ok(exit) => exit,
            Err(error) => return Err(error.with_tests(reader.finish())),
        };
        let contradiction = reader.contradiction();
        let ends = reader.ends();
        let tests = reader.finish();
        let mut given = self.given_binaries(&tests, &Words::new());
        // Nextest has names of its own for binaries.
        given.iter_mut().for_each(|binary| binary.ran = tests.ran());
        if let Err(error) = self.tell_unstarted(&given, &spec.command, exit.success()) {
            return Err(error.with_code(exit.code).with_tests(tests));
        }
        match exit.success() {
            true => match contradiction {
                Some(error) => Err(error.with_code(exit.code).with_tests(tests)),
                None => {
                    self.tests = Some(tests);
                    Ok(())
                }
            },
            false => {
                let target = &self.plan.target;
                let failure = nextest_failure(target, &ends, tests, exit, spec.memory);
                Err(failure.unwrap_or_else(|| cargo_failure(spec, exit, first_error.0)))
            }
        }
    }

    /// Runs a program, and captures its standard output.
    pub(super) fn run_captured(&mut self, spec: &RunSpec) -> Result<()> {
        let mut stdout = String::new();
        self.run_program(spec, &mut |line| {
            let fits = stdout.len() + line.len() <= limits::CAPTURED;
            if fits {
                stdout.extend([line, "\n"]);
            }
            fits
        })?;
        self.stdout = Some(stdout);
        Ok(())
    }

    /// Runs a program. `capture` receives the lines of its standard output, and returns `false` to
    /// end the run when there are too many.
    pub(super) fn run_program(
        &self,
        spec: &RunSpec,
        capture: &mut dyn FnMut(&str) -> bool,
    ) -> Result<()> {
        let mut watch = CrashDetector::new(self.plan.emulator);
        let mut debugger = DebuggerWatch::new(spec, &self.plan.fixed);
        let mut too_much_output = false;
        let mut first_error = FirstError::default();
        let mut replayed = self.replayed(spec);
        let mut show = |stream, line: &str| self.notify(output_event(stream, line));
        let mut watched = WatchedPrograms::new(self.plan, self.host, spec)?;
        if let Some(run) = &mut watched {
            // The relay has added a mount.
            run.spec = self.resolver.resolve(&run.spec, &[])?;
        }
        let spec = watched.as_ref().map_or(spec, |run| &run.spec);
        let exit = self.start(spec, &mut |stream, line| {
            let restored = match &watched {
                Some(run) if stream == Stream::Stderr => Cow::Owned(run.restore_line(line)),
                _ => Cow::Borrowed(line),
            };
            let line = &*restored;
            first_error.read(line);
            too_much_output = stream == Stream::Stdout && !capture(line);
            if too_much_output {
                return ControlFlow::Break(());
            }
            watch.read(line);
            match debugger.read(line) {
                Some(waits) => self.notify(waits),
                None => replayed.read(stream, line, &mut show),
            }
        });
        // There is nothing left to stop.
        let _ = replayed.finish(&mut show);
        if too_much_output {
            let limit = limits::CAPTURED;
            let message = format!("the program prints more than {limit} bytes");
            return Err(Error::new(ErrorKind::ProgramFailed, message)
                .with_help("write the output to a file, or receive it as events"));
        }
        let exit = exit?;
        if exit.success() {
            return Ok(());
        }
        if let Some(error) = debugger.failure() {
            return Err(error);
        }
        let started = watched.as_ref();
        let started = started.map_or(Ok(Started::Unknown), WatchedPrograms::started)?;
        let target = &self.plan.target;
        let program = match (&started, self.plan.verb) {
            (Started::WithoutRunner(runner), _) => return Err(missing_runner(spec, exit, runner)),
            (Started::Last(path), _) => program_name(target, path),
            (Started::Unknown, Verb::Exec) => command_name(target, &spec.command),
            // Nextest that packs tests starts none of them.
            (Started::None, _) | (Started::Unknown, Verb::Nextest) => {
                return Err(cargo_failure(spec, exit, first_error.0));
            }
            (Started::Unknown, _) => format!("the program for {target}"),
        };
        Err(program_failure(target, &program, watch, exit, spec.memory))
    }
}

/// The warning about results that are read from cargo's streams, which all test binaries share.
const UNRELAYED: &str = "the results of the test binaries are read from what all of them print, since nothing could start \
    them one by one: this system has no named pipes, the engine is `host` and the path of the cache has spaces, or cargo \
    runs on another machine and the image has no `mkfifo`. A test that prints results of its own may change them";

/// Names what was running, if the caller stopped the run.
fn stopped_tests(error: Error, reader: &libtest::Reader) -> Error {
    let running = reader.running();
    match error.kind() {
        ErrorKind::Deadline | ErrorKind::Cancelled if !running.is_empty() => {
            let running = listed(running.iter().map(String::as_str));
            error.and_help(format!("these test binaries were running: {running}"))
        }
        _ => error,
    }
}

/// Whether cargo's subcommand runs tests.
fn is_test(verb: &str) -> bool {
    ["test", "t", "nextest"].contains(&verb)
}
