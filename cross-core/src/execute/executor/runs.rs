//! Runs each kind of command, and reads its output.

use std::ops::ControlFlow;
use std::path::Path;

use cross_engine::RunSpec;
use cross_engine::process::untrusted::limits;
use cross_engine::process::{Exit, Sink, Stream};

use super::Execution;
use crate::execute::cargo_output::{self, Line};
use crate::execute::container_reuse;
use crate::execute::debugger::DebuggerWatch;
use crate::execute::failure::{
    cargo_failure, disk_full, failed_tests, is_disk_full, program_failure, tests_failure,
};
use crate::execute::libtest::{self, BinaryResult};
use crate::execute::nextest;
use crate::execute::relayed_tests::{Listener, RelayedTests};
use crate::execute::test_ends;
use crate::model::error::{Error, ErrorKind, Result};
use crate::request::event::EventKind;
use crate::target::emulator_crash::CrashDetector;

impl Execution<'_> {
    /// Runs a cargo command line, and records its exit code for the caller.
    pub(super) fn run_command_line(&mut self, spec: &RunSpec) -> Result<()> {
        let exit = self.start(spec, &mut |stream, line| {
            self.notify(output_event(stream, line))
        })?;
        self.code = exit.code.or(exit.signal.map(|signal| 128 + signal));
        if exit.success() {
            return Ok(());
        }
        let is_test = spec.command.get(1).is_some_and(|verb| is_test(verb));
        let known = self.evidence.borrow().help(spec, self.plan);
        let foreign_starts = self.foreign_starts.borrow();
        let unstarted = foreign_starts.help(is_test, self.plan, self.host);
        for (code, message) in [("boundary", known), ("foreign-programs", unstarted)] {
            let Some(message) = message else { continue };
            self.emit(EventKind::Warning {
                code: code.to_owned(),
                message,
                help: None,
            })?;
        }
        Ok(())
    }

    /// Looks for the causes of a failure in a line of output.
    fn watch(&self, stream: Stream, line: &str) {
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

    /// Runs a cargo that prints JSON messages.
    pub(super) fn run_cargo(&mut self, spec: &RunSpec) -> Result<()> {
        let plan = self.plan;
        let mut reader =
            cargo_output::Reader::new(self.target_dir()?, &plan.products, &plan.publish_dir);
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
        let cargo_output::Reader {
            first_error: compiler_error,
            artifacts,
            diagnostics,
            ..
        } = reader;
        self.artifacts.extend(artifacts);
        if exit.success() {
            self.diagnostics.extend(diagnostics);
            return self.check_glibc_floor();
        }
        let error = match disk_is_full {
            true => disk_full(spec, exit),
            false => cargo_failure(spec, exit, compiler_error.or(first_error.0)),
        };
        Err(error.with_compiler(diagnostics))
    }

    /// Runs `cargo test`, with its test binaries side by side if the plan allows it.
    pub(super) fn run_tests(&mut self, spec: &RunSpec) -> Result<()> {
        let mut relayed = RelayedTests::new(
            self.plan,
            self.host,
            self.target_dir()?,
            &self.artifacts,
            spec,
        )?;
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
        let TestWatch {
            reader,
            debugger,
            first_error,
            ..
        } = watch;
        let mut tests = reader.summary();
        tests.not_run = test_ends::not_run(&reader, &self.artifacts);
        self.tests = Some(tests.clone());
        let exit = exit.map_err(|error| error.with_tests(tests.clone()))?;
        for message in reader.doubts() {
            self.emit(EventKind::Warning {
                code: "test-results".to_owned(),
                message,
                help: None,
            })?;
        }
        if exit.success() {
            let products = &self.plan.products;
            let contradiction = relayed.as_ref().and_then(RelayedTests::contradiction);
            let contradiction = contradiction
                .or_else(|| test_ends::contradiction(&reader, &self.artifacts, products, spec));
            return match contradiction {
                Some(error) => Err(error.with_code(exit.code).with_tests(tests)),
                None => Ok(()),
            };
        }
        let target = &self.plan.target;
        let failure = debugger.failure();
        let failure = failure.or_else(|| tests_failure(target, &reader, &tests, exit));
        Err(failure.unwrap_or_else(|| cargo_failure(spec, exit, first_error.0)))
    }

    /// Runs `cargo nextest run`.
    pub(super) fn run_nextest(&mut self, spec: &RunSpec) -> Result<()> {
        let mut reader = nextest::Reader::default();
        let mut first_error = FirstError::default();
        let exit = self.start(spec, &mut |stream, line| {
            if stream == Stream::Stdout && reader.read(line) {
                return ControlFlow::Continue(());
            }
            first_error.read(line);
            self.notify(output_event(stream, line))
        })?;
        let contradiction = reader.contradiction();
        let tests = reader.finish();
        self.tests = Some(tests.clone());
        match exit.success() {
            true => match contradiction {
                Some(error) => Err(error.with_code(exit.code).with_tests(tests)),
                None => Ok(()),
            },
            false if tests.failed > 0 => Err(failed_tests(tests, exit)),
            false => Err(cargo_failure(spec, exit, first_error.0)),
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
        let mut debugger = DebuggerWatch::new(spec);
        let mut too_much_output = false;
        let exit = self.start(spec, &mut |stream, line| {
            too_much_output = stream == Stream::Stdout && !capture(line);
            if too_much_output {
                return ControlFlow::Break(());
            }
            watch.read(line);
            let waits = debugger.read(line);
            self.notify(waits.unwrap_or_else(|| output_event(stream, line)))
        });
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
        let mut programs = self.artifacts.iter();
        let name = match (programs.next(), programs.next()) {
            (Some(only), None) => Some(only.name.as_str()),
            _ => None,
        };
        Err(program_failure(&self.plan.target, name, watch, exit))
    }
}

/// Reads the output of a run of tests, and passes it on as events.
struct TestWatch<'a> {
    execution: &'a Execution<'a>,
    command: &'a [String],
    reader: libtest::Reader,
    debugger: DebuggerWatch,
    first_error: FirstError,
}

impl<'a> TestWatch<'a> {
    fn new(execution: &'a Execution<'a>, spec: &'a RunSpec) -> Self {
        TestWatch {
            reader: libtest::Reader::new(execution.plan.emulator, &spec.command),
            debugger: DebuggerWatch::new(spec),
            first_error: FirstError::default(),
            command: &spec.command,
            execution,
        }
    }

    fn notify(&mut self, stream: Stream, line: &str) -> ControlFlow<()> {
        self.execution.watch(stream, line);
        let waits = self.debugger.read(line);
        let event = waits.unwrap_or_else(|| output_event(stream, line));
        self.execution.notify(event)
    }

    fn notify_results(&self, result: Option<BinaryResult>) -> ControlFlow<()> {
        match result {
            Some(result) => self.execution.notify(EventKind::TestsRan {
                passed: result.passed,
                failed: result.failed,
            }),
            None => ControlFlow::Continue(()),
        }
    }
}

impl Listener for TestWatch<'_> {
    fn cargo(&mut self, stream: Stream, line: &str) -> ControlFlow<()> {
        let result = self.reader.read(stream, line);
        self.first_error.read(line);
        self.notify(stream, line)?;
        self.notify_results(result)
    }

    fn start(&mut self, program: &Path) {
        let file = program.file_name().unwrap_or_default().to_string_lossy();
        let reports = libtest::reports_results(self.command);
        let products = &self.execution.plan.products;
        let has_libtest = reports && test_ends::reports(&file, products);
        self.reader.start(&file, has_libtest);
    }

    fn output(&mut self, stream: Stream, line: &str) -> ControlFlow<()> {
        self.reader.read_binary(stream, line);
        self.notify(stream, line)
    }

    fn end(&mut self, exit: Exit) -> bool {
        self.reader.end(exit)
    }

    fn list(&mut self, text: &str) {
        self.reader.list(text);
    }

    fn finish(&mut self) -> ControlFlow<()> {
        self.notify_results(self.reader.totals())
    }
}

/// Whether cargo's subcommand runs tests.
fn is_test(verb: &str) -> bool {
    ["test", "t", "nextest"].contains(&verb)
}

/// The first line of an output that starts with `error`.
#[derive(Debug, Default)]
struct FirstError(Option<String>);

impl FirstError {
    fn read(&mut self, line: &str) {
        if self.0.is_none() && line.starts_with("error") {
            self.0 = Some(line.to_owned());
        }
    }
}

/// The event of a line of output.
pub(super) fn output_event(stream: Stream, line: &str) -> EventKind {
    EventKind::Output {
        stream,
        line: line.to_owned(),
    }
}
