//! The steps of a plan as data: what is done, in which environment, and how its output is read.

use std::fmt;
use std::path::PathBuf;

use cross_engine::{
    Blueprint, EnvironmentLocation, ImageBuild, Invocation, ReusedContainer, RunSpec,
};
use serde::Serialize;

use crate::model::host_tool::HostTool;

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
    /// here), with `sha256:` before it: where the engine knows it, and it was there when the plan
    /// was made. An outcome has it also where the image was pulled first.
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
    /// [`Cross::reuse_containers`](crate::Cross::reuse_containers).
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

    /// A command of the host.
    pub(crate) fn host(
        purpose: impl Into<String>,
        command: Invocation,
        failure: HostFailure,
    ) -> Self {
        Step {
            purpose: purpose.into(),
            command: Some(command.clone()),
            action: Action::Host { command, failure },
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
