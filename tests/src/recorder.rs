//! A listener that records every event of a request.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use cross_core::{
    Cancel, Cross,
    events::{Event, EventKind},
};

/// The recorded events. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Recorder {
    /// Returns `cross` with this recorder as its listener.
    pub fn hear(&self, cross: Cross) -> Cross {
        let heard = Arc::clone(&self.0);
        cross.on_event(move |event| heard.lock().unwrap().push(event.clone()))
    }

    /// Returns `cross` with this recorder as its listener, which cancels `cancel` at the first
    /// event that `when` accepts.
    pub fn hear_and_cancel(
        &self,
        cross: Cross,
        cancel: &Cancel,
        when: impl Fn(&EventKind) -> bool + Send + Sync + 'static,
    ) -> Cross {
        let (heard, cancel) = (Arc::clone(&self.0), cancel.clone());
        cross.try_on_event(move |event| {
            heard.lock().unwrap().push(event.clone());
            if when(&event.kind) {
                cancel.cancel();
            }
            ControlFlow::Continue(())
        })
    }

    /// Returns every event so far.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the lines of output of both streams so far, as one text.
    pub fn output(&self) -> String {
        let mut text = String::new();
        for event in self.events() {
            if let EventKind::Output { line, .. } = event.kind {
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }

    /// Returns the purposes of the started steps, in order.
    pub fn steps(&self) -> Vec<String> {
        let purpose = |event: Event| match event.kind {
            EventKind::StepStarted { purpose, .. } => Some(purpose),
            _ => None,
        };
        self.events().into_iter().filter_map(purpose).collect()
    }

    /// Returns the diagnostics of the compiler, as cargo would show them.
    pub fn diagnostics(&self) -> Vec<String> {
        let rendered = |event: Event| match event.kind {
            EventKind::Diagnostic(said) => Some(said.rendered),
            _ => None,
        };
        self.events().into_iter().filter_map(rendered).collect()
    }
}
