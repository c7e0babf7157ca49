//! What requests do, as spans and events of `tracing`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tracing::{Span, debug, error, info, info_span, warn};

use crate::request::cross::Cross;
use crate::request::event::{Event, EventKind};

impl Cross {
    /// Reports requests to [`tracing`](https://docs.rs/tracing), too. Other listeners keep their
    /// events.
    ///
    /// Each request is a span `request` with the field `triple`, and each of its steps is a span
    /// `step` below it, with the fields `number`, `of` and `purpose`. What happens is an event in the
    /// step: warnings and errors at their levels, artifacts and test results as `INFO`, and what
    /// cargo, tests and programs print, and each crate that was compiled, as `DEBUG`. What belongs to
    /// no target, such as a cargo command line on the host, is in the caller's span. They go to
    /// the subscriber of the thread in which a request runs, which is the caller's, except for
    /// several targets at once.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?.traced();
    /// cross.build("aarch64-unknown-linux-gnu").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    #[must_use]
    pub fn traced(self) -> Self {
        let traces = Traces::default();
        self.on_event(move |event| traces.show(event))
    }
}

/// The spans of the requests that are at work, by target.
#[derive(Default)]
struct Traces(Mutex<HashMap<String, Work>>);

/// The spans of a request.
struct Work {
    request: Span,
    step: Option<Span>,
}

impl Traces {
    fn show(&self, event: &Event) {
        if event.target.is_empty() {
            // It has no request whose end would end a span.
            let mut work = Work {
                request: Span::current(),
                step: None,
            };
            return work.show(&event.kind);
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let work = all.entry(event.target.clone()).or_insert_with(|| Work {
            request: info_span!("request", triple = event.target.as_str()),
            step: None,
        });
        work.show(&event.kind);
        if matches!(event.kind, EventKind::Finished { .. }) {
            all.remove(&event.target);
        }
    }
}

impl Work {
    fn show(&mut self, kind: &EventKind) {
        let span = self.step.as_ref().unwrap_or(&self.request).clone();
        match kind {
            EventKind::StepStarted {
                step,
                steps,
                purpose,
            } => {
                let request = &self.request;
                let (number, of) = (*step, *steps);
                let purpose = purpose.as_str();
                self.step = Some(info_span!(parent: request, "step", number, of, purpose));
            }
            EventKind::StepFinished { seconds, .. } => {
                info!(parent: &span, seconds = *seconds, "step finished");
                self.step = None;
            }
            EventKind::Finished { seconds, error } => match error {
                None => info!(parent: &self.request, seconds = *seconds, "request finished"),
                Some(message) => {
                    error!(parent: &self.request, seconds = *seconds, "{message}");
                }
            },
            EventKind::EngineChosen { engine, reason } => {
                info!(parent: &span, engine = engine.as_str(), "{reason}");
            }
            EventKind::Warning {
                code,
                message,
                help,
            } => {
                let help = help.as_deref().unwrap_or_default();
                warn!(parent: &span, code = code.as_str(), help, "{message}");
            }
            EventKind::Diagnostic(diagnostic) => {
                let package = diagnostic.package.as_str();
                match diagnostic.level.as_str() {
                    "error" => error!(parent: &span, package, "{}", diagnostic.shown()),
                    _ => warn!(parent: &span, package, "{}", diagnostic.shown()),
                }
            }
            EventKind::Artifact(artifact) => {
                info!(parent: &span, path = %artifact.path.display(), "artifact");
            }
            EventKind::TestsRan { passed, failed } => {
                info!(parent: &span, passed = *passed, failed = *failed, "tests ran");
            }
            EventKind::Compiled { package, fresh } => {
                debug!(parent: &span, package = package.as_str(), fresh = *fresh, "compiled");
            }
            EventKind::Output { line, .. } => debug!(parent: &span, "{line}"),
            EventKind::EnvironmentProgress { message } => debug!(parent: &span, "{message}"),
            other => debug!(parent: &span, "{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use cross_engine::process::Stream;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};

    use super::*;

    /// Keeps a line for each span that opens or closes, and for each event.
    #[derive(Clone, Default)]
    struct Kept {
        lines: Arc<Mutex<Vec<String>>>,
        next: Arc<AtomicU64>,
    }

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let _ = write!(self.0, " {field}={value:?}");
        }
    }

    impl Subscriber for Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, span: &Attributes<'_>) -> Id {
            let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
            let mut fields = Fields(String::new());
            span.record(&mut fields);
            let parent = span.parent().map_or(0, Id::into_u64);
            let name = span.metadata().name();
            let line = format!("{id} in {parent}: {name}{}", fields.0);
            self.lines.lock().unwrap().push(line);
            Id::from_u64(id)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            let parent = event.parent().map_or(0, Id::into_u64);
            let level = event.metadata().level();
            let line = format!("{level} in {parent}:{}", fields.0);
            self.lines.lock().unwrap().push(line);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_request_and_its_steps_are_spans() {
        let kept = Kept::default();
        let heard = Arc::new(AtomicU64::new(0));
        let count = heard.clone();
        let cross = Cross::at("/").on_event(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        // What is set later replaces nothing.
        let cross = cross.traced().on_event(|_| {});
        let events = [
            EventKind::StepStarted {
                step: 1,
                steps: 2,
                purpose: "compile".to_owned(),
            },
            EventKind::Output {
                stream: Stream::Stderr,
                line: "Compiling app".to_owned(),
            },
            EventKind::Warning {
                code: "git".to_owned(),
                message: "no git".to_owned(),
                help: None,
            },
            EventKind::StepFinished {
                step: 1,
                purpose: "compile".to_owned(),
                seconds: 1.0,
            },
            EventKind::Finished {
                seconds: 2.0,
                error: Some("a test failed".to_owned()),
            },
        ];
        tracing::subscriber::with_default(kept.clone(), || {
            for kind in events.clone() {
                let _ = cross.emit("t", kind);
            }
        });
        assert_eq!(heard.load(Ordering::Relaxed), events.len() as u64);
        assert_eq!(
            *kept.lines.lock().unwrap(),
            [
                "1 in 0: request triple=\"t\"",
                "2 in 1: step number=1 of=2 purpose=\"compile\"",
                "DEBUG in 2: message=Compiling app",
                "WARN in 2: message=no git code=\"git\" help=\"\"",
                "INFO in 2: message=step finished seconds=1.0",
                "ERROR in 1: message=a test failed seconds=2.0",
            ]
        );
    }

    #[test]
    fn what_belongs_to_no_target_has_no_span() {
        let kept = Kept::default();
        let cross = Cross::at("/").traced();
        tracing::subscriber::with_default(kept.clone(), || {
            for kind in [
                EventKind::Output {
                    stream: Stream::Stdout,
                    line: "cargo 1.85.0".to_owned(),
                },
                EventKind::Finished {
                    seconds: 2.0,
                    error: None,
                },
            ] {
                let _ = cross.emit("", kind);
            }
        });
        let expected = [
            "DEBUG in 0: message=cargo 1.85.0",
            "INFO in 0: message=request finished seconds=2.0",
        ];
        assert_eq!(*kept.lines.lock().unwrap(), expected);
    }
}
