//! What a run printed about its failure: the causes that are recognized in it, and its end.

use std::path::Path;

use cross_engine::RunSpec;
use cross_engine::process::{Stream, TailLines};

use crate::execute::causes::Causes;
use crate::execute::denials::Denials;
use crate::model::error::{Error, ErrorKind};
use crate::model::fixed_paths::FixedPaths;
use crate::model::outcome::CompilerDiagnostic;
use crate::model::printable::{beginning, printable};
use crate::model::redact::redact;
use crate::plan::plan::Plan;

/// The number of lines that are kept.
const LINES: usize = 40;
/// The length of a line that is kept, in bytes.
const LINE: usize = 400;
/// The length of what is read of a line for that. Colours take a part of it.
const READ: usize = 8 * LINE;

/// The evidence of one run.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The paths that the run sees.
    fixed: FixedPaths,
    denials: Denials,
    causes: Causes,
    /// The end of standard error.
    tail: TailLines,
    /// The end of both streams, for a program.
    both: TailLines,
}

impl Evidence {
    /// Begins the evidence of a run in the workspace at `root`, which sees these `fixed` paths.
    pub(crate) fn new(root: &Path, fixed: &FixedPaths) -> Self {
        Evidence {
            fixed: fixed.clone(),
            denials: Denials::new(root),
            causes: Causes::default(),
            tail: TailLines::new(LINES),
            both: TailLines::new(LINES),
        }
    }

    /// Reads a line of the run's output.
    pub(crate) fn read(&mut self, stream: Stream, line: &str) {
        let line = &*self.fixed.text_outside(line);
        self.denials.read(line);
        // A message of cargo is JSON, and its text is read as a diagnostic.
        if line.starts_with('{') {
            return;
        }
        self.causes.read(line);
        let line = redact(line);
        let line = printable(beginning(&line, READ));
        let line = beginning(&line, LINE);
        self.both.push(line);
        if stream == Stream::Stderr {
            self.tail.push(line);
        }
    }

    /// Reads a diagnostic of the compiler.
    pub(crate) fn read_diagnostic(&mut self, diagnostic: &CompilerDiagnostic) {
        if diagnostic.level == "error" {
            let lines = diagnostic.rendered.lines();
            lines.for_each(|line| self.causes.read(line));
        }
    }

    /// Returns the remedy, if the limits of `spec` are the reason of its failure.
    pub(crate) fn denied(&self, spec: &RunSpec) -> Option<String> {
        self.denials.help(spec)
    }

    /// Returns what a run that succeeded could not write, and the remedy.
    pub(crate) fn unheeded(&self) -> Option<(String, String)> {
        self.denials.unheeded()
    }

    /// Returns the remedies for the other causes of a failure of `plan`.
    pub(crate) fn causes(&self, plan: &Plan) -> Option<String> {
        self.causes.help(plan)
    }

    /// Adds the remedies and the end of cargo's output to the error of a failed run.
    pub(crate) fn explain(&self, error: Error, spec: &RunSpec, plan: &Plan) -> Error {
        let error = self.denials.explain(error, spec);
        let error = match error.kind() {
            ErrorKind::CargoFailed | ErrorKind::Killed => error.with_output(&self.tail.text()),
            ErrorKind::ProgramFailed => error.with_output(&self.both.text()),
            _ => error,
        };
        self.causes.explain(error, plan)
    }
}
