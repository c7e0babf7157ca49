//! What a listener is told of locking: for each target, what it is told of a request of one step.

use std::ops::ControlFlow;

use cross_engine::Progress;
use cross_engine::process::clock;

use crate::model::error::{Error, ErrorKind, Result};
use crate::request::event::EventKind;
use crate::request::request::Request;

/// The purpose of the step that locks a target.
const PURPOSE: &str = "lock the environment";

/// Does the `work` of locking the target of `request`. What that makes has progress, which shows
/// the target at work until it is told that the step ended.
pub(super) fn as_step<T>(request: &Request, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = clock::now();
    let begun = EventKind::StepStarted {
        step: 1,
        steps: 1,
        purpose: PURPOSE.to_owned(),
    };
    let done = match emit(request, begun) {
        ControlFlow::Continue(()) => work().map_err(|error| error.during(PURPOSE)),
        ControlFlow::Break(()) => Err(Error::new(
            ErrorKind::Cancelled,
            "stopped by the event listener",
        )),
    };
    let seconds = start.elapsed().as_secs_f64();
    if done.is_ok() {
        let finished = EventKind::StepFinished {
            step: 1,
            purpose: PURPOSE.to_owned(),
            seconds,
        };
        // There is nothing left to stop.
        let _ = emit(request, finished);
    }
    ended(request, seconds, done.as_ref().err());
    done
}

/// Says that the work for the target of `request` ended.
pub(super) fn ended(request: &Request, seconds: f64, error: Option<&Error>) {
    let ended = EventKind::Finished {
        seconds,
        error: error.map(ToString::to_string),
    };
    // There is nothing left to stop.
    let _ = emit(request, ended);
}

/// Passes on the progress of an environment.
pub(super) fn notify(request: &Request, progress: &Progress<'_>) -> ControlFlow<()> {
    let message = match progress {
        Progress::Waiting => "waiting for another process that builds it",
        Progress::Stage(text) | Progress::Line(text) => text,
        _ => return ControlFlow::Continue(()),
    };
    let message = message.to_owned();
    emit(request, EventKind::EnvironmentProgress { message })
}

fn emit(request: &Request, kind: EventKind) -> ControlFlow<()> {
    request.cross.emit(&request.target, kind)
}
