//! What is seen while the library works: its own console, or its events as JSON.

use cross_core::{Cross, console::Console};

use crate::cli::Format;
use crate::failure::Failure;
use crate::output;

/// Shows events. Clones show them at the same place.
#[derive(Clone)]
pub(crate) enum Progress {
    /// On standard error, for people.
    Console(Console),
    /// On standard output, one object a line.
    Json,
}

impl Progress {
    /// Shows events in `format`. Output of cargo, tests and programs is passed on.
    pub(crate) fn new(cross: &Cross, format: Format) -> Self {
        match format {
            Format::Human => Progress::Console(Console::new(cross)),
            Format::Json => Progress::Json,
        }
    }

    /// Shows output only if its request fails.
    pub(crate) fn keep_output(self) -> Self {
        match self {
            Progress::Console(console) => Progress::Console(console.keep_output()),
            Progress::Json => Progress::Json,
        }
    }

    /// Ends without a table of the targets: the command has one of its own.
    pub(crate) fn without_table(self) -> Self {
        match self {
            Progress::Console(console) => Progress::Console(console.without_table()),
            Progress::Json => Progress::Json,
        }
    }

    /// `cross`, with its events shown here.
    pub(crate) fn watch(&self, cross: &Cross) -> Cross {
        match self {
            Progress::Console(console) => console.watch(cross),
            Progress::Json => cross.clone().on_event(output::json),
        }
    }

    /// Shows a line for each of `targets`.
    pub(crate) fn expect(&self, targets: &[String]) {
        if let Progress::Console(console) = self {
            console.expect(targets);
        }
    }

    /// A step of this program begins.
    pub(crate) fn step(&self, target: &str, purpose: &str) {
        if let Progress::Console(console) = self {
            console.step(target, purpose);
        }
    }

    /// `target` is done with, or failed.
    pub(crate) fn finish(&self, target: &str, failure: Option<&Failure>) {
        if let Progress::Console(console) = self {
            let text = failure.map(Failure::with_its_help);
            console.finish(target, text.as_ref().map_or(Ok(()), |text| Err(text)));
        }
    }

    /// Nothing more is drawn.
    pub(crate) fn close(&self) {
        if let Progress::Console(console) = self {
            console.close();
        }
    }
}
