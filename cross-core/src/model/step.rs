//! The steps of a plan as data: their actions, their environment, and the format of their output.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use cross_engine::process::shell_text::{here_document, word};
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
    /// The SHA-256 of what is in the environment, in hexadecimal:
    /// [`Contents::sha256`](cross_engine::Contents::sha256). A plan has it if the environment
    /// exists and its contents are on record. An outcome also has it if the environment was made,
    /// pulled or built. [`Cross::contents`](crate::Cross::contents) returns the contents.
    pub contents_sha256: Option<String>,
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

/// The code of the warning for an SDK of Apple's that is for another system, and not used.
pub(crate) const OTHER_SDK: &str = "sdk-of-another-system";

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
    /// The command that carries out the step, if it is one command. What ends it together with
    /// its owner is not in it: [`Plan::execute`](crate::Plan::execute) adds that.
    pub command: Option<Invocation>,
    /// The reused container that the command enters, if it enters one. See
    /// [`Cross::reuse_containers`](crate::Cross::reuse_containers).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused_container: Option<ReusedContainer>,
    /// Whether the command fetches crates from within the environment.
    #[serde(skip)]
    pub(crate) fetches_crates: bool,
    /// What carries out the step in a shell, if that is more than the command.
    #[serde(skip)]
    pub(crate) script: Option<String>,
    /// What the command strips, or what of that the step publishes.
    #[serde(skip)]
    pub(crate) strips: Option<Strips>,
    /// What the step publishes of what was built.
    #[serde(skip)]
    pub(crate) publishes: Option<Published>,
}

/// What a request builds and publishes.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// The directory of its profile.
    pub(crate) profile: String,
    /// What the files are called, without their endings: names in the profile's directory.
    pub(crate) stems: Vec<String>,
}

/// What is stripped before it is published.
#[derive(Clone, Debug)]
pub(crate) struct Strips {
    /// The directory of the stripped copies of what is in the profile's directory.
    pub(crate) dir: PathBuf,
    /// What the files are called, without their endings: names in the profile's directory.
    pub(crate) stems: Vec<String>,
    /// Whether debug information is kept beside the copies.
    pub(crate) keeps_debug: bool,
    /// The program that strips.
    pub(crate) tool: String,
}

/// The name of the script of `pre-build` in the context of an image build.
pub(crate) const PRE_BUILD_FILE: &str = "pre-build";

/// The action of a step.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "a plan has few steps; the lint's limit is passed on Windows only, where a path is longer"
)]
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
    /// Joins what cargo made for several triples into files that run on all their machines.
    #[non_exhaustive]
    Join {
        /// The directories that cargo wrote, one for each triple.
        from: Vec<PathBuf>,
        /// The directory of the joined files, which has the same layout.
        to: PathBuf,
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
        /// The directory of the stripped copies of what is in the profile's directory, if it is
        /// these that are published.
        #[serde(skip_serializing_if = "Option::is_none")]
        stripped: Option<PathBuf>,
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
    /// A copy of git's index in which the files are marked that a run does not see, so that git
    /// does not call them deleted. Git compares what changed as late as the index itself, so the
    /// copy has the same time.
    #[non_exhaustive]
    GitIndex {
        /// The path of the copy.
        path: PathBuf,
        /// The index.
        index: PathBuf,
        /// The directory that the repository is checked out in.
        top: PathBuf,
        /// The directories that a run sees.
        seen: Vec<PathBuf>,
        /// Whether the names of objects are SHA-256.
        sha256: bool,
        /// Whether git takes files of the index's last second for unchanged if their size is the
        /// same, since it lacks the filters that it would compare them with.
        has_filters: bool,
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
            script: None,
            strips: None,
            publishes: None,
        }
    }

    /// Sets the text that carries out the action in a shell.
    pub(crate) fn with_script(mut self, script: Option<String>) -> Self {
        self.script = script;
        self
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

    /// A step that copies what was stripped to the directory of its profile below `to`, the target's
    /// directory of published files.
    pub(crate) fn deliver_stripped(strips: Strips, to: &Path) -> Self {
        let profile = strips.dir.file_name().unwrap_or_default();
        let action = Action::DeliverArtifacts {
            from: strips.dir.clone(),
            to: to.join(profile),
        };
        Step {
            strips: Some(strips),
            ..Step::new("publish the stripped programs", action)
        }
    }

    /// Whether the step copies what was built to where the caller finds it.
    pub(crate) fn copies_what_was_built(&self) -> bool {
        matches!(
            self.action,
            Action::Publish { .. }
                | Action::Join { .. }
                | Action::Mirror { .. }
                | Action::Deliver { .. }
                | Action::DeliverArtifacts { .. }
        )
    }

    /// Whether the step reads what a run has built.
    pub(crate) fn reads_what_was_built(&self) -> bool {
        self.copies_what_was_built() || matches!(self.action, Action::CollectProfiles { .. })
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

/// The commands of a shell that create it.
impl fmt::Display for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Prepared::Directory(path) => write!(f, "mkdir -p {}", word(path)),
            Prepared::CacheDirectory(path) => {
                let tag = here_document(&path.join(CACHEDIR_TAG_FILE), CACHEDIR_TAG, false);
                write!(f, "if [ ! -e {} ]; then\n{tag}fi", word(path))
            }
            Prepared::EmptyDirectory(path) => {
                let path = word(path);
                write!(f, "rm -rf -- {path}\nmkdir -p {path}")
            }
            Prepared::File {
                path,
                text,
                executable,
            } => f.write_str(here_document(path, text, *executable).trim_end()),
            Prepared::GitIndex {
                path,
                index,
                top,
                seen,
                has_filters,
                ..
            } => {
                let (copy, index, top) = (word(path), word(index), word(top));
                let seen: String = seen
                    .iter()
                    .map(|dir| format!(" {}", word(&hidden_pathspec(dir))))
                    .collect();
                let dir = path.parent().map(word).unwrap_or_default();
                write!(f, "mkdir -p {dir}\ncp -p {index} {copy}\n")?;
                write!(
                    f,
                    "GIT_INDEX_FILE={copy} git -C {top} ls-files -z --full-name -- {top}{seen} |\n  \
                     GIT_INDEX_FILE={copy} git -C {top} update-index -z --skip-worktree --stdin\n"
                )?;
                match has_filters {
                    // Git's times have no fractions.
                    true => write!(f, "touch -d \"@$(($(date -r {index} +%s) + 1))\" {copy}"),
                    false => write!(f, "touch -r {index} {copy}"),
                }
            }
        }
    }
}

/// The words by which git leaves out what is below `dir`.
fn hidden_pathspec(dir: &Path) -> PathBuf {
    let mut spec = OsString::from(":(exclude,top,literal)");
    spec.push(dir);
    PathBuf::from(spec)
}

/// The name of [`CACHEDIR_TAG`]'s file.
pub(crate) const CACHEDIR_TAG_FILE: &str = "CACHEDIR.TAG";

/// The tag that marks a directory as a cache, by the Cache Directory Tagging Specification.
pub(crate) const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This file is a cache directory tag created by cross-core.\n\
    # For information about cache directory tags see https://bford.info/cachedir/\n";
