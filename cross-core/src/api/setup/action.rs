//! The steps of a set-up, as data.

use std::fmt;
use std::path::PathBuf;

use cross_engine::{EngineKind, Invocation};
use serde::Serialize;

/// A step of a set-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SetupStep {
    /// Why it is needed, as a fragment of a sentence.
    pub why: String,
    /// What is done.
    #[serde(flatten)]
    pub action: SetupAction,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SetupAction {
    /// Runs commands, one after the other.
    #[non_exhaustive]
    Run {
        /// The commands.
        commands: Vec<Invocation>,
    },
    /// Installs packages from the distribution.
    #[non_exhaustive]
    Install {
        /// Their names.
        packages: Vec<String>,
        /// Whether the package lists are missing or old and have to be fetched first.
        refresh: bool,
        /// The commands.
        commands: Box<InstallCommands>,
    },
    /// Writes a file.
    #[non_exhaustive]
    Write {
        /// The path of the file.
        path: PathBuf,
        /// The text of the file.
        text: String,
    },
    /// Starts the docker daemon and waits until it answers, unless it already does.
    #[non_exhaustive]
    StartDocker {
        /// The command that starts it.
        command: Invocation,
        /// The log file, if the command *is* the daemon. The daemon is left running in a session of
        /// its own, and has its process id in its default `docker.pid`.
        log: Option<PathBuf>,
    },
    /// Runs a program on an engine without pulling from a registry, and removes it.
    #[non_exhaustive]
    Verify {
        /// The engine.
        engine: EngineKind,
    },
}

/// The commands that install packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InstallCommands {
    /// Fetches the package lists. It runs first if they are missing or old, and otherwise only if a
    /// package cannot be found or fetched.
    pub update: Invocation,
    /// Fetches the packages. A cancellation stops it.
    pub download: Invocation,
    /// Installs the packages. A cancellation does not stop it.
    pub install: Invocation,
}

impl SetupStep {
    pub(crate) fn new(why: impl Into<String>, action: SetupAction) -> Self {
        SetupStep {
            why: why.into(),
            action,
        }
    }

    /// Whether it needs root.
    pub(crate) fn needs_root(&self) -> bool {
        !matches!(self.action, SetupAction::Verify { .. })
    }

    /// A short description of the step.
    pub(crate) fn summary(&self) -> String {
        match &self.action {
            SetupAction::Run { commands } => commands
                .iter()
                .map(|command| format!("run `{command}`"))
                .collect::<Vec<_>>()
                .join(", then "),
            SetupAction::Install { packages, .. } => format!("install {}", packages.join(", ")),
            SetupAction::Write { path, .. } => format!("write `{}`", path.display()),
            SetupAction::StartDocker { .. } => "start the docker daemon".to_owned(),
            SetupAction::Verify { engine } => format!("verify {engine}"),
        }
    }

    /// The exact commands or the exact text, as lines below the summary.
    fn details(&self) -> Vec<String> {
        match &self.action {
            SetupAction::Run { .. } | SetupAction::Verify { .. } => Vec::new(),
            SetupAction::Install {
                refresh, commands, ..
            } => commands.lines(*refresh),
            SetupAction::Write { text, .. } => {
                text.lines().map(|line| format!("| {line}")).collect()
            }
            SetupAction::StartDocker { command, log: None } => vec![format!("$ {command}")],
            SetupAction::StartDocker {
                command,
                log: Some(log),
            } => vec![format!(
                "$ {command}   (left running, log in `{}`)",
                log.display()
            )],
        }
    }
}

impl InstallCommands {
    fn lines(&self, refresh: bool) -> Vec<String> {
        let mut lines = vec![
            format!("$ {}", self.download),
            format!("$ {}", self.install),
        ];
        match refresh {
            true => lines.insert(0, format!("$ {}", self.update)),
            false => lines.push(format!(
                "if a package is not found, first: $ {}",
                self.update
            )),
        }
        lines
    }
}

impl fmt::Display for SetupStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.summary(), self.why)?;
        self.details()
            .iter()
            .try_for_each(|line| write!(f, "\n   {line}"))
    }
}
