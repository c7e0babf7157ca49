//! The steps of a plan as data: their actions, their environment, and the format of their output.

use std::fmt;
use std::path::PathBuf;

use cross_engine::{
    Blueprint, EnvironmentLocation, ImageBuild, Invocation, ReusedContainer, RunSpec,
};
use serde::Serialize;

use crate::model::host_tool::HostTool;

/// The operation that a request asks for.
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
    /// A cargo command line.
    Cargo,
    /// A program of the environment or of the target, without cargo.
    Exec,
}

impl Verb {
    /// Returns the cargo subcommand, or `exec` for a program.
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

/// The environment of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct EnvironmentRef {
    /// The name of the environment. For an image, it is the reference that runs use.
    pub name: String,
    /// The source of the environment.
    pub kind: EnvironmentKind,
    /// The SHA-256 of the recipe's canonical text in hexadecimal, if it has a recipe.
    pub recipe_sha256: Option<String>,
    /// The Debian suite of the recipe, if it has a recipe.
    pub suite: Option<String>,
    /// The engine's ID of the image, if it is a user's or a published image that existed when the
    /// plan was made.
    pub image_id: Option<String>,
    /// The registry's digest of the image, or of the image that it is based on, with the prefix
    /// `sha256:`. A plan has it if the engine knows it and the image existed when the plan was
    /// made. An outcome also has it if the image was pulled.
    pub image_digest: Option<String>,
    /// The user's SDK directory that completes the recipe, if there is one.
    pub sdk: Option<PathBuf>,
    /// The location in the engine.
    pub location: EnvironmentLocation,
    /// Whether it existed when the plan was made.
    pub exists: bool,
    /// The tools of the host that are used, if the engine is `host`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<HostTool>,
}

/// The source of an environment.
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
    /// The image that the `cross` project publishes, for a target without a recipe.
    PublishedImage,
    /// No environment: the tools of the host.
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

/// A warning about the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Warning {
    /// A stable code.
    pub code: String,
    /// The problem and its location.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
}

/// One step of a plan.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Step {
    /// The purpose of the step: `fetch dependencies`.
    pub purpose: String,
    /// The action of the step.
    pub action: Action,
    /// The command as it would start now, if the step is one command.
    pub command: Option<Invocation>,
    /// The reused container that the command enters, if it enters one. See
    /// [`Cross::reuse_containers`](crate::Cross::reuse_containers).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused_container: Option<ReusedContainer>,
    /// Whether the command fetches crates from within the environment.
    #[serde(skip)]
    pub(crate) fetches_crates: bool,
}

/// The name of the script of `pre-build` in the context of an image build.
pub(crate) const PRE_BUILD_FILE: &str = "pre-build";

/// The action of a step.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Action {
    /// Builds the environment, unless another process has built it in the meantime.
    MakeEnvironment(Blueprint),
    /// Pulls an image.
    #[non_exhaustive]
    PullImage {
        /// The reference of the image.
        reference: String,
        /// The platform as `os/architecture`, if it differs from the engine's own.
        platform: Option<String>,
    },
    /// Builds an image from a Dockerfile.
    #[non_exhaustive]
    BuildImage {
        /// The image to build.
        build: ImageBuild,
        /// The base image. Its ID is recorded as a label of the new image.
        on: Option<String>,
    },
    /// Creates directories, and writes the small files that runs mount.
    Prepare(Vec<Prepared>),
    /// Runs a command on the host.
    #[non_exhaustive]
    Host {
        /// The command.
        command: Invocation,
        /// The meaning of a failure.
        failure: HostFailure,
    },
    /// Runs a command in the environment.
    #[non_exhaustive]
    Run {
        /// The command, its mounts and its variables.
        spec: RunSpec,
        /// The format of the output.
        output: OutputKind,
        /// Variables that the image's own variables of the same name replace. Empty if the image is
        /// already known, because the plan then leaves out the replaced variables.
        yielding: Vec<String>,
    },
    /// Collects the raw profiles that instrumented programs wrote.
    #[non_exhaustive]
    CollectProfiles {
        /// The directory of the profiles.
        from: PathBuf,
    },
    /// Copies everything that cargo put in its usual locations into the workspace's own target
    /// directory.
    #[non_exhaustive]
    Mirror {
        /// The target's directory that cargo wrote.
        from: PathBuf,
        /// The directory to copy it to.
        to: PathBuf,
        /// Whether a successful command has certainly made the directory.
        #[serde(skip)]
        is_certain: bool,
    },
    /// Copies a file that a flag names as output to where the flag says. It is copied only if the
    /// command succeeded, and then it has to be there.
    #[non_exhaustive]
    Deliver {
        /// The file that the command wrote.
        from: PathBuf,
        /// The path of the copy.
        to: PathBuf,
    },
    /// Copies the final artifacts that cargo put into a directory which a flag names to that
    /// directory. They are copied only if the command succeeded, and then there has to be one.
    #[non_exhaustive]
    DeliverArtifacts {
        /// The directory that cargo wrote.
        from: PathBuf,
        /// The directory that the flag names.
        to: PathBuf,
    },
    /// Copies the final artifacts to cargo's usual location.
    #[non_exhaustive]
    Publish {
        /// Whether to compute their SHA-256.
        checksums: bool,
    },
}

/// A directory or file that has to exist before a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Prepared {
    /// A directory.
    Directory(PathBuf),
    /// An empty directory. Its previous content is removed.
    EmptyDirectory(PathBuf),
    /// A directory with a `CACHEDIR.TAG`, which tells backup programs to skip it.
    CacheDirectory(PathBuf),
    /// A file.
    #[non_exhaustive]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The content of the file.
        text: String,
        /// Whether the file is executable.
        executable: bool,
    },
}

/// The meaning of the failure of a command on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HostFailure {
    /// The dependencies could not be fetched.
    Fetch,
    /// A component or target could not be added to the toolchain.
    Toolchain,
}

/// The format of a run's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OutputKind {
    /// Cargo's JSON messages.
    CargoMessages,
    /// The output of libtest.
    Tests,
    /// The JSON output of nextest.
    Nextest,
    /// A program's own output.
    Program,
    /// A program's own output. The outcome has its standard output.
    Captured,
    /// The output of a cargo command line. A failure of the command does not fail the plan.
    CommandLine,
}

impl Step {
    /// A step without a command.
    pub(crate) fn new(purpose: impl Into<String>, action: Action) -> Self {
        Step {
            purpose: purpose.into(),
            action,
            command: None,
            reused_container: None,
            fetches_crates: false,
        }
    }

    /// Sets the command that carries out the action.
    pub(crate) fn with_command(mut self, command: Invocation) -> Self {
        self.command = Some(command);
        self
    }

    /// A step that creates directories and files.
    pub(crate) fn prepare(purpose: &str, entries: Vec<Prepared>) -> Self {
        Step::new(purpose, Action::Prepare(entries))
    }

    /// A step that runs a command on the host.
    pub(crate) fn host(
        purpose: impl Into<String>,
        command: Invocation,
        failure: HostFailure,
    ) -> Self {
        let action = Action::Host {
            command: command.clone(),
            failure,
        };
        Step::new(purpose, action).with_command(command)
    }

    /// Whether the step runs `cargo fetch` on the host.
    pub(crate) fn is_host_fetch(&self) -> bool {
        let fetch = HostFailure::Fetch;
        matches!(&self.action, Action::Host { failure, .. } if *failure == fetch)
    }

    /// Whether the step runs the commands of `pre-build`, if there are any.
    pub(crate) fn runs_pre_build(&self) -> bool {
        match &self.action {
            Action::MakeEnvironment(_) => true,
            Action::BuildImage { build, .. } => build.files.contains_key(PRE_BUILD_FILE),
            _ => false,
        }
    }

    /// Whether the step builds or pulls the environment, or a part of it.
    pub(crate) fn is_environment(&self) -> bool {
        matches!(
            self.action,
            Action::MakeEnvironment(_) | Action::PullImage { .. } | Action::BuildImage { .. }
        )
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
