//! What is told while an image or an environment is made.

use std::ops::ControlFlow;

/// What is heard while an environment is made.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Another process makes it; this one waits.
    Waiting,
    /// A new stage began.
    Stage(&'a str),
    /// A line the maker printed.
    Line(&'a str),
}

/// Receives the progress; may break to stop the making.
pub type ProgressSink<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;
