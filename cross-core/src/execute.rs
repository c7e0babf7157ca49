//! The executor: one dumb match over the steps of a plan.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_engine::process::{Exit, Stdin, Stream};
use cross_engine::{Blueprint, Cancel, Environments, Host, Invocation, Progress, RunSpec, clock};

use crate::cargo_messages::{self, Line};
use crate::error::{EngineContext as _, Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::failure::{cargo_failure, disk_full, host_failure, says_disk_full};
use crate::files;
use crate::libtest;
use crate::outcome::{Artifact, Outcome, TestSummary, Timing};
use crate::plan::{Action, HostFailure, OutputKind, Plan, Step};
use crate::toolchain::ToolchainSource;

/// Carries `plan` out.
pub(crate) fn execute(plan: &Plan, cancel: &Cancel) -> Result<Outcome> {
    let mut execution = Execution {
        plan,
        host: plan.cross.host()?,
        cancel,
        built: Vec::new(),
        tests: None,
        stdout: None,
    };
    execution.begin()?;
    let mut timings = Vec::new();
    for (n, step) in plan.steps.iter().enumerate() {
        let start = clock::now();
        execution.emit(EventKind::StepStarted {
            step: n + 1,
            steps: plan.steps.len(),
            purpose: step.purpose.clone(),
        })?;
        execution.step(step)?;
        let seconds = start.elapsed().as_secs_f64();
        execution.emit(EventKind::StepFinished {
            step: n + 1,
            seconds,
        })?;
        timings.push(Timing {
            purpose: step.purpose.clone(),
            seconds,
        });
    }
    let mut toolchain = plan.toolchain.clone();
    if toolchain.source == ToolchainSource::Image {
        toolchain.version = files::recorded_rustc(&plan.target_dir);
    }
    Ok(Outcome {
        verb: plan.verb,
        target: plan.target.clone(),
        artifacts: execution.built.into_iter().map(|(_, it)| it).collect(),
        tests: execution.tests,
        stdout: execution.stdout,
        engine: plan.engine.clone(),
        environment: plan.environment.clone(),
        toolchain,
        timings,
    })
}

struct Execution<'a> {
    plan: &'a Plan,
    host: Host,
    cancel: &'a Cancel,
    /// Where each artifact was built, and what it is once published.
    built: Vec<(PathBuf, Artifact)>,
    tests: Option<TestSummary>,
    stdout: Option<String>,
}

impl Execution<'_> {
    fn begin(&self) -> Result<()> {
        for warning in &self.plan.warnings {
            self.emit(EventKind::Warning {
                code: warning.code.clone(),
                message: warning.message.clone(),
            })?;
        }
        self.emit(EventKind::EngineChosen {
            engine: self.plan.engine.to_string(),
            reason: self.plan.engine_reason.clone(),
        })
    }

    /// Tells the listener, which may stop the request.
    fn emit(&self, kind: EventKind) -> Result<()> {
        match self.tell(kind) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(
                ErrorKind::Cancelled,
                "stopped by the event listener",
            )),
        }
    }

    fn tell(&self, kind: EventKind) -> ControlFlow<()> {
        self.plan.cross.emit(&self.plan.target, kind)
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        match &step.action {
            Action::MakeEnvironment(blueprint) => self.make_environment(blueprint),
            Action::Prepare(things) => files::prepare(things),
            Action::Host { command, failure } => self.host_command(command, *failure),
            Action::Run { spec, output } => self.run(spec, *output),
            Action::Publish => files::publish(&self.built),
        }
    }

    fn make_environment(&self, blueprint: &Blueprint) -> Result<()> {
        let environments = Environments::new(&self.plan.engine, &self.host);
        environments
            .make(blueprint, self.cancel, &mut |progress| {
                let message = match progress {
                    Progress::Waiting => "waiting for another process that makes it",
                    Progress::Stage(text) | Progress::Line(text) => text,
                    _ => return ControlFlow::Continue(()),
                };
                self.tell(EventKind::EnvironmentProgress {
                    message: message.to_owned(),
                })
            })
            .engine()
    }

    fn host_command(&self, command: &Invocation, failure: HostFailure) -> Result<()> {
        let mut said = Vec::new();
        let supervised = cross_engine::supervised(command.clone()).engine()?;
        let exit = cross_engine::process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |stream, line| {
                said.push(line.to_owned());
                self.tell(EventKind::Output {
                    stream,
                    line: line.to_owned(),
                })
            },
        )
        .engine()?;
        if exit.success() {
            return Ok(());
        }
        Err(host_failure(command, failure, exit, &said))
    }

    fn run(&mut self, spec: &RunSpec, output: OutputKind) -> Result<()> {
        let spec = self.with_root(spec)?;
        match output {
            OutputKind::CargoMessages => self.run_cargo(&spec),
            OutputKind::Tests => self.run_tests(&spec),
            OutputKind::Program => self.run_program(&spec, &mut |_| {}),
            OutputKind::Captured => {
                let mut kept = String::new();
                self.run_program(&spec, &mut |line| kept.extend([line, "\n"]))?;
                self.stdout = Some(kept);
                Ok(())
            }
        }
    }

    /// The root as it is now: the environment may have been made since the plan was.
    fn with_root(&self, spec: &RunSpec) -> Result<RunSpec> {
        let targets: Vec<&Path> = spec.mounts.iter().map(|m| m.target.as_path()).collect();
        let root = Environments::new(&self.plan.engine, &self.host)
            .root(&self.plan.environment.name, &targets)
            .engine()?;
        Ok(spec.clone().root(root))
    }

    fn start(&self, spec: &RunSpec, sink: &mut cross_engine::process::Sink<'_>) -> Result<Exit> {
        self.plan
            .engine
            .run(spec, &self.host, self.cancel, sink)
            .engine()
    }

    fn run_cargo(&mut self, spec: &RunSpec) -> Result<()> {
        let mut reader = cargo_messages::Reader::new(&self.plan.target_dir, &self.plan.publish_dir);
        let (mut last_error, mut disk_is_full) = (None, false);
        let exit = self.start(spec, &mut |stream, line| {
            disk_is_full |= says_disk_full(line);
            match reader.read(line) {
                Line::Silent => ControlFlow::Continue(()),
                Line::Events(events) => events.into_iter().try_for_each(|event| self.tell(event)),
                Line::Other => {
                    if line.starts_with("error") && last_error.is_none() {
                        last_error = Some(line.to_owned());
                    }
                    self.tell(EventKind::Output {
                        stream,
                        line: line.to_owned(),
                    })
                }
            }
        })?;
        let first_error = reader.first_error.or(last_error);
        self.built.extend(reader.artifacts);
        if exit.success() {
            return Ok(());
        }
        Err(match disk_is_full {
            true => disk_full(spec, exit),
            false => cargo_failure(spec, exit, first_error),
        })
    }

    fn run_tests(&mut self, spec: &RunSpec) -> Result<()> {
        let is_runner =
            |name: &String| name.starts_with("CARGO_TARGET_") && name.ends_with("_RUNNER");
        let emulated = spec.env.keys().any(is_runner);
        let mut reader = libtest::Reader::new(emulated);
        let mut first_error = None;
        let exit = self.start(spec, &mut |stream, line| {
            let result = reader.read(line);
            if line.starts_with("error") && first_error.is_none() {
                first_error = Some(line.to_owned());
            }
            self.tell(EventKind::Output {
                stream,
                line: line.to_owned(),
            })?;
            match result {
                Some(result) => self.tell(EventKind::TestsRan {
                    passed: result.passed,
                    failed: result.failed,
                }),
                None => ControlFlow::Continue(()),
            }
        })?;
        let tests = reader.summary.clone();
        self.tests = Some(tests.clone());
        if exit.success() {
            return Ok(());
        }
        if let Some(words) = reader.emulator_crash {
            return Err(Error::new(
                ErrorKind::EmulatorCrashed,
                format!("the emulator for {} crashed: {words}", self.plan.target),
            )
            .with_help("a newer QEMU may be mended: choose a newer `suite` for this target")
            .with_tests(tests));
        }
        if tests.failed > 0 || reader.abnormal_end.is_some() {
            let message = match &reader.abnormal_end {
                Some(words) if tests.failed == 0 => format!("a test binary crashed: {words}"),
                _ => format!(
                    "{} of {} tests failed: {}",
                    tests.failed,
                    tests.ran(),
                    tests.failures.join(", ")
                ),
            };
            return Err(Error::new(ErrorKind::TestFailed, message)
                .with_help("what the tests printed says why; the argument `--nocapture` makes them print all of it")
                .with_code(exit.code)
                .with_tests(tests));
        }
        Err(cargo_failure(spec, exit, first_error))
    }

    /// Runs a program; `keep` gets the lines of its standard output.
    fn run_program(&self, spec: &RunSpec, keep: &mut dyn FnMut(&str)) -> Result<()> {
        let exit = self.start(spec, &mut |stream, line| {
            if stream == Stream::Stdout {
                keep(line);
            }
            self.tell(EventKind::Output {
                stream,
                line: line.to_owned(),
            })
        })?;
        if exit.success() {
            return Ok(());
        }
        let message = format!("the program for {} ended with {exit}", self.plan.target);
        Err(Error::new(ErrorKind::ProgramFailed, message)
            .with_help("the program itself returned this: what it printed says why")
            .with_code(exit.code))
    }
}
