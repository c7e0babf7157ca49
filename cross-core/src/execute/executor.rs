//! The executor: one match over the steps of a plan.

mod runs;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_config::ExplainedValue;
use cross_engine::process::clock;
use cross_engine::process::untrusted::{Dir, RegularFile};
use cross_engine::process::{Stdin, TailLines};
use cross_engine::{
    Cancel, EnvironmentLocation, Environments, Host, ImageBuild, Invocation, Lock, Progress, Root,
    RunSpec,
};
use cross_targets::GlibcVersion;
use once_cell::unsync::OnceCell;

use crate::execute::evidence::Evidence;
use crate::execute::failure::host_failure;
use crate::execute::foreign_starts::ForeignStarts;
use crate::execute::publish::{self, Mirror};
use crate::execute::run_resolver::RunResolver;
use crate::facts::environment_spec::BASE_LABEL;
use crate::host::files;
use crate::host::glibc_floor;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, CompilerDiagnostic, Outcome, Timing};
use crate::model::redact::redact;
use crate::model::step::{Action, EnvironmentRef, HostFailure, OutputKind, Step};
use crate::model::test_summary::TestSummary;
use crate::model::toolchain::ToolchainSource;
use crate::plan::coverage;
use crate::plan::plan::Plan;
use crate::request::event::EventKind;
use runs::output_event;

impl Plan {
    /// Executes the plan.
    ///
    /// # Errors
    ///
    /// The error of the first step that fails. Later steps are not started, and nothing is left
    /// running. See [`ErrorKind`](crate::ErrorKind) for the classes of errors.
    pub fn execute(&self, cancel: &Cancel) -> Result<Outcome> {
        execute(self, cancel)
    }
}

/// Executes `plan`.
pub(crate) fn execute(plan: &Plan, cancel: &Cancel) -> Result<Outcome> {
    let host = &plan.context.host;
    let mut execution = Execution::new(plan, host, cancel);
    execution.emit_plan()?;
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
        artifacts: execution.artifacts,
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

/// Executes a sub-plan. The parent plan emits the warnings and the other events about the plan.
pub(crate) fn execute_part(plan: &Plan, cancel: &Cancel) -> Result<Vec<Timing>> {
    let host = &plan.context.host;
    Execution::new(plan, host, cancel).steps()
}

/// How many of the last lines of a failed command on the host its error shows.
const ERROR_LINES: usize = 12;

/// How many files that are not published a warning names.
const LEFT_SHOWN: usize = 5;

/// The execution of one plan, with the results so far.
struct Execution<'a> {
    plan: &'a Plan,
    /// The environment, with the digest of an image that the execution pulled.
    environment: EnvironmentRef,
    host: &'a Host,
    cancel: &'a Cancel,
    artifacts: Vec<Artifact>,
    diagnostics: Vec<CompilerDiagnostic>,
    tests: Option<TestSummary>,
    raw_profiles: Vec<PathBuf>,
    stdout: Option<String>,
    /// The exit code of a cargo command line.
    code: Option<i32>,
    resolver: RunResolver<'a>,
    /// The target directory, once it is open.
    target_dir: OnceCell<Dir>,
    /// What the run printed about its failure.
    evidence: RefCell<Evidence>,
    /// The run's messages about programs that could not start others.
    foreign_starts: RefCell<ForeignStarts>,
}

impl<'a> Execution<'a> {
    fn new(plan: &'a Plan, host: &'a Host, cancel: &'a Cancel) -> Self {
        Execution {
            plan,
            environment: plan.environment.clone(),
            host,
            cancel,
            artifacts: Vec::new(),
            diagnostics: Vec::new(),
            tests: None,
            raw_profiles: Vec::new(),
            stdout: None,
            code: None,
            resolver: RunResolver::new(plan, host, cancel),
            target_dir: OnceCell::new(),
            evidence: RefCell::new(Evidence::new(&plan.workspace_root)),
            foreign_starts: RefCell::default(),
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
            self.step(step)
                .map_err(|error| self.with_step(error, step))?;
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

    /// Adds to the error of a step what the engine cannot know of it.
    fn with_step(&self, error: Error, step: &Step) -> Error {
        match self.failed_pre_build(&error, step) {
            Some(row) => {
                let place = format!("`pre-build` is set at {}", row.origin);
                error.and_help(place)
            }
            None => error.during(&step.purpose),
        }
    }

    /// The command of `pre-build` that `error` names, or another of its values.
    fn failed_pre_build(&self, error: &Error, step: &Step) -> Option<&ExplainedValue> {
        if error.kind() != ErrorKind::CommandFailed || !step.runs_pre_build() {
            return None;
        }
        let rows = self.plan.configuration.iter();
        let rows = rows.filter(|row| row.key.ends_with(".pre-build"));
        let message = error.to_string();
        let is_named = |row: &&ExplainedValue| {
            let first = row.value.lines().next().unwrap_or_default();
            message.contains(&format!("`{first}`"))
        };
        rows.clone()
            .rfind(is_named)
            .or_else(|| rows.clone().next_back())
    }

    fn target_dir(&self) -> Result<&Dir> {
        self.target_dir
            .get_or_try_init(|| Dir::open(&self.plan.target_dir).map_engine_error())
    }

    /// Emits the plan's warnings, its engine and its job budget.
    fn emit_plan(&self) -> Result<()> {
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
            Some(budget) => self.emit(EventKind::JobsShared(budget.summary.clone())),
            None => Ok(()),
        }
    }

    /// Emits an event, and fails if the listener stops the request.
    fn emit(&self, kind: EventKind) -> Result<()> {
        match self.notify(kind) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(
                ErrorKind::Cancelled,
                "stopped by the event listener",
            )),
        }
    }

    /// Emits an event, and breaks if the listener stops the request.
    fn notify(&self, kind: EventKind) -> ControlFlow<()> {
        self.plan.context.emit(&self.plan.target, kind)
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        match &step.action {
            Action::MakeEnvironment(blueprint) => {
                self.with_progress(|environments, on_progress| {
                    environments.make(blueprint, self.cancel, on_progress)
                })
            }
            Action::PullImage {
                reference,
                platform,
            } => self.pull(reference, platform.as_deref()),
            Action::BuildImage { build, on } => self.build_image(build, on.as_deref()),
            Action::Prepare(entries) => files::prepare(entries),
            Action::Host { command, failure } => self.host_command(command, *failure),
            Action::Run {
                spec,
                output,
                yielding,
            } => {
                let fetches = step.fetches_crates;
                let _lock = fetches.then(|| self.lock_registry()).transpose()?;
                self.run(spec, *output, yielding)
            }
            Action::CollectProfiles { from } => {
                self.raw_profiles = coverage::files(self.target_dir()?, from)?;
                Ok(())
            }
            Action::Mirror {
                from,
                to,
                is_certain,
            } => self.mirror(from, to, *is_certain),
            Action::Deliver { .. } | Action::DeliverArtifacts { .. } if !self.succeeded() => Ok(()),
            Action::Deliver { from, to } => self.deliver(from, to),
            Action::DeliverArtifacts { from, to } => self.deliver_artifacts(from, to),
            Action::Publish { checksums } => {
                let to = publish::destination(&self.plan.publish_dir)?;
                publish::artifacts(self.target_dir()?, &to, &self.artifacts, self.cancel)?;
                self.publish_companions(&to)?;
                match checksums {
                    true => self.checksums(&to),
                    false => Ok(()),
                }
            }
        }
    }

    /// Computes the SHA-256 of every artifact.
    fn checksums(&mut self, published: &Dir) -> Result<()> {
        let mut sums = Vec::new();
        for artifact in &self.artifacts {
            let dir = match artifact.path == artifact.inside {
                true => self.target_dir()?,
                false => published,
            };
            let file = files::open(dir, &artifact.path)?;
            sums.push(files::sha256(&file, self.cancel)?);
        }
        for (artifact, sum) in self.artifacts.iter_mut().zip(sums) {
            artifact.sha256 = Some(sum);
        }
        Ok(())
    }

    /// Publishes what belongs to the artifacts that were built, below `published`.
    fn publish_companions(&mut self, published: &Dir) -> Result<()> {
        let (target_dir, products) = (self.target_dir()?, &self.plan.products);
        publish::timings(target_dir, published, self.cancel)?;
        let Some(from) = target_dir
            .dir_if_any(products.directory())
            .map_engine_error()?
        else {
            return Ok(());
        };
        let to = published
            .create_dir_all(products.directory())
            .map_engine_error()?;
        let built = self.artifacts.iter();
        let built = built.filter(|artifact| artifact.path != artifact.inside);
        let names: Vec<_> = built
            .clone()
            .map(|artifact| (artifact.package.as_str(), artifact.name.as_str()))
            .collect();
        let profiles: Vec<_> = built
            .filter_map(|artifact| artifact.inside.strip_prefix(from.path()).ok())
            .filter_map(|relative| Some(relative.components().next()?.as_os_str()))
            .collect();
        let mut mirror = Mirror {
            to: &to,
            products,
            wanted: &products.only(&names),
            workspace: &self.plan.workspace_root,
            cancel: self.cancel,
            // The artifacts were checked when they were built.
            check: &mut |_, _| Ok(true),
            copied: Vec::new(),
            left: Vec::new(),
        };
        mirror.run_profiles(&from, &profiles)?;
        let Mirror { copied, left, .. } = mirror;
        self.warn_of(&left, &from)?;
        publish::add_companions(&mut self.artifacts, to.path(), &copied);
        Ok(())
    }

    /// Copies the files that cargo presents to its user from the directory `from` to `to`.
    fn mirror(&self, from: &Path, to: &Path, is_certain: bool) -> Result<()> {
        let target_dir = self.target_dir()?;
        let name = files::relative(target_dir, from)?;
        let Some(from) = target_dir.dir_if_any(name).map_engine_error()? else {
            return match is_certain && self.succeeded() {
                true => Err(publish::nothing_made(from)),
                false => Ok(()),
            };
        };
        let published = publish::destination(&self.plan.publish_dir)?;
        publish::timings(target_dir, &published, self.cancel)?;
        let to = published.create_dir_all(files::relative(&published, to)?);
        let mut mirror = Mirror {
            to: &to.map_engine_error()?,
            products: &self.plan.products,
            wanted: &self.plan.products,
            workspace: &self.plan.workspace_root,
            cancel: self.cancel,
            check: &mut |file, path| self.may_be_published(file, path),
            copied: Vec::new(),
            left: Vec::new(),
        };
        mirror.run(&from)?;
        self.warn_of(&mirror.left, &from)
    }

    /// Warns that what is at `left`, relative to `from`, is not published.
    fn warn_of(&self, left: &[PathBuf], from: &Dir) -> Result<()> {
        if left.is_empty() {
            return Ok(());
        }
        let shown = left.iter().take(LEFT_SHOWN);
        let mut shown: Vec<_> = shown.map(|path| format!("`{}`", path.display())).collect();
        if left.len() > LEFT_SHOWN {
            shown.push(format!("{} more", left.len() - LEFT_SHOWN));
        }
        self.emit(EventKind::Warning {
            code: "not-published".to_owned(),
            message: format!("cargo did not make {}: not published", shown.join(", ")),
            help: Some(format!(
                "the files are in `{}`; a build script writes to `OUT_DIR`, and `cargo build \
                 --message-format=json` names that directory",
                from.path().display()
            )),
        })
    }

    /// Whether no command failed so far. A cargo command line may fail without failing the plan.
    fn succeeded(&self) -> bool {
        self.code.is_none_or(|code| code == 0)
    }

    /// Copies a file that a flag names as output.
    fn deliver(&self, from: &Path, to: &Path) -> Result<()> {
        let dir = self.target_dir()?;
        let relative = files::relative(dir, from)?;
        let file = dir.file_if_any(relative).map_engine_error()?;
        let file = file.ok_or_else(|| publish::nothing_made(to))?;
        let (parent, name) = (to.parent().unwrap_or(to), to.file_name());
        publish::destination(parent)?
            .publish(&file, Path::new(name.unwrap_or_default()), self.cancel)
            .map_engine_error()
            .map(drop)
    }

    /// Copies the artifacts in a directory that a flag names.
    fn deliver_artifacts(&self, from: &Path, to: &Path) -> Result<()> {
        let dir = self.target_dir()?;
        let relative = files::relative(dir, from)?;
        let made = dir.dir_if_any(relative).map_engine_error()?;
        let made = made.ok_or_else(|| publish::nothing_made(to))?;
        Mirror {
            to: &publish::destination(to)?,
            products: &self.plan.products,
            wanted: &self.plan.products,
            workspace: &self.plan.workspace_root,
            cancel: self.cancel,
            check: &mut |file, path| self.may_be_published(file, path),
            copied: Vec::new(),
            left: Vec::new(),
        }
        .of_flag(&made)
    }

    fn environments(&self) -> Environments<'_> {
        Environments::new(&self.plan.engine, self.host)
    }

    /// Builds a part of an environment, and emits its progress.
    fn with_progress(
        &self,
        build: impl FnOnce(
            Environments<'_>,
            &mut cross_engine::ProgressSink<'_>,
        ) -> cross_engine::Result<()>,
    ) -> Result<()> {
        build(self.environments(), &mut |progress| {
            let message = match progress {
                Progress::Waiting => "waiting for another process that builds it",
                Progress::Stage(text) | Progress::Line(text) => text,
                _ => return ControlFlow::Continue(()),
            };
            self.notify(EventKind::EnvironmentProgress {
                message: message.to_owned(),
            })
        })
        .map_engine_error()
    }

    /// Pulls an image, and records its digest.
    fn pull(&mut self, reference: &str, platform: Option<&str>) -> Result<()> {
        self.with_progress(|environments, on_progress| {
            environments.pull(reference, platform, self.cancel, on_progress)
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

    /// Builds an image, and records the ID of its base image in a label.
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
        self.with_progress(|environments, on_progress| {
            environments.build(&build, self.cancel, on_progress)
        })
    }

    fn host_command(&self, command: &Invocation, failure: HostFailure) -> Result<()> {
        let mut last_lines = TailLines::new(ERROR_LINES);
        let supervised = cross_engine::supervised(command.clone()).map_engine_error()?;
        let exit = cross_engine::process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |stream, line| {
                // Cargo prints the URLs that it fetches from.
                let line = redact(line);
                last_lines.push(&*line);
                self.notify(output_event(stream, &line))
            },
        )
        .map_engine_error()?;
        if exit.success() {
            return Ok(());
        }
        Err(host_failure(command, failure, exit, &last_lines.text()))
    }

    /// Runs a command in the environment.
    fn run(&mut self, spec: &RunSpec, output: OutputKind, yielding: &[String]) -> Result<()> {
        // The directory is opened before the run, which could replace it.
        self.target_dir()?;
        let mut spec = self.resolver.resolve(spec, yielding)?;
        let budget = self.plan.context.budget.clone();
        let tokens = budget
            .as_ref()
            .map(|budget| budget.take_tokens(&mut spec, output, self.cancel));
        let _tokens = tokens.transpose()?;
        if let (OutputKind::Tests, Some(tests)) = (output, &self.plan.tests) {
            tests.bind(&mut spec);
        }
        self.evidence
            .replace(Evidence::new(&self.plan.workspace_root));
        self.foreign_starts.replace(ForeignStarts::new(self.plan));
        let result = self.run_as(&spec, output);
        result.map_err(|error| {
            let error = match is_removed(&spec.root) {
                true => error.with_help(
                    "the environment was removed while this ran: run it again, which makes the \
                     environment again",
                ),
                false => self.evidence.borrow().explain(error, &spec, self.plan),
            };
            let foreign_starts = self.foreign_starts.borrow();
            foreign_starts.explain(error, self.plan, self.host)
        })
    }

    /// Runs `spec`, whose output has the format `output`.
    fn run_as(&mut self, spec: &RunSpec, output: OutputKind) -> Result<()> {
        match output {
            OutputKind::CargoMessages => self.run_cargo(spec),
            OutputKind::Tests => self.run_tests(spec),
            OutputKind::Nextest => self.run_nextest(spec),
            OutputKind::Program => self.run_program(spec, &mut |_| true),
            OutputKind::CommandLine => self.run_command_line(spec),
            OutputKind::Captured => self.run_captured(spec),
        }
    }

    /// Waits until no other run fetches crates. Cargo's own lock is on the host, where a run does
    /// not see it.
    fn lock_registry(&self) -> Result<Lock> {
        let file = self.host.cache.join("locks/registry");
        Lock::acquire(&file, self.cancel, &mut || {}).map_engine_error()
    }

    /// Returns the newest glibc that artifacts may need.
    fn glibc_floor(&self) -> Option<GlibcVersion> {
        self.plan.glibc_floor.as_ref()?.parse().ok()
    }

    /// Checks that no artifact needs a newer glibc than the requested one.
    fn check_glibc_floor(&self) -> Result<()> {
        let Some(floor) = self.glibc_floor() else {
            return Ok(());
        };
        let target_dir = self.target_dir()?;
        self.artifacts.iter().try_for_each(|artifact| {
            let file = files::open(target_dir, &artifact.inside)?;
            glibc_floor::check(&file, &artifact.path, floor)
        })
    }

    /// Decides whether `file` may be published at `path`, and emits the glibc that it needs. A file
    /// that needs a newer glibc than the floor is an error if cargo succeeded. If cargo failed, the
    /// file is only left out.
    fn may_be_published(&self, file: &RegularFile, path: &Path) -> Result<bool> {
        if let Some(floor) = self.glibc_floor() {
            match glibc_floor::check(file, path, floor) {
                Err(error) if self.code == Some(0) => return Err(error),
                Err(_) => return Ok(false),
                Ok(()) => {}
            }
        }
        if let Some(glibc) = glibc_floor::of(file) {
            let path = path.to_owned();
            self.emit(EventKind::NeedsGlibc { path, glibc })?;
        }
        Ok(true)
    }
}

/// Whether the directory of a run's root file system is gone.
fn is_removed(root: &Root) -> bool {
    match root {
        Root::Directory { path, .. } => !path.exists(),
        _ => false,
    }
}
