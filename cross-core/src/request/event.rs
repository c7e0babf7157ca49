//! What happened, as it happens: typed, serialisable, and never drawn by this library.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cross_engine::process::Stream;
use cross_engine::process::clock;
use cross_engine::{Cancel, StartReason};
use serde::Serialize;

use crate::cargo::cli::decision::Decision;
use crate::model::jobs::JobBudget;
use crate::model::outcome::{Artifact, CompilerDiagnostic};

/// Something that happened during a request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// When, in milliseconds since the Unix epoch.
    pub unix_ms: u64,
    /// The target of the request.
    pub target: String,
    /// What.
    #[serde(rename = "event")]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// Where a command line of the front door runs, and why.
    Decided(Decision),
    /// The engine was chosen.
    #[non_exhaustive]
    EngineChosen {
        /// Its name and version.
        engine: String,
        /// Why this one.
        reason: String,
    },
    /// How many jobs there may be at once, where requests for several targets share a budget.
    JobsShared(JobBudget),
    /// A step of the plan began.
    #[non_exhaustive]
    StepStarted {
        /// Its number, from 1.
        step: usize,
        /// How many steps the plan has.
        steps: usize,
        /// What it is for.
        purpose: String,
    },
    /// A container was started that is kept: see [`Cross::reuse_containers`](crate::Cross::reuse_containers).
    #[non_exhaustive]
    ContainerStarted {
        /// Its name.
        container: String,
        /// Why.
        why: StartReason,
    },
    /// What a step runs is entered into a container that is kept.
    #[non_exhaustive]
    ContainerEntered {
        /// Its name.
        container: String,
    },
    /// The making of an environment reached a new stage, or waits for another process.
    #[non_exhaustive]
    EnvironmentProgress {
        /// The stage, or a line of the tool that makes it.
        message: String,
    },
    /// A line of output that is not a cargo message.
    #[non_exhaustive]
    Output {
        /// The stream it was printed on.
        stream: Stream,
        /// The line, without its end.
        line: String,
    },
    /// A diagnostic of the compiler.
    Diagnostic(CompilerDiagnostic),
    /// Cargo finished a unit of work.
    #[non_exhaustive]
    Compiled {
        /// The package's name.
        package: String,
        /// Whether there was nothing to do.
        fresh: bool,
    },
    /// A final artifact was produced.
    Artifact(Artifact),
    /// A program or library that the front door made appear in cargo's usual place needs this glibc
    /// or a later one. A typed request says so of each [`Artifact`](EventKind::Artifact).
    #[non_exhaustive]
    NeedsGlibc {
        /// Where it appears.
        path: PathBuf,
        /// The version, such as `2.34`.
        glibc: String,
    },
    /// A program waits for a debugger: see [`Request::gdb`](crate::Request::gdb).
    #[non_exhaustive]
    WaitsForDebugger {
        /// The port on which it waits.
        port: u16,
        /// The program; on the host it is at the same path.
        program: PathBuf,
        /// How to attach to it, for a shell.
        command: String,
    },
    /// A test binary's results came in.
    #[non_exhaustive]
    TestsRan {
        /// How many passed in it.
        passed: u64,
        /// How many failed in it.
        failed: u64,
    },
    /// A step ended well.
    #[non_exhaustive]
    StepFinished {
        /// Its number, from 1.
        step: usize,
        /// What it was for.
        purpose: String,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// Something the caller may want to change; nothing stops for it.
    #[non_exhaustive]
    Warning {
        /// A stable code, such as `unknown-target-table`.
        code: String,
        /// What is the matter.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
}

/// Receives events; may break to stop the request.
pub type Listener = dyn Fn(&Event) -> ControlFlow<()> + Send + Sync;

/// The caller's listener and clock, where there are such.
#[derive(Clone, Default)]
pub(crate) struct Events {
    pub(crate) listener: Option<Arc<Listener>>,
    pub(crate) clock: Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>,
}

impl Events {
    /// The same listener, who stops whatever `cancel` stops by breaking.
    pub(crate) fn stopping(&self, cancel: &Cancel) -> Self {
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
