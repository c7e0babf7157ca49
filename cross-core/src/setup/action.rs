//! One action of a set-up, as data: what will be done, why, and the words for it.

use std::fmt;
use std::path::PathBuf;

use cross_engine::{EngineKind, Invocation};
use serde::Serialize;

/// One action of a set-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Action {
    /// What it is for, as a sentence fragment.
    pub why: String,
    /// What is done.
    #[serde(flatten)]
    pub deed: Deed,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Deed {
    /// Runs commands, one after the other.
    Run {
        /// The commands.
        commands: Vec<Invocation>,
    },
    /// Installs packages of the distribution.
    Install {
        /// Their names.
        packages: Vec<String>,
        /// Whether the package lists are missing or old, so that they are fetched first.
        refresh: bool,
        /// The commands.
        commands: Box<InstallCommands>,
    },
    /// Writes a file.
    Write {
        /// Where.
        path: PathBuf,
        /// The whole text.
        text: String,
    },
    /// Starts the docker daemon and waits until it answers, unless it answers already.
    StartDocker {
        /// The command that starts it.
        command: Invocation,
        /// Where its output goes, where the command *is* the daemon. It is left running in a
        /// session of its own, and keeps its process id in its usual `docker.pid`.
        log: Option<PathBuf>,
    },
    /// Runs something on an engine, with nothing from a registry, and leaves nothing of it.
    Verify {
        /// The engine.
        engine: EngineKind,
    },
}

/// The commands of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InstallCommands {
    /// Fetches the package lists: first where they are missing or old, else only if a package
    /// cannot be found or fetched.
    pub update: Invocation,
    /// Fetches the packages; a cancellation stops it.
    pub download: Invocation,
    /// Installs what was fetched; it is never stopped half way.
    pub install: Invocation,
}

impl Action {
    pub(crate) fn new(why: impl Into<String>, deed: Deed) -> Self {
        Action {
            why: why.into(),
            deed,
        }
    }

    /// Whether it takes root's rights.
    pub(crate) fn needs_root(&self) -> bool {
        !matches!(self.deed, Deed::Verify { .. })
    }

    /// What is done, in a few words.
    pub(crate) fn summary(&self) -> String {
        match &self.deed {
            Deed::Run { commands } => commands
                .iter()
                .map(|command| format!("run `{command}`"))
                .collect::<Vec<_>>()
                .join(", then "),
            Deed::Install { packages, .. } => format!("install {}", packages.join(", ")),
            Deed::Write { path, .. } => format!("write `{}`", path.display()),
            Deed::StartDocker { .. } => "start the docker daemon".to_owned(),
            Deed::Verify { engine } => format!("verify {engine}"),
        }
    }

    /// The lines that say exactly what is done, below the summary.
    fn details(&self) -> Vec<String> {
        match &self.deed {
            Deed::Run { .. } | Deed::Verify { .. } => Vec::new(),
            Deed::Install {
                refresh, commands, ..
            } => commands.lines(*refresh),
            Deed::Write { text, .. } => text.lines().map(|line| format!("| {line}")).collect(),
            Deed::StartDocker { command, log: None } => vec![format!("$ {command}")],
            Deed::StartDocker {
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

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.summary(), self.why)?;
        self.details()
            .iter()
            .try_for_each(|line| write!(f, "\n   {line}"))
    }
}
