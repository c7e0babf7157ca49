//! The executor: one dumb match over the steps of a plan.

mod glibc;
mod host_command;

use std::cell::{OnceCell, RefCell};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_engine::process::{Exit, Stream};
use cross_engine::untrusted::{Dir, limits};
use cross_engine::{
    Cancel, Environments, Host, ImageBuild, Location, Lock, Progress, RunSpec, clock,
};

use crate::execute::cargo_output::{self, Line};
use crate::execute::complaints::Complaints;
use crate::execute::container_reuse;
use crate::execute::debugger::Listening;
use crate::execute::failure::{
    cargo_failure, disk_full, failed_tests, program_failure, says_disk_full, tests_failure,
};
use crate::execute::libtest;
use crate::execute::nextest;
use crate::execute::parallel_tests::ParallelTests;
use crate::execute::publish::{self, Mirror};
use crate::execute::run_resolver::RunResolver;
use crate::execute::test_ends;
use crate::facts::environment_spec::BASE_LABEL;
use crate::host::files;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, CompilerDiagnostic, Outcome, Timing};
use crate::model::step::{Action, EnvironmentRef, OutputKind, Step};
use crate::model::test_summary::TestSummary;
use crate::model::toolchain::ToolchainSource;
use crate::plan::coverage;
use crate::plan::plan::Plan;
use crate::request::event::EventKind;
use crate::target::emulator_crash::Watch;

impl Plan {
    /// Carries the plan out.
    ///
    /// # Errors
    ///
    /// The first step's that fails; the steps after it are not begun, and nothing of it is left
    /// running. See [`ErrorKind`](crate::ErrorKind) for the classes.
    pub fn execute(&self, cancel: &Cancel) -> Result<Outcome> {
        execute(self, cancel)
    }
}

/// Carries `plan` out.
pub(crate) fn execute(plan: &Plan, cancel: &Cancel) -> Result<Outcome> {
    let host = &plan.context.host;
    let mut execution = Execution::new(plan, host, cancel);
    execution.begin()?;
    let timings = execution.steps()?;
    let mut toolchain = plan.toolchain.clone();
    if toolchain.source == ToolchainSource::Image {
        let target_dir = execution.target_dir();
        toolchain.version = target_dir.ok().and_then(files::recorded_rustc);
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
    let host = &plan.context.host;
    Execution::new(plan, host, cancel).steps()
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
    resolver: RunResolver<'a>,
    /// The target directory, opened before anything runs that could replace it.
    target_dir: OnceCell<Dir>,
    /// What the run complains of.
    complaints: RefCell<Complaints>,
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
            resolver: RunResolver::of(plan, host, cancel),
            target_dir: OnceCell::new(),
            complaints: RefCell::new(Complaints::new(&plan.workspace_root)),
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

    fn target_dir(&self) -> Result<&Dir> {
        if let Some(dir) = self.target_dir.get() {
            return Ok(dir);
        }
        let dir = Dir::open(&self.plan.target_dir).map_engine_error()?;
        Ok(self.target_dir.get_or_init(|| dir))
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
        match &self.plan.context.budget {
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
        self.plan.context.emit(&self.plan.target, kind)
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
                self.raw_profiles = coverage::files(self.target_dir()?, from)?;
                Ok(())
            }
            Action::Mirror { from, to } => self.mirror(from, to),
            Action::Publish { checksums } => {
                let to = publish::destination(&self.plan.publish_dir)?;
                publish::artifacts(self.target_dir()?, &to, &self.built, self.cancel)?;
                match checksums {
                    true => self.checksums(&to),
                    false => Ok(()),
                }
            }
        }
    }

    fn checksums(&mut self, published: &Dir) -> Result<()> {
        let mut sums = Vec::new();
        for artifact in &self.built {
            let dir = match artifact.path == artifact.inside {
                true => self.target_dir()?,
                false => published,
            };
            let file = files::open(dir, &artifact.path)?;
            sums.push(files::sha256(&file, self.cancel)?);
        }
        for (artifact, sum) in self.built.iter_mut().zip(sums) {
            artifact.sha256 = Some(sum);
        }
        Ok(())
    }

    fn mirror(&self, from: &Path, to: &Path) -> Result<()> {
        let target_dir = self.target_dir()?;
        let Some(name) = target_dir.relative(from) else {
            return Ok(());
        };
        let Some(from) = target_dir.dir_if_any(name).map_engine_error()? else {
            return Ok(());
        };
        let published = publish::destination(&self.plan.publish_dir)?;
        let to = published.create_dir_all(files::relative(&published, to)?);
        Mirror {
            to: &to.map_engine_error()?,
            products: &self.plan.products,
            cancel: self.cancel,
            judge: &mut |from, to| self.judge(from, to),
        }
        .run(&from)
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
        .map_engine_error()
    }

    /// Pulls an image; which one that was is known only now.
    fn pull(&mut self, reference: &str, platform: Option<&str>) -> Result<()> {
        self.with_progress(|environments, heard| {
            environments.pull(reference, platform, self.cancel, heard)
        })?;
        let pulled = self
            .environments()
            .image(reference, self.cancel)
            .map_engine_error()?;
        if let Some(facts) = pulled {
            self.environment.image_digest = facts.digest;
            if self.environment.location == Location::Image(reference.to_owned()) {
                self.environment.image_id = Some(facts.id);
            }
        }
        Ok(())
    }

    /// Builds an image; which one it is built on is known only now.
    fn build_image(&self, build: &ImageBuild, on: Option<&str>) -> Result<()> {
        let mut build = build.clone();
        if let Some(on) = on {
            let base = self
                .environments()
                .image(on, self.cancel)
                .map_engine_error()?;
            let label = base.map(|base| (BASE_LABEL.to_owned(), base.id));
            build = build.labels(label);
        }
        self.with_progress(|environments, heard| environments.build(&build, self.cancel, heard))
    }

    fn run(&mut self, spec: &RunSpec, output: OutputKind, yielding: &[String]) -> Result<()> {
        let mut spec = self.resolver.run(spec, yielding)?;
        let budget = self.plan.context.budget.clone();
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
        self.complaints
            .replace(Complaints::new(&self.plan.workspace_root));
        let ended = self.run_as(&spec, output);
        ended.map_err(|error| self.complaints.borrow().explain(error, &spec))
    }

    /// Runs `spec` and reads its output as `output`.
    fn run_as(&mut self, spec: &RunSpec, output: OutputKind) -> Result<()> {
        match output {
            OutputKind::CargoMessages => self.run_cargo(spec),
            OutputKind::Tests => self.run_tests(spec),
            OutputKind::Nextest => self.run_nextest(spec),
            OutputKind::Program => self.run_program(spec, &mut |_| true),
            OutputKind::CommandLine => self.run_command_line(spec),
            OutputKind::Captured => {
                let mut kept = String::new();
                self.run_program(spec, &mut |line| {
                    if kept.len() + line.len() > limits::CAPTURED {
                        return false;
                    }
                    kept.extend([line, "\n"]);
                    true
                })?;
                self.stdout = Some(kept);
                Ok(())
            }
        }
    }

    /// Waits until no other run fetches: cargo's own lock is on the host, where a run does not see
    /// it.
    fn registry(&self) -> Result<Lock> {
        let file = self.host.cache.join("locks/registry");
        Lock::acquire(&file, self.cancel, &mut || {}).map_engine_error()
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

    fn start(&self, spec: &RunSpec, sink: &mut cross_engine::process::Sink<'_>) -> Result<Exit> {
        let Self { plan, resolver, .. } = self;
        let mut hear = |stream: Stream, line: &str| {
            self.complaints.borrow_mut().read(line);
            sink(stream, line)
        };
        container_reuse::run(plan, spec, resolver, self.host, self.cancel, &mut hear)
    }

    fn run_cargo(&mut self, spec: &RunSpec) -> Result<()> {
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
                    self.tell(EventKind::Output {
                        stream,
                        line: line.to_owned(),
                    })
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

    fn run_tests(&mut self, spec: &RunSpec) -> Result<()> {
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

    /// Runs a program; `keep` gets the lines of its standard output, and says whether it wants
    /// more.
    fn run_program(&self, spec: &RunSpec, keep: &mut dyn FnMut(&str) -> bool) -> Result<()> {
        let mut watch = Watch::new(self.plan.emulator);
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
