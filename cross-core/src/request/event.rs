//! Events: what happens during a request, as typed and serialisable values.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cross_engine::process::Stream;
use cross_engine::process::clock;
use cross_engine::{Cancel, StartReason};
use serde::Serialize;

#[cfg(feature = "cargo-cli")]
use crate::cargo::cli::decision::Decision;
#[cfg(feature = "batch")]
use crate::model::jobs::JobBudget;
use crate::model::outcome::{Artifact, CompilerDiagnostic};
use crate::model::redact::redact;

/// An event of a request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The time, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// The target of the request.
    pub target: String,
    /// The kind of the event, with its data.
    #[serde(rename = "event")]
    pub kind: EventKind,
}

/// The kind of an event, with its data.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// The library decided where a cargo command line runs, and why.
    #[cfg(feature = "cargo-cli")]
    Decided(Decision),
    /// The engine was chosen.
    #[non_exhaustive]
    EngineChosen {
        /// The name and version of the engine.
        engine: String,
        /// Why this engine was chosen.
        reason: String,
    },
    /// The request shares a job budget with requests for other targets.
    #[cfg(feature = "batch")]
    JobsShared(JobBudget),
    /// A step of the plan began.
    #[non_exhaustive]
    StepStarted {
        /// The number of the step, starting at 1.
        step: usize,
        /// The number of steps of the plan.
        steps: usize,
        /// The purpose of the step.
        purpose: String,
    },
    /// A container that is reused was started. See
    /// [`Cross::reuse_containers`](crate::Cross::reuse_containers).
    #[non_exhaustive]
    ContainerStarted {
        /// The name of the container.
        container: String,
        /// Why it was started.
        why: StartReason,
    },
    /// The command of a step entered a reused container.
    #[non_exhaustive]
    ContainerEntered {
        /// The name of the container.
        container: String,
    },
    /// The build of an environment reached a new stage, or waits for another process.
    #[non_exhaustive]
    EnvironmentProgress {
        /// The stage, or a line of output of the build.
        message: String,
    },
    /// Bytes of files were sent to a volume of a remote engine.
    #[non_exhaustive]
    Sent {
        /// The name of the volume.
        volume: String,
        /// The bytes that were sent so far.
        bytes: u64,
        /// The bytes that are sent in all.
        of: u64,
        /// The number of files that are sent in all.
        files: usize,
    },
    /// Bytes of files were fetched from a volume of a remote engine.
    #[non_exhaustive]
    Fetched {
        /// The name of the volume.
        volume: String,
        /// The bytes that were fetched so far.
        bytes: u64,
        /// The bytes that are fetched in all.
        of: u64,
        /// The number of files that are fetched in all.
        files: usize,
    },
    /// Bytes of an archive were written or read. See [`Cross::export`](crate::Cross::export). For an
    /// import, the event has no target.
    #[non_exhaustive]
    ArchiveProgress {
        /// The bytes of files that were written or read so far.
        bytes: u64,
        /// The bytes of all files.
        of: u64,
    },
    /// A line of output that is not a cargo message.
    #[non_exhaustive]
    Output {
        /// The stream.
        stream: Stream,
        /// The line, without its line ending.
        line: String,
    },
    /// A diagnostic of the compiler.
    Diagnostic(CompilerDiagnostic),
    /// Cargo finished a unit of work.
    #[non_exhaustive]
    Compiled {
        /// The package's name.
        package: String,
        /// Whether the unit was up to date.
        fresh: bool,
    },
    /// A final artifact was produced, and is at its path. Artifacts are published, and announced,
    /// once everything is compiled; test binaries, which stay where cargo puts them, when each is
    /// compiled.
    Artifact(Artifact),
    /// A program or library that a cargo command line published needs this glibc or a newer one.
    /// For a typed request, [`Artifact`](EventKind::Artifact) has this version.
    #[non_exhaustive]
    NeedsGlibc {
        /// The published path.
        path: PathBuf,
        /// The version, such as `2.34`.
        glibc: String,
    },
    /// A program or library for one of Apple's systems that a cargo command line published needs
    /// this version of the system or a newer one. For a typed request,
    /// [`Artifact`](EventKind::Artifact) has this version.
    #[non_exhaustive]
    NeedsSystem {
        /// The published path.
        path: PathBuf,
        /// The version, such as `11.0`.
        version: String,
    },
    /// A program waits for a debugger. See [`Request::gdb`](crate::Request::gdb).
    #[non_exhaustive]
    WaitsForDebugger {
        /// The port that gdb connects to.
        port: u16,
        /// The program. It has the same path on the host.
        program: PathBuf,
        /// The shell command that attaches gdb to it.
        command: String,
    },
    /// A test binary reported its results.
    #[non_exhaustive]
    TestsRan {
        /// The number of its tests that passed.
        passed: u64,
        /// The number of its tests that failed.
        failed: u64,
    },
    /// A step succeeded.
    #[non_exhaustive]
    StepFinished {
        /// The number of the step, starting at 1.
        step: usize,
        /// The purpose of the step.
        purpose: String,
        /// The duration in seconds.
        seconds: f64,
    },
    /// The request ended: all its steps succeeded, or one failed. A request that cannot be planned
    /// has no events, or none of this kind.
    #[non_exhaustive]
    Finished {
        /// The duration in seconds, without planning.
        seconds: f64,
        /// The message of the error, if it failed.
        error: Option<String>,
    },
    /// A warning. The request continues.
    #[non_exhaustive]
    Warning {
        /// A stable code, such as `unknown-target-table`.
        code: String,
        /// The problem.
        message: String,
        /// How to fix it.
        help: Option<String>,
    },
}

impl EventKind {
    /// Removes the secrets from the URLs in messages of this library and its tools.
    fn without_secrets(self) -> Self {
        let clean = |text: String| redact(&text).into_owned();
        match self {
            EventKind::EnvironmentProgress { message } => EventKind::EnvironmentProgress {
                message: clean(message),
            },
            EventKind::Warning {
                code,
                message,
                help,
            } => EventKind::Warning {
                code,
                message: clean(message),
                help: help.map(clean),
            },
            EventKind::Finished { seconds, error } => EventKind::Finished {
                seconds,
                error: error.map(clean),
            },
            other => other,
        }
    }
}

/// Receives events. It breaks to stop the request.
pub type Listener = dyn Fn(&Event) -> ControlFlow<()> + Send + Sync;

/// The caller's listener and clock, if they are set.
#[derive(Clone, Default)]
pub(crate) struct Events {
    pub(crate) listener: Option<Arc<Listener>>,
    pub(crate) clock: Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>,
}

impl Events {
    /// Returns the same listener, which also cancels `cancel` when it breaks.
    pub(crate) fn cancelling(&self, cancel: &Cancel) -> Self {
        let mut events = self.clone();
        if let Some(listener) = events.listener.take() {
            let cancel = cancel.clone();
            events.listener = Some(Arc::new(move |event: &Event| {
                let flow = listener(event);
                if flow.is_break() {
                    cancel.cancel();
                }
                flow
            }));
        }
        events
    }

    pub(crate) fn emit(&self, target: &str, kind: EventKind) -> ControlFlow<()> {
        let Some(listener) = &self.listener else {
            return ControlFlow::Continue(());
        };
        let kind = kind.without_secrets();
        let now = match &self.clock {
            Some(clock) => clock().duration_since(UNIX_EPOCH).unwrap_or_default(),
            None => clock::unix_time(),
        };
        listener(&Event {
            unix_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            target: target.to_owned(),
            kind,
        })
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.listener.is_some() {
            "Events(listener)"
        } else {
            "Events(none)"
        })
    }
}
