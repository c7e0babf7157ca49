//! Events: what happens during a request, as typed and serialisable values.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use cross_engine::process::Stream;
use cross_engine::process::clock;
use cross_engine::process::untrusted::Room;
use cross_engine::{Cancel, StartReason};
use cross_targets::{GlibcVersion, SystemVersion};
use serde::Serialize;

#[cfg(feature = "cargo-cli")]
use crate::cargo::cli::decision::Decision;
#[cfg(feature = "batch")]
use crate::model::jobs::JobBudget;
use crate::model::outcome::{Artifact, CompilerDiagnostic, shown};
use crate::model::redact::redact;
use crate::model::step::Warning;

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
    /// Packages were installed into an environment.
    #[non_exhaustive]
    PackagesInstalled {
        /// The number of packages that were installed so far.
        done: u64,
        /// The number of packages that are installed in all.
        of: u64,
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
    /// Bytes of an archive were written or read. See [`Cross::export`](crate::Cross::export). The
    /// event has no target: an archive is for any number of them.
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
        #[serde(serialize_with = "shown")]
        glibc: GlibcVersion,
    },
    /// A program or library for one of Apple's systems that a cargo command line published needs
    /// this version of the system or a newer one. For a typed request,
    /// [`Artifact`](EventKind::Artifact) has this version.
    #[non_exhaustive]
    NeedsSystem {
        /// The published path.
        path: PathBuf,
        /// The version, such as `11.0`.
        #[serde(serialize_with = "shown")]
        version: SystemVersion,
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
    /// has no events, or none of this kind. For a cargo command line on the host, there is one event
    /// for each call of its cargo, which has no target.
    #[non_exhaustive]
    Finished {
        /// The duration in seconds, without planning.
        seconds: f64,
        /// The message of the error, if it failed. A cargo command line that failed has one too,
        /// with its exit code.
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

/// The warnings of one execution. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct WarningLog(Arc<Mutex<(Vec<Warning>, Room)>>);

/// The size of the warnings that are kept in bytes. A hostile run may cause any number.
const KEPT_WARNINGS: usize = 1 << 20;

impl WarningLog {
    pub(crate) fn new() -> Self {
        let room = Room::new(KEPT_WARNINGS);
        WarningLog(Arc::new(Mutex::new((Vec::new(), room))))
    }

    fn keep(&self, kind: &EventKind) {
        let EventKind::Warning {
            code,
            message,
            help,
        } = kind
        else {
            return;
        };
        let (warnings, room) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if room.take(code.len() + message.len() + help.as_ref().map_or(0, String::len)) {
            warnings.push(Warning {
                code: code.clone(),
                message: message.clone(),
                help: help.clone(),
            });
        }
    }

    /// Returns the warnings so far, and begins again.
    pub(crate) fn take(&self) -> Vec<Warning> {
        let (warnings, _) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(warnings)
    }
}

/// The caller's listener and clock, if they are set.
#[derive(Clone, Default)]
pub(crate) struct Events {
    pub(crate) listener: Option<Arc<Listener>>,
    /// What keeps the warnings, during an execution.
    pub(crate) warnings: Option<WarningLog>,
    pub(crate) clock: Option<Arc<dyn Fn() -> SystemTime + Send + Sync>>,
}

impl Events {
    /// Adds a listener. Each hears every event, whatever the others return.
    pub(crate) fn add(&mut self, listener: Arc<Listener>) {
        self.listener = Some(match self.listener.take() {
            None => listener,
            Some(first) => Arc::new(move |event: &Event| {
                let (first, second) = (first(event), listener(event));
                match first {
                    ControlFlow::Continue(()) => second,
                    ControlFlow::Break(()) => first,
                }
            }),
        });
    }

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
        if self.listener.is_none() && self.warnings.is_none() {
            return ControlFlow::Continue(());
        }
        let kind = kind.without_secrets();
        if let Some(log) = &self.warnings {
            log.keep(&kind);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(message: &str) -> EventKind {
        EventKind::Warning {
            code: "git".to_owned(),
            message: message.to_owned(),
            help: None,
        }
    }

    #[test]
    fn every_listener_hears_every_event_and_each_can_stop() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut events = Events::default();
        for (name, flow) in [
            ("first", ControlFlow::Continue(())),
            ("second", ControlFlow::Break(())),
            ("third", ControlFlow::Continue(())),
        ] {
            let heard = heard.clone();
            events.add(Arc::new(move |_: &Event| {
                heard.lock().unwrap().push(name);
                flow
            }));
        }
        assert!(events.emit("t", warning("a")).is_break());
        assert_eq!(*heard.lock().unwrap(), ["first", "second", "third"]);
    }

    #[test]
    fn warnings_are_kept_without_a_listener_without_secrets_and_within_bounds() {
        let log = WarningLog::new();
        let events = Events {
            warnings: Some(log.clone()),
            ..Events::default()
        };
        let _ = events.emit("t", warning("see https://me:s3cret@a.invalid/"));
        let long = "x".repeat(KEPT_WARNINGS / 2);
        for _ in 0..9 {
            let _ = events.emit("t", warning(&long));
        }
        let kept = log.take();
        assert!(kept.len() > 1 && kept.len() < 4, "{}", kept.len());
        assert_eq!(kept[0].message, "see https://[redacted]@a.invalid/");
        assert!(log.take().is_empty());
    }
}
