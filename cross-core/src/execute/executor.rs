//! The executor: one dumb match over the steps of a plan.

mod runs;

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_engine::process::Stdin;
use cross_engine::process::clock;
use cross_engine::process::untrusted::{Dir, RegularFile};
use cross_engine::{
    Cancel, EnvironmentLocation, Environments, Host, ImageBuild, Invocation, Lock, Progress,
    RunSpec,
};
use cross_targets::GlibcVersion;

use crate::execute::failure::host_failure;
use crate::execute::publish::{self, Mirror};
use crate::execute::run_resolver::RunResolver;
use crate::facts::environment_spec::BASE_LABEL;
use crate::host::files;
use crate::host::glibc_floor;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, CompilerDiagnostic, Outcome, Timing};
use crate::model::step::{Action, EnvironmentRef, HostFailure, OutputKind, Step};
use crate::model::test_summary::TestSummary;
use crate::model::toolchain::ToolchainSource;
use crate::plan::coverage;
use crate::plan::plan::Plan;
use crate::request::event::EventKind;

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

/// How many lines of a failed command of the host are kept to explain it.
const KEPT_LINES: usize = 12;

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
    /// The target directory, once it is opened.
    target_dir: OnceCell<Dir>,
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
            let base = self
                .environments()
                .image(on, self.cancel)
                .map_engine_error()?;
            let label = base.map(|base| (BASE_LABEL.to_owned(), base.id));
            build = build.labels(label);
        }
        self.with_progress(|environments, heard| environments.build(&build, self.cancel, heard))
    }

    fn host_command(&self, command: &Invocation, failure: HostFailure) -> Result<()> {
        let mut said = VecDeque::new();
        let supervised = cross_engine::supervised(command.clone()).map_engine_error()?;
        let exit = cross_engine::process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |stream, line| {
                if said.len() == KEPT_LINES {
                    said.pop_front();
                }
                said.push_back(line.to_owned());
                self.tell(EventKind::Output {
                    stream,
                    line: line.to_owned(),
                })
            },
        )
        .map_engine_error()?;
        if exit.success() {
            return Ok(());
        }
        Err(host_failure(
            command,
            failure,
            exit,
            &Vec::from(said).join("\n"),
        ))
    }

    fn run(&mut self, spec: &RunSpec, output: OutputKind, yielding: &[String]) -> Result<()> {
        // Before anything runs that could put another in its place.
        self.target_dir()?;
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
        match output {
            OutputKind::CargoMessages => self.run_cargo(&spec),
            OutputKind::Tests => self.run_tests(&spec),
            OutputKind::Nextest => self.run_nextest(&spec),
            OutputKind::Program => self.run_program(&spec, &mut |_| true),
            OutputKind::CommandLine => self.run_command_line(&spec),
            OutputKind::Captured => self.run_captured(&spec),
        }
    }

    /// Waits until no other run fetches: cargo's own lock is on the host, where a run does not see
    /// it.
    fn registry(&self) -> Result<Lock> {
        let file = self.host.cache.join("locks/registry");
        Lock::acquire(&file, self.cancel, &mut || {}).map_engine_error()
    }

    /// The glibc that artifacts may need at most.
    fn floor(&self) -> Option<GlibcVersion> {
        self.plan.glibc_floor.as_ref()?.parse().ok()
    }

    /// That no artifact needs a newer glibc than was asked for.
    fn check_floor(&self) -> Result<()> {
        let Some(floor) = self.floor() else {
            return Ok(());
        };
        let target_dir = self.target_dir()?;
        self.built.iter().try_for_each(|artifact| {
            let file = files::open(target_dir, &artifact.inside)?;
            glibc_floor::check(&file, &artifact.path, floor)
        })
    }

    /// Tells which glibc a file that appears at `to` needs, and keeps it from appearing where that
    /// is beyond the floor. Where cargo failed, that is what there is to say.
    fn judge(&self, from: &RegularFile, to: &Path) -> Result<bool> {
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
