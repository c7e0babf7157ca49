//! What a line of a run's output is: an event, and perhaps its first error.

use cross_engine::process::Stream;

use crate::request::event::EventKind;

/// The first line of an output that starts with `error`.
#[derive(Debug, Default)]
pub(super) struct FirstError(pub(super) Option<String>);

impl FirstError {
    pub(super) fn read(&mut self, line: &str) {
        if self.0.is_none() && line.starts_with("error") {
            self.0 = Some(line.to_owned());
        }
    }
}

/// The event of a line of output.
pub(super) fn output_event(stream: Stream, line: &str) -> EventKind {
    EventKind::Output {
        stream,
        line: line.to_owned(),
    }
}
