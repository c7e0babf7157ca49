//! The executor: one match over the steps of a plan.

mod events;
mod lines;
mod publishing;
mod runs;
mod test_watch;
mod unstarted;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_config::ExplainedValue;
use cross_engine::process::Stdin;
use cross_engine::process::clock;
use cross_engine::process::untrusted::{Dir, RegularFile};
use cross_engine::{
    Cancel, EnvironmentLocation, Environments, Host, ImageBuild, Invocation, Lock, Progress, Root,
    RunSpec,
};
use cross_targets::{SystemVersion, Target};
use once_cell::unsync::OnceCell;

use crate::execute::cargo_output::Unpublished;
use crate::execute::compiled_packages::CompiledPackages;
use crate::execute::evidence::Evidence;
use crate::execute::failure::{HostOutput, host_failure};
use crate::execute::foreign_starts::ForeignStarts;
use crate::execute::package_progress::PackageProgress;
use crate::execute::publish;
use crate::execute::run_resolver::RunResolver;
use crate::facts::environment_spec::BASE_LABEL;
use crate::host::files;
use crate::host::{deployment_target, glibc_floor};
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, CompilerDiagnostic, Outcome, Timing};
use crate::model::redact::redact;
use crate::model::step::{
    Action, EnvironmentRef, HostFailure, OutputKind, PRE_BUILD_FILE, Prepared, Step,
};
use crate::model::test_summary::TestSummary;
use crate::plan::coverage;
use crate::plan::plan::Plan;
use crate::request::event::{EventKind, WarningLog};
use lines::output_event;

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
    let warnings = WarningLog::new();
    let plan = &plan.keeping(&warnings);
    let host = &plan.context.host;
    let mut execution = Execution::new(plan, host, cancel);
    let start = clock::now();
    let timings = execution.emit_plan().and_then(|()| execution.steps());
    execution.finished(start, timings.as_ref().err());
    let timings = timings?;
    let mut toolchain = plan.toolchain.clone();
    if toolchain.version.is_none() {
        let target_dir = execution.target_dir().ok();
        let (version, commit) = target_dir.and_then(files::recorded_rustc).unzip();
        (toolchain.version, toolchain.commit) = (version, commit.flatten());
    }
    Ok(Outcome {
        verb: plan.verb,
        target: plan.target.clone(),
        diagnostics: execution.diagnostics,
        packages: execution.packages.into_list(),
        warnings: warnings.take(),
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

/// Executes a sub-plan. The parent plan emits the warnings and the other events about the plan. It is
/// not executed if this one fails, so that this is the end of the request.
pub(crate) fn execute_part(plan: &Plan, cancel: &Cancel) -> Result<Vec<Timing>> {
    let (host, start) = (&plan.context.host, clock::now());
    let mut execution = Execution::new(plan, host, cancel);
    let timings = execution.steps();
    if let Err(error) = &timings {
        execution.finished(start, Some(error));
    }
    timings
}

/// Executes a plan that only copies what was built, and returns the paths of the copies.
pub(crate) fn published(plan: &Plan, cancel: &Cancel) -> Result<Vec<PathBuf>> {
    let mut execution = Execution::new(plan, &plan.context.host, cancel);
    execution.steps()?;
    let mut published = execution.published.take();
    published.sort();
    published.dedup();
    Ok(published)
}

/// The execution of one plan, with the results so far.
struct Execution<'a> {
    plan: &'a Plan,
    /// The environment, with the digest of an image that the execution pulled.
    environment: EnvironmentRef,
    host: &'a Host,
    cancel: &'a Cancel,
    artifacts: Vec<Artifact>,
    /// The test binaries of procedural macros, which are the environment's own programs.
    host_tests: Vec<Artifact>,
    /// The files that cargo calls artifacts and that are not published.
    unpublished: Vec<Unpublished>,
    packages: CompiledPackages,
    diagnostics: Vec<CompilerDiagnostic>,
    tests: Option<TestSummary>,
    raw_profiles: Vec<PathBuf>,
    /// The files that were copied to where the user finds them, all of a directory at once.
    published: RefCell<Vec<PathBuf>>,
    stdout: Option<String>,
    /// The exit code of a cargo command line.
    code: Option<i32>,
    resolver: RunResolver<'a>,
    /// The target directory, once it is open.
    target_dir: OnceCell<Dir>,
    /// The last run, if what it built on a remote engine was not fetched yet.
    unfetched: RefCell<Option<RunSpec>>,
    /// The directories of the target directory that the next run finds empty.
    emptied: RefCell<Vec<PathBuf>>,
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
            host_tests: Vec::new(),
            unpublished: Vec::new(),
            packages: CompiledPackages::default(),
            diagnostics: Vec::new(),
            tests: None,
            raw_profiles: Vec::new(),
            published: RefCell::default(),
            stdout: None,
            code: None,
            resolver: RunResolver::new(plan, host, cancel),
            target_dir: OnceCell::new(),
            unfetched: RefCell::new(None),
            emptied: RefCell::default(),
            evidence: RefCell::new(Evidence::new(&plan.workspace_root, &plan.fixed)),
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

    fn step(&mut self, step: &Step) -> Result<()> {
        if step.reads_what_was_built() && !self.fetch(&self.artifacts, false)? {
            return Ok(());
        }
        match &step.action {
            Action::MakeEnvironment(blueprint) => {
                self.with_progress(|environments, on_progress| {
                    environments.make(blueprint, self.cancel, on_progress)
                })?;
                self.note_contents(&self.environments().location(&blueprint.name))
            }
            Action::PullImage {
                reference,
                platform,
            } => {
                self.pull(reference, platform.as_deref())?;
                self.record_image(reference, None)
            }
            Action::BuildImage { build, on } => {
                self.build_image(build, on.as_deref())?;
                let pre_build = build.files.get(PRE_BUILD_FILE);
                self.record_image(&build.tag, pre_build.map(String::as_str))
            }
            Action::Prepare(entries) => {
                self.note_emptied(entries);
                files::prepare(entries)
            }
            Action::Host { command, failure } => self.host_command(command, *failure),
            Action::Run { .. } if self.is_stripped(step)? => Ok(()),
            Action::Run {
                spec,
                output,
                yielding,
            } => {
                let fetches = step.fetches_crates;
                let _lock = fetches.then(|| self.lock_registry()).transpose()?;
                let ran = self.run(spec, *output, yielding);
                self.of_step(step, ran)
            }
            Action::CollectProfiles { from } => {
                self.raw_profiles = coverage::files(self.target_dir()?, from)?;
                Ok(())
            }
            Action::Join { .. } if !self.succeeded() => Ok(()),
            Action::Join { from, to } => self.join(from, to),
            Action::Mirror {
                from,
                to,
                is_certain,
            } => self.mirror(from, to, *is_certain),
            Action::Deliver { .. } | Action::DeliverArtifacts { .. } if !self.succeeded() => Ok(()),
            Action::Deliver { from, to } => self.deliver(from, to),
            Action::DeliverArtifacts { from, to } => self.deliver_artifacts(step, from, to),
            Action::Publish {
                checksums,
                stripped,
            } => {
                let to = publish::destination(&self.plan.publish_dir)?;
                self.publish_artifacts(&to, stripped.as_deref())?;
                if *checksums {
                    self.checksums(&to)?;
                }
                self.announce()
            }
        }
    }

    /// Whether no command failed so far. A cargo command line may fail without failing the plan.
    fn succeeded(&self) -> bool {
        self.code.is_none_or(|code| code == 0)
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
        let mut packages = PackageProgress::default();
        build(self.environments(), &mut |progress| {
            let message = match progress {
                Progress::Waiting => "waiting for another process that builds it".to_owned(),
                Progress::Stage(text) => PackageProgress::stage(text),
                Progress::Line(text) => return self.notify(packages.read(text)),
                _ => return ControlFlow::Continue(()),
            };
            self.notify(EventKind::EnvironmentProgress { message })
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

    /// Records what is in the image `reference`, if it is the environment's.
    fn record_image(&mut self, reference: &str, pre_build: Option<&str>) -> Result<()> {
        let location = EnvironmentLocation::Image(reference.to_owned());
        if self.environment.location != location {
            return Ok(());
        }
        let recorded = self
            .environments()
            .record_image(reference, pre_build, self.cancel);
        let recorded = recorded.map_engine_error()?;
        self.environment.contents_sha256 = recorded.map(|contents| contents.sha256());
        Ok(())
    }

    /// Notes what is in the environment that was made at `location`, if it is the plan's.
    fn note_contents(&mut self, location: &EnvironmentLocation) -> Result<()> {
        if self.environment.location == *location {
            let contents = self.environments().contents(location, self.cancel);
            let contents = contents.map_engine_error()?;
            self.environment.contents_sha256 = contents.map(|contents| contents.sha256());
        }
        Ok(())
    }

    fn host_command(&self, command: &Invocation, failure: HostFailure) -> Result<()> {
        let _lock = match failure {
            HostFailure::Toolchain => Some(self.lock_rustup()?),
            HostFailure::Fetch => None,
        };
        let mut last_lines = HostOutput::new();
        let supervised = cross_engine::supervised(command.clone()).map_engine_error()?;
        let exit = cross_engine::process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |stream, line| {
                // Cargo prints the URLs that it fetches from.
                let line = redact(line);
                last_lines.push(&line);
                self.notify(output_event(stream, &line))
            },
        )
        .map_engine_error()?;
        if exit.success() {
            return Ok(());
        }
        Err(host_failure(command, failure, exit, &last_lines.text()))
    }

    /// Waits until no other process completes a toolchain: two of rustup that download the same part
    /// take each other's file away.
    fn lock_rustup(&self) -> Result<Lock> {
        let file = self.host.cache.join("locks/rustup");
        let mut waiting = || {
            let message = "waiting for another process that completes a toolchain".to_owned();
            // What a listener answers counts with the next event.
            let _ = self.notify(EventKind::EnvironmentProgress { message });
        };
        Lock::acquire(&file, self.cancel, &mut waiting).map_engine_error()
    }

    /// Notes the directories that the next run finds empty, which have to be emptied on the machine
    /// of a remote engine, too.
    fn note_emptied(&self, entries: &[Prepared]) {
        let emptied = entries.iter().filter_map(|entry| match entry {
            Prepared::EmptyDirectory(path) if path.starts_with(&self.plan.target_dir) => Some(path),
            _ => None,
        });
        self.emptied.borrow_mut().extend(emptied.cloned());
    }

    /// Runs a command in the environment.
    fn run(&mut self, spec: &RunSpec, output: OutputKind, yielding: &[String]) -> Result<()> {
        // The directory is opened before the run, which could replace it.
        self.target_dir()?;
        let mut spec = self.resolver.resolve(spec, yielding)?;
        let is_apart = self.plan.remote.is_some();
        let emptied = self.emptied.take().into_iter();
        spec = spec.emptied(emptied.map(|dir| self.plan.fixed.inside(&dir)));
        let budget = self.plan.context.budget.clone();
        let has_pipe = !is_apart && !self.plan.engine.own_kernel;
        let tokens = budget
            .as_ref()
            .map(|budget| budget.take_tokens(&mut spec, output, has_pipe, self.cancel));
        let _tokens = tokens.transpose()?;
        if let (OutputKind::Tests, Some(tests)) = (output, &self.plan.tests) {
            tests.bind(&mut spec);
        }
        if is_apart {
            self.unfetched.replace(Some(spec.clone()));
        }
        self.evidence
            .replace(Evidence::new(&self.plan.workspace_root, &self.plan.fixed));
        self.foreign_starts.replace(ForeignStarts::new(self.plan));
        let result = self.run_as(&spec, output);
        let result = match output {
            OutputKind::CargoMessages | OutputKind::CommandLine => result,
            _ if self.runs_tests() => self.publish_reports_of_run(result),
            _ => result,
        };
        if result.is_ok() {
            self.tell_unheeded()?;
        }
        result.map_err(|error| {
            let error = match is_removed(&spec.root) {
                true => error.with_help(
                    "the environment was removed while this ran: run it again, which makes the \
                     environment again",
                ),
                // What a run is denied then are the sources below.
                false if self.target_dir().is_ok_and(Dir::is_removed) => {
                    error.with_help(self.removed_help())
                }
                false if self.target_dir().is_ok_and(Dir::is_read_only) => {
                    error.with_help(format!(
                        "the file system of the target directory `{}` is read only: name another \
                         directory with `--target-dir` or `CARGO_TARGET_DIR`",
                        self.plan.publish_dir.display()
                    ))
                }
                false => self.evidence.borrow().explain(error, &spec, self.plan),
            };
            let foreign_starts = self.foreign_starts.borrow();
            foreign_starts.explain(error, self.plan, self.host)
        })
    }

    /// Warns of a write that was denied to something that succeeded.
    fn tell_unheeded(&self) -> Result<()> {
        // A command line that failed has its remedy already, and is no error.
        let unheeded = self.evidence.borrow().unheeded();
        let unheeded = unheeded.filter(|_| self.code.is_none_or(|code| code == 0));
        unheeded.map_or(Ok(()), |(message, help)| {
            self.emit(EventKind::Warning {
                code: "denied-write".to_owned(),
                message,
                help: Some(help),
            })
        })
    }

    /// The remedy for a target directory that is gone.
    fn removed_help(&self) -> String {
        format!(
            "the target directory `{}` was removed while this ran, as `cargo clean` does: run it again, \
             and remove it only when nothing runs",
            self.plan.target_dir.display()
        )
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

    /// Returns the oldest version of Apple's system that artifacts have to run on, and the target.
    fn deployment_target(&self) -> Option<(Target, SystemVersion)> {
        let version = self.plan.deployment_target?;
        Some((Target::parse(&self.plan.target).ok()?, version))
    }

    /// Checks that `file`, which is displayed as `path`, needs no newer glibc and no newer version
    /// of Apple's system than requested.
    fn check_floor(&self, file: &RegularFile, path: &Path) -> Result<()> {
        if let Some(floor) = self.plan.glibc_floor {
            glibc_floor::check(file, path, floor)?;
        }
        match self.deployment_target() {
            Some((target, version)) => deployment_target::check(file, path, target, version),
            None => Ok(()),
        }
    }

    /// Decides whether `file` may be published at `path`, and emits the glibc or the version of
    /// Apple's system that it needs. A file that needs a newer one than requested is an error if
    /// cargo succeeded. If cargo failed, the file is only left out.
    fn may_be_published(&self, file: &RegularFile, path: &Path) -> Result<bool> {
        match self.check_floor(file, path) {
            Err(error) if self.code == Some(0) => return Err(error),
            Err(_) => return Ok(false),
            Ok(()) => {}
        }
        if let Some(version) = deployment_target::of(file) {
            let path = path.to_owned();
            self.emit(EventKind::NeedsSystem { path, version })?;
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
