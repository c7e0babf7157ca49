//! The plan: every step of a request as data, before anything is done.

mod cache;
mod commands;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use cross_config::Explained;
use cross_engine::{
    Blueprint, Cancel, Engine, EnvValue, EnvironmentLocation, ImageBuild, Invocation, Mount,
    ReusedContainer, RunSpec,
};
use serde::Serialize;

use crate::crash::Emulator;
use crate::cross::Cross;
use crate::error::Result;
use crate::execute;
use crate::on_host::HostTool;
use crate::outcome::Outcome;
use crate::side_by_side::TestRun;
use crate::toolchain::Toolchain;
use crate::warm::{Keeping, transcript};

/// The version of the plan's serialised form. It grows when a field changes its meaning or goes.
pub const PLAN_SCHEMA_VERSION: u32 = 3;

/// What is asked of cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verb {
    /// `cargo build`
    Build,
    /// `cargo check`
    Check,
    /// `cargo test`
    Test,
    /// `cargo run`
    Run,
    /// `cargo nextest`
    Nextest,
    /// `cargo bench`
    Bench,
    /// `cargo clippy`
    Clippy,
    /// `cargo doc`
    Doc,
    /// `cargo rustc`
    Rustc,
    /// A command line of the front door.
    Cargo,
    /// No cargo: a program of the environment, or one of the target.
    Exec,
}

impl Verb {
    /// The cargo subcommand; `exec` where it is none of cargo's.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Build => "build",
            Verb::Check => "check",
            Verb::Test => "test",
            Verb::Run => "run",
            Verb::Nextest => "nextest",
            Verb::Bench => "bench",
            Verb::Clippy => "clippy",
            Verb::Doc => "doc",
            Verb::Rustc => "rustc",
            Verb::Cargo => "cargo",
            Verb::Exec => "exec",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ordered steps of one request, computed from facts alone.
///
/// Making a plan writes nothing and starts nothing but read-only probes. `Display` is a transcript
/// that can be pasted into a shell; the serialised form is versioned by `schema_version`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Plan {
    /// See [`PLAN_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was asked for.
    pub verb: Verb,
    /// The target, with the glibc floor where one was asked for.
    pub target: String,
    /// The engine that will run it.
    pub engine: Engine,
    /// Why this engine.
    pub engine_reason: String,
    /// The environment it will run in.
    pub environment: EnvironmentRef,
    /// The Rust that will compile.
    pub toolchain: Toolchain,
    /// The oldest glibc that artifacts have to start with, where the target or the configuration names
    /// one: what needs a newer one is [`ErrorKind::GlibcFloor`](crate::ErrorKind::GlibcFloor).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glibc_floor: Option<String>,
    /// The workspace's root directory.
    pub workspace_root: PathBuf,
    /// The target directory of this environment and toolchain.
    pub target_dir: PathBuf,
    /// The workspace's own target directory, where final artifacts appear.
    pub publish_dir: PathBuf,
    /// How test binaries are run, where there are tests to run by cargo itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestRun>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What the caller may want to change.
    pub warnings: Vec<Warning>,
    /// The configuration that holds for the target, each value with where it was written.
    pub configuration: Vec<Explained>,
    /// How many steps there are before those of the verb itself.
    #[serde(skip)]
    pub(crate) preparation: usize,
    /// What runs programs of the target, for telling its crash from theirs.
    #[serde(skip)]
    pub(crate) emulator: Emulator,
    #[serde(skip)]
    pub(crate) keeping: Option<Keeping>,
    #[serde(skip)]
    pub(crate) cross: Cross,
}

/// The JSON schema of a serialised [`Plan`], as JSON.
///
/// A field may be added to a plan at any time; one that goes or changes its meaning makes
/// [`PLAN_SCHEMA_VERSION`] another.
#[cfg(feature = "schema")]
#[cfg_attr(docsrs, doc(cfg(feature = "schema")))]
pub fn plan_schema() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Plan>();
    format!("{:#}\n", schema.as_value())
}

/// The environment of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct EnvironmentRef {
    /// Its name: an image's is the reference it is run by.
    pub name: String,
    /// What it is made of.
    pub kind: EnvironmentKind,
    /// The SHA-256 of the recipe's canonical text, in hexadecimal, where it has a recipe.
    pub recipe_sha256: Option<String>,
    /// The Debian suite it is made of, where it has a recipe.
    pub suite: Option<String>,
    /// The image's id as the engine has it, where it is an image of the user's or a published one,
    /// and was there when the plan was made.
    pub image_id: Option<String>,
    /// The digest by which its registry serves the image (or the one below what was built on it
    /// here), with `sha256:` before it: where the engine knows it, and it was there when the plan was
    /// made. An outcome has it also where the image was pulled first.
    pub image_digest: Option<String>,
    /// The directory of the user's that completes the recipe, where one does.
    pub sdk: Option<PathBuf>,
    /// Where the engine has it.
    pub location: EnvironmentLocation,
    /// Whether it was there when the plan was made.
    pub exists: bool,
    /// The tools of the host that are used, where there is no environment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<HostTool>,
}

/// What an environment is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EnvironmentKind {
    /// The target's recipe: a distribution's packages.
    Recipe,
    /// An image that the configuration names.
    Image,
    /// A Dockerfile that the configuration names.
    Dockerfile,
    /// The image that the `cross` project publishes, since there is no recipe.
    PublishedImage,
    /// None: the tools of the host.
    Host,
}

impl fmt::Display for EnvironmentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EnvironmentKind::Recipe => "recipe",
            EnvironmentKind::Image => "image",
            EnvironmentKind::Dockerfile => "Dockerfile",
            EnvironmentKind::PublishedImage => "published image",
            EnvironmentKind::Host => "host",
        })
    }
}

/// A warning of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Warning {
    /// A stable code.
    pub code: String,
    /// What is the matter, and where.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Step {
    /// What it is for: `fetch dependencies`.
    pub purpose: String,
    /// What is done.
    pub action: Action,
    /// The command as it would be started now, where the step is one command.
    pub command: Option<Invocation>,
    /// The kept container that the command enters, if it enters one: see
    /// [`Cross::keep_warm`](crate::Cross::keep_warm).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<ReusedContainer>,
}

/// What a step does.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// Makes the environment, unless another process has made it meanwhile.
    MakeEnvironment(Blueprint),
    /// Pulls an image that is not there.
    PullImage {
        /// Its reference.
        reference: String,
        /// The platform, as `os/architecture`, where it is not the engine's own.
        platform: Option<String>,
    },
    /// Builds an image of a Dockerfile.
    BuildImage {
        /// What is built.
        build: ImageBuild,
        /// The image it is built on, whose identity becomes a label of it.
        on: Option<String>,
    },
    /// Creates directories, and writes small files that runs mount.
    Prepare(Vec<Prepared>),
    /// Runs a command of the host.
    Host {
        /// The command.
        command: Invocation,
        /// What its failure means.
        failure: HostFailure,
    },
    /// Runs a command in the environment.
    Run {
        /// The command and what it sees.
        spec: RunSpec,
        /// How its output is read.
        output: OutputKind,
        /// Variables that give way to the image's own of the same name. Empty where the image is
        /// known already, and what it has was taken out.
        yielding: Vec<String>,
    },
    /// Collects the raw profiles that instrumented programs wrote.
    CollectProfiles {
        /// The directory they are in.
        from: PathBuf,
    },
    /// Makes everything that cargo put in its usual places appear below the workspace's own target
    /// directory.
    Mirror {
        /// The target's directory as cargo wrote it.
        from: PathBuf,
        /// Where it appears.
        to: PathBuf,
    },
    /// Makes the final artifacts appear in cargo's usual place.
    Publish {
        /// Whether their SHA-256 is computed.
        checksums: bool,
    },
}

/// A directory or file that has to be there before a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Prepared {
    /// A directory.
    Directory(PathBuf),
    /// A directory with nothing in it: what was is removed.
    EmptyDirectory(PathBuf),
    /// A directory that back-up programs should leave out; cargo marks its own so.
    CacheDirectory(PathBuf),
    /// A file.
    File {
        /// Where.
        path: PathBuf,
        /// What is in it.
        text: String,
        /// Whether it can be executed.
        executable: bool,
    },
}

/// What the failure of a command of the host means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HostFailure {
    /// Dependencies could not be fetched.
    Fetch,
    /// The toolchain could not be completed.
    Toolchain,
}

/// How the output of a run is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OutputKind {
    /// Cargo's JSON messages.
    CargoMessages,
    /// What libtest prints.
    Tests,
    /// What nextest prints in JSON.
    Nextest,
    /// A program's own output.
    Program,
    /// A program's own output, whose standard output is kept for the outcome.
    Captured,
    /// Whatever a command line of the front door prints; its exit code is no failure of the plan.
    CommandLine,
}

impl Step {
    /// One that makes these be there.
    pub(crate) fn prepare(purpose: &str, things: Vec<Prepared>) -> Self {
        Step {
            purpose: purpose.to_owned(),
            action: Action::Prepare(things),
            command: None,
            kept: None,
        }
    }

    /// Whether it makes or pulls the environment, or a part of it.
    pub(crate) fn is_environment(&self) -> bool {
        let of = &self.action;
        matches!(
            of,
            Action::MakeEnvironment(_) | Action::PullImage { .. } | Action::BuildImage { .. }
        )
    }
}

impl Plan {
    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The commands of all steps that are one command, in order, as data. Those who want to start them
    /// take [`to_commands`](Plan::to_commands).
    pub fn commands(&self) -> impl Iterator<Item = &Invocation> {
        self.steps.iter().filter_map(|step| step.command.as_ref())
    }

    /// The configuration that holds for the target, each value with where it was written: a file's line,
    /// a variable, the request, or nobody (a default of this library).
    ///
    /// ```no_run
    /// # let cross = cross_core::Cross::discover()?;
    /// for row in cross.build("aarch64-unknown-linux-gnu").plan()?.explain() {
    ///     println!("{} = {} ({})", row.key, row.value, row.origin);
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn explain(&self) -> &[Explained] {
        &self.configuration
    }

    /// What the environment's runs see of the host, each once.
    pub fn mounts(&self) -> Vec<&Mount> {
        let mut mounts = Vec::new();
        for mount in self.runs().flat_map(|run| &run.mounts) {
            if !mounts.contains(&mount) {
                mounts.push(mount);
            }
        }
        mounts
    }

    /// The variables that the environment's runs see. Where two of them differ, that of the later one.
    pub fn env(&self) -> BTreeMap<&str, &EnvValue> {
        let all = self.runs().flat_map(|run| &run.env);
        all.map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// The runs in the environment, in order.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunSpec> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Run { spec, .. } => Some(spec),
            _ => None,
        })
    }

    /// Only what makes the environment; nothing where it is there already.
    ///
    /// ```no_run
    /// # let cross = cross_core::Cross::discover()?;
    /// // In an image of a CI system, before there is any code to compile:
    /// let request = cross.build("aarch64-unknown-linux-gnu");
    /// request.plan()?.only_environment().execute(&cross_core::Cancel::new())?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    #[must_use]
    pub fn only_environment(mut self) -> Self {
        self.steps
            .retain(|step| matches!(step.action, Action::MakeEnvironment(_)));
        self
    }

    /// Only these steps. The whole says what there is to warn of.
    fn only(&self, keep: impl Fn(usize, &Step) -> bool) -> Self {
        let mut part = self.clone();
        let mut number = 0..;
        part.steps
            .retain(|step| keep(number.next().unwrap_or(usize::MAX), step));
        part.preparation = part.steps.len();
        part.warnings.clear();
        part
    }

    /// Only this step, which is one of several plans.
    pub(crate) fn part(&self, step: Step) -> Self {
        let mut part = self.only(|_, _| false);
        part.steps.push(step);
        part
    }

    /// Only what makes or pulls the environment.
    pub(crate) fn environment_part(&self) -> Self {
        self.only(|_, step| step.is_environment())
    }

    /// Only what comes before the verb itself.
    pub(crate) fn preparation_part(&self) -> Self {
        self.only(|number, _| number < self.preparation)
    }

    /// Leaves out what is done once for several plans.
    pub(crate) fn leave_out_host_steps(&mut self) {
        let is_host = |step: &Step| matches!(step.action, Action::Host { .. });
        self.preparation -= self.steps.iter().filter(|step| is_host(step)).count();
        self.steps.retain(|step| !is_host(step));
    }

    /// Carries the plan out.
    ///
    /// # Errors
    ///
    /// The first step's that fails; the steps after it are not begun, and nothing of it is left
    /// running. See [`ErrorKind`](crate::ErrorKind) for the classes.
    pub fn execute(&self, cancel: &Cancel) -> Result<Outcome> {
        execute::execute(self, cancel)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {} for {}", self.verb, self.target)?;
        writeln!(f, "# engine: {} ({})", self.engine, self.engine_reason)?;
        let state = if self.environment.exists {
            "there"
        } else {
            "to be made"
        };
        writeln!(f, "# environment: {} ({state})", self.environment.name)?;
        for tool in &self.environment.tools {
            writeln!(f, "# {tool}")?;
        }
        match self.engine.is_host() {
            true => writeln!(f, "# toolchain: {}", self.toolchain.in_place())?,
            false => writeln!(f, "# toolchain: {}", self.toolchain)?,
        }
        if let Some(tests) = &self.tests {
            writeln!(f, "# tests: {tests}")?;
        }
        for (n, step) in self.steps.iter().enumerate() {
            writeln!(f, "\n# {}. {}", n + 1, step.purpose)?;
            if let Some(kept) = &step.kept {
                writeln!(f, "{}", transcript(kept))?;
            }
            match (&step.command, &step.action) {
                (Some(command), _) => writeln!(f, "{command}")?,
                (None, Action::Prepare(things)) => {
                    for thing in things {
                        writeln!(f, "{thing}")?;
                    }
                }
                (None, _) => {}
            }
        }
        Ok(())
    }
}

impl fmt::Display for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Prepared::Directory(path) | Prepared::CacheDirectory(path) => {
                let mkdir = Invocation::new("mkdir").args(["-p", &path.to_string_lossy()]);
                write!(f, "{mkdir}")
            }
            Prepared::EmptyDirectory(path) => {
                let path = path.to_string_lossy();
                let rm = Invocation::new("rm").args(["-rf", "--", &path]);
                let mkdir = Invocation::new("mkdir").args(["-p", &path]);
                write!(f, "{rm}\n{mkdir}")
            }
            Prepared::File { path, .. } => write!(f, "# write {}", path.display()),
        }
    }
}
