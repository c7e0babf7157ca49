//! The progress of building an image or an environment.

use std::ops::ControlFlow;

/// The progress of a build.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Another process builds the same; this one waits.
    Waiting,
    /// A new stage begins.
    Stage(&'a str),
    /// A line of output.
    Line(&'a str),
}

/// Receives the progress. It may break to stop the build.
pub type ProgressSink<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;
