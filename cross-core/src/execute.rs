//! The executor: one dumb match over the steps of a plan.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_engine::process::{Exit, Stdin, Stream};
use cross_engine::{
    Cancel, EnvironmentLocation, Environments, Host, ImageBuild, Invocation, Lock, Progress,
    RunSpec, clock,
};
use cross_targets::Glibc;

use crate::cargo_messages::{self, Line};
use crate::coverage;
use crate::crash::Watch;
use crate::current::Current;
use crate::debugger::Listening;
use crate::definition::BASE_LABEL;
use crate::error::{EngineContext as _, Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::failure::{
    cargo_failure, disk_full, failed_tests, host_failure, program_failure, says_disk_full,
    tests_failure,
};
use crate::files;
use crate::glibc_floor;
use crate::libtest;
use crate::nextest;
use crate::outcome::{Artifact, CompilerDiagnostic, Outcome, Timing};
use crate::plan::{Action, EnvironmentRef, HostFailure, OutputKind, Plan, Step};
use crate::side_by_side::SideBySide;
use crate::test_summary::TestSummary;
use crate::toolchain::ToolchainSource;
use crate::warm;

/// Carries `plan` out.
pub(crate) fn execute(plan: &Plan, cancel: &Cancel) -> Result<Outcome> {
    let host = plan.cross.host()?;
    let mut execution = Execution::new(plan, &host, cancel);
    execution.begin()?;
    let timings = execution.steps()?;
    let mut toolchain = plan.toolchain.clone();
    if toolchain.source == ToolchainSource::Image {
        toolchain.version = files::recorded_rustc(&plan.target_dir);
    }
    Ok(Outcome {
        verb: plan.verb,
        target: plan.target.clone(),
        diagnostics: execution.diagnostics,
        artifacts: execution.built,
        tests: execution.tests,
        raw_profiles: execution.raw_profiles,
        stdout: execution.stdout,
        code: execution.code,
        engine: plan.engine.clone(),
        environment: execution.environment,
        toolchain,
        timings,
    })
}

/// Carries out a plan that is a part of another, which tells what there is to tell of the whole.
pub(crate) fn execute_part(plan: &Plan, cancel: &Cancel) -> Result<Vec<Timing>> {
    let host = plan.cross.host()?;
    Execution::new(plan, &host, cancel).steps()
}

struct Execution<'a> {
    plan: &'a Plan,
    /// The environment, with what is known of it by now.
    environment: EnvironmentRef,
    host: &'a Host,
    cancel: &'a Cancel,
    built: Vec<Artifact>,
    diagnostics: Vec<CompilerDiagnostic>,
    tests: Option<TestSummary>,
    raw_profiles: Vec<PathBuf>,
    stdout: Option<String>,
    /// The exit code of a command line of the front door.
    code: Option<i32>,
    current: Current<'a>,
}

impl<'a> Execution<'a> {
    fn new(plan: &'a Plan, host: &'a Host, cancel: &'a Cancel) -> Self {
        Execution {
            plan,
            environment: plan.environment.clone(),
            host,
            cancel,
            built: Vec::new(),
            diagnostics: Vec::new(),
            tests: None,
            raw_profiles: Vec::new(),
            stdout: None,
            code: None,
            current: Current::of(plan, host, cancel),
        }
    }

    fn steps(&mut self) -> Result<Vec<Timing>> {
        let (plan, mut timings) = (self.plan, Vec::new());
        for (n, step) in plan.steps.iter().enumerate() {
            let start = clock::now();
            self.emit(EventKind::StepStarted {
                step: n + 1,
                steps: plan.steps.len(),
                purpose: step.purpose.clone(),
            })?;
            self.step(step)?;
            let seconds = start.elapsed().as_secs_f64();
            self.emit(EventKind::StepFinished {
                step: n + 1,
                purpose: step.purpose.clone(),
                seconds,
            })?;
            timings.push(Timing {
                purpose: step.purpose.clone(),
                seconds,
            });
        }
        Ok(timings)
    }

    fn begin(&self) -> Result<()> {
        for warning in &self.plan.warnings {
            self.emit(EventKind::Warning {
                code: warning.code.clone(),
                message: warning.message.clone(),
                help: warning.help.clone(),
            })?;
        }
        self.emit(EventKind::EngineChosen {
            engine: self.plan.engine.to_string(),
            reason: self.plan.engine_reason.clone(),
        })?;
        match self.plan.cross.budget() {
            Some(budget) => self.emit(EventKind::JobsShared(budget.about.clone())),
            None => Ok(()),
        }
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
            Action::MakeEnvironment(blueprint) => self.with_progress(|environments, heard| {
                environments.make(blueprint, self.cancel, heard)
            }),
            Action::PullImage {
                reference,
                platform,
            } => self.pull(reference, platform.as_deref()),
            Action::BuildImage { build, on } => self.build_image(build, on.as_deref()),
            Action::Prepare(things) => files::prepare(things),
            Action::Host { command, failure } => self.host_command(command, *failure),
            Action::Run {
                spec,
                output,
                yielding,
            } => {
                let _alone = step.fetches().then(|| self.registry()).transpose()?;
                self.run(spec, *output, yielding)
            }
            Action::CollectProfiles { from } => {
                self.raw_profiles = coverage::files(from)?;
                Ok(())
            }
            Action::Mirror { from, to } => {
                files::mirror(from, to, &mut |from, to| self.judge(from, to))
            }
            Action::Publish { checksums } => {
                files::publish(&self.built)?;
                match checksums {
                    true => self.checksums(),
                    false => Ok(()),
                }
            }
        }
    }

    fn checksums(&mut self) -> Result<()> {
        for artifact in &mut self.built {
            artifact.sha256 = Some(files::sha256(&artifact.path)?);
        }
        Ok(())
    }

    fn environments(&self) -> Environments<'_> {
        Environments::new(&self.plan.engine, self.host)
    }

    /// Makes something of an environment and tells the listener how it goes.
    fn with_progress(
        &self,
        make: impl FnOnce(
            Environments<'_>,
            &mut cross_engine::ProgressSink<'_>,
        ) -> cross_engine::Result<()>,
    ) -> Result<()> {
        make(self.environments(), &mut |progress| {
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

    /// Pulls an image; which one that was is known only now.
    fn pull(&mut self, reference: &str, platform: Option<&str>) -> Result<()> {
        self.with_progress(|environments, heard| {
            environments.pull(reference, platform, self.cancel, heard)
        })?;
        let pulled = self.environments().image(reference, self.cancel).engine()?;
        if let Some(facts) = pulled {
            self.environment.image_digest = facts.digest;
            if self.environment.location == EnvironmentLocation::Image(reference.to_owned()) {
                self.environment.image_id = Some(facts.id);
            }
        }
        Ok(())
    }

    /// Builds an image; which one it is built on is known only now.
    fn build_image(&self, build: &ImageBuild, on: Option<&str>) -> Result<()> {
        let mut build = build.clone();
        if let Some(on) = on {
            let base = self.environments().image(on, self.cancel).engine()?;
            let label = base.map(|base| (BASE_LABEL.to_owned(), base.id));
            build = build.labels(label);
        }
        self.with_progress(|environments, heard| environments.build(&build, self.cancel, heard))
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

    fn run(&mut self, spec: &RunSpec, output: OutputKind, yielding: &[String]) -> Result<()> {
        let mut spec = self.current.run(spec, yielding)?;
        let budget = self.plan.cross.budget().cloned();
        let jobs = budget
            .as_ref()
            .map(|it| it.begin(&mut spec, output, self.cancel));
        let _jobs = jobs.transpose()?;
        if let Some(tests) = self
            .plan
            .tests
            .as_ref()
            .filter(|_| output == OutputKind::Tests)
        {
            tests.bind(&mut spec);
        }
        match output {
            OutputKind::CargoMessages => self.run_cargo(&spec),
            OutputKind::Tests => self.run_tests(&spec),
            OutputKind::Nextest => self.run_nextest(&spec),
            OutputKind::Program => self.run_program(&spec, &mut |_| {}),
            OutputKind::CommandLine => self.run_command_line(&spec),
            OutputKind::Captured => {
                let mut kept = String::new();
                self.run_program(&spec, &mut |line| kept.extend([line, "\n"]))?;
                self.stdout = Some(kept);
                Ok(())
            }
        }
    }

    /// Waits until no other run fetches: cargo's own lock is on the host, where a run does not see it.
    fn registry(&self) -> Result<Lock> {
        let file = self.host.cache.join("locks/registry");
        Lock::acquire(&file, self.cancel, &mut || {}).engine()
    }

    /// Runs a command line of the front door, whose exit code is the caller's to judge.
    fn run_command_line(&mut self, spec: &RunSpec) -> Result<()> {
        let exit = self.start(spec, &mut |stream, line| {
            self.tell(EventKind::Output {
                stream,
                line: line.to_owned(),
            })
        })?;
        self.code = exit.code.or(exit.signal.map(|signal| 128 + signal));
        Ok(())
    }

    fn start(&self, spec: &RunSpec, sink: &mut cross_engine::process::Sink<'_>) -> Result<Exit> {
        let Self { plan, current, .. } = self;
        warm::run(plan, spec, current, self.host, self.cancel, sink)
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
            self.diagnostics.extend(reader.diagnostics);
            return self.check_floor();
        }
        let error = match disk_is_full {
            true => disk_full(spec, exit),
            false => cargo_failure(spec, exit, first_error),
        };
        Err(error.with_compiler(reader.diagnostics))
    }

    fn run_tests(&mut self, spec: &RunSpec) -> Result<()> {
        let mut reader = libtest::Reader::new(self.plan.emulator);
        let mut debugger = Listening::to(spec);
        let mut first_error = None;
        let mut side_by_side = SideBySide::new(self.plan, self.host, &self.built, spec)?;
        if let Some(run) = &mut side_by_side {
            // It sees one directory more.
            run.spec = self.current.run(&run.spec, &[])?;
        }
        let mut hear = |stream: Stream, line: &str| {
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
        let exit = match &side_by_side {
            Some(run) => run.drive(self.cancel, &mut hear, |cancel, sink| {
                warm::run(self.plan, &run.spec, &self.current, self.host, cancel, sink)
            })?,
            None => self.start(spec, &mut hear)?,
        };
        self.tests = Some(reader.summary());
        if exit.success() {
            return Ok(());
        }
        let target = &self.plan.target;
        let failure = debugger.failure();
        let failure = failure.or_else(|| tests_failure(target, reader, exit));
        Err(failure.unwrap_or_else(|| cargo_failure(spec, exit, first_error)))
    }

    fn run_nextest(&mut self, spec: &RunSpec) -> Result<()> {
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
        let tests = reader.finish();
        self.tests = Some(tests.clone());
        match exit.success() {
            true => Ok(()),
            false if tests.failed > 0 => Err(failed_tests(tests, exit)),
            false => Err(cargo_failure(spec, exit, first_error)),
        }
    }

    /// Runs a program; `keep` gets the lines of its standard output.
    fn run_program(&self, spec: &RunSpec, keep: &mut dyn FnMut(&str)) -> Result<()> {
        let mut watch = Watch::new(self.plan.emulator);
        let mut debugger = Listening::to(spec);
        let exit = self.start(spec, &mut |stream, line| {
            if stream == Stream::Stdout {
                keep(line);
            }
            watch.read(line);
            let waits = debugger.read(line);
            self.tell(waits.unwrap_or_else(|| output(stream, line)))
        })?;
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

    /// The glibc that artifacts may need at most.
    fn floor(&self) -> Option<Glibc> {
        self.plan.glibc_floor.as_ref()?.parse().ok()
    }

    /// That no artifact needs a newer glibc than was asked for.
    fn check_floor(&self) -> Result<()> {
        let Some(floor) = self.floor() else {
            return Ok(());
        };
        let mut built = self.built.iter();
        built.try_for_each(|it| glibc_floor::check(&it.inside, &it.path, floor))
    }

    /// Tells which glibc a file that appears at `to` needs, and keeps it from appearing where that is
    /// beyond the floor. Where cargo failed, that is what there is to say.
    fn judge(&self, from: &Path, to: &Path) -> Result<bool> {
        let checked = self
            .floor()
            .map(|floor| glibc_floor::check(from, to, floor));
        match checked {
            Some(Err(error)) if self.code == Some(0) => return Err(error),
            Some(Err(_)) => return Ok(false),
            _ => {}
        }
        if let Some(glibc) = glibc_floor::of(from) {
            let path = to.to_owned();
            self.emit(EventKind::NeedsGlibc { path, glibc })?;
        }
        Ok(true)
    }
}

fn output(stream: Stream, line: &str) -> EventKind {
    EventKind::Output {
        stream,
        line: line.to_owned(),
    }
}
