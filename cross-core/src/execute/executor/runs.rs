//! Runs each kind of command, and reads what it prints.

use std::ops::ControlFlow;

use cross_engine::RunSpec;
use cross_engine::process::untrusted::limits;
use cross_engine::process::{Exit, Sink, Stream};

use super::Execution;
use crate::execute::cargo_output::{self, Line};
use crate::execute::container_reuse;
use crate::execute::debugger::Listening;
use crate::execute::failure::{
    cargo_failure, disk_full, failed_tests, program_failure, says_disk_full, tests_failure,
};
use crate::execute::libtest;
use crate::execute::nextest;
use crate::execute::parallel_tests::ParallelTests;
use crate::execute::test_ends;
use crate::model::error::{Error, ErrorKind, Result};
use crate::request::event::EventKind;
use crate::target::emulator_crash::CrashDetector;

impl Execution<'_> {
    /// Runs a command line of the front door, whose exit code is the caller's to judge.
    pub(super) fn run_command_line(&mut self, spec: &RunSpec) -> Result<()> {
        let exit = self.start(spec, &mut |stream, line| self.tell(output(stream, line)))?;
        self.code = exit.code.or(exit.signal.map(|signal| 128 + signal));
        let help = self.complaints.borrow().help(spec);
        match help.filter(|_| !exit.success()) {
            Some(message) => self.emit(EventKind::Warning {
                code: "boundary".to_owned(),
                message,
                help: None,
            }),
            None => Ok(()),
        }
    }

    fn start(&self, spec: &RunSpec, sink: &mut Sink<'_>) -> Result<Exit> {
        let Self { plan, resolver, .. } = self;
        let mut hear = |stream: Stream, line: &str| {
            self.complaints.borrow_mut().read(line);
            sink(stream, line)
        };
        container_reuse::run(plan, spec, resolver, self.host, self.cancel, &mut hear)
    }

    pub(super) fn run_cargo(&mut self, spec: &RunSpec) -> Result<()> {
        let plan = self.plan;
        let mut reader =
            cargo_output::Reader::new(self.target_dir()?, &plan.products, &plan.publish_dir);
        let (mut last_error, mut disk_is_full, mut refused) = (None, false, None);
        let exit = self.start(spec, &mut |stream, line| {
            disk_is_full |= says_disk_full(line);
            match reader.read(line) {
                Line::Silent => ControlFlow::Continue(()),
                Line::Events(events) => events.into_iter().try_for_each(|event| self.tell(event)),
                Line::Refused(error) => {
                    refused = Some(error);
                    ControlFlow::Break(())
                }
                Line::Other => {
                    if line.starts_with("error") && last_error.is_none() {
                        last_error = Some(line.to_owned());
                    }
                    self.tell(output(stream, line))
                }
            }
        });
        if let Some(error) = refused {
            return Err(error);
        }
        let exit = exit?;
        let cargo_output::Reader {
            first_error,
            artifacts,
            diagnostics,
            ..
        } = reader;
        let first_error = first_error.or(last_error);
        self.built.extend(artifacts);
        if exit.success() {
            self.diagnostics.extend(diagnostics);
            return self.check_floor();
        }
        let error = match disk_is_full {
            true => disk_full(spec, exit),
            false => cargo_failure(spec, exit, first_error),
        };
        Err(error.with_compiler(diagnostics))
    }

    pub(super) fn run_tests(&mut self, spec: &RunSpec) -> Result<()> {
        let mut reader = libtest::Reader::new(self.plan.emulator);
        let mut debugger = Listening::to(spec);
        let mut first_error = None;
        let mut parallel_tests =
            ParallelTests::new(self.plan, self.host, self.target_dir()?, &self.built, spec)?;
        if let Some(run) = &mut parallel_tests {
            // It sees one directory more.
            run.spec = self.resolver.run(&run.spec, &[])?;
        }
        let mut hear = |stream: Stream, line: &str| {
            self.complaints.borrow_mut().read(line);
            let result = reader.read(line);
            if line.starts_with("error") && first_error.is_none() {
                first_error = Some(line.to_owned());
            }
            let waits = debugger.read(line);
            self.tell(waits.unwrap_or_else(|| output(stream, line)))?;
            match result {
                Some(result) => self.tell(EventKind::TestsRan {
                    passed: result.passed,
                    failed: result.failed,
                }),
                None => ControlFlow::Continue(()),
            }
        };
        let exit = match &parallel_tests {
            Some(run) => run.drive(self.cancel, &mut hear, |cancel, sink| {
                container_reuse::run(
                    self.plan,
                    &run.spec,
                    &self.resolver,
                    self.host,
                    cancel,
                    sink,
                )
            })?,
            None => self.start(spec, &mut hear)?,
        };
        let tests = reader.summary();
        self.tests = Some(tests.clone());
        if exit.success() {
            let products = &self.plan.products;
            let of_run = parallel_tests
                .as_ref()
                .and_then(ParallelTests::contradiction);
            let contradiction =
                of_run.or_else(|| test_ends::contradiction(&reader, &self.built, products, spec));
            return match contradiction {
                Some(error) => Err(error.with_code(exit.code).with_tests(tests)),
                None => Ok(()),
            };
        }
        let target = &self.plan.target;
        let failure = debugger.failure();
        let failure = failure.or_else(|| tests_failure(target, reader, exit));
        Err(failure.unwrap_or_else(|| cargo_failure(spec, exit, first_error)))
    }

    pub(super) fn run_nextest(&mut self, spec: &RunSpec) -> Result<()> {
        let mut reader = nextest::Reader::default();
        let mut first_error = None;
        let exit = self.start(spec, &mut |stream, line| {
            if stream == Stream::Stdout && reader.read(line) {
                return ControlFlow::Continue(());
            }
            if line.starts_with("error") && first_error.is_none() {
                first_error = Some(line.to_owned());
            }
            self.tell(output(stream, line))
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
            false => Err(cargo_failure(spec, exit, first_error)),
        }
    }

    /// Runs a program, and keeps what it prints on its standard output.
    pub(super) fn run_captured(&mut self, spec: &RunSpec) -> Result<()> {
        let mut kept = String::new();
        self.run_program(spec, &mut |line| {
            let fits = kept.len() + line.len() <= limits::CAPTURED;
            if fits {
                kept.extend([line, "\n"]);
            }
            fits
        })?;
        self.stdout = Some(kept);
        Ok(())
    }

    /// Runs a program; `keep` gets the lines of its standard output, and says whether it wants
    /// more.
    pub(super) fn run_program(
        &self,
        spec: &RunSpec,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<()> {
        let mut watch = CrashDetector::new(self.plan.emulator);
        let mut debugger = Listening::to(spec);
        let mut is_too_much = false;
        let exit = self.start(spec, &mut |stream, line| {
            is_too_much = stream == Stream::Stdout && !keep(line);
            if is_too_much {
                return ControlFlow::Break(());
            }
            watch.read(line);
            let waits = debugger.read(line);
            self.tell(waits.unwrap_or_else(|| output(stream, line)))
        });
        if is_too_much {
            let most = limits::CAPTURED;
            let message = format!("the program prints more than the {most} bytes that are kept");
            return Err(Error::new(ErrorKind::ProgramFailed, message)
                .with_help("have it write a file, or read its output as it comes"));
        }
        let exit = exit?;
        if exit.success() {
            return Ok(());
        }
        if let Some(error) = debugger.failure() {
            return Err(error);
        }
        let mut programs = self.built.iter();
        let name = match (programs.next(), programs.next()) {
            (Some(only), None) => Some(only.name.as_str()),
            _ => None,
        };
        Err(program_failure(&self.plan.target, name, watch, exit))
    }
}

fn output(stream: Stream, line: &str) -> EventKind {
    EventKind::Output {
        stream,
        line: line.to_owned(),
    }
}
