//! The error of loading a configuration, with every problem.

use crate::diagnostics::diagnostic::{Diagnostic, Severity};

/// The configuration cannot be used.
///
/// The error holds all problems in the order of sources and locations: at least one of
/// [`Severity::Error`], and all warnings. `Display` writes each error on its own line without its
/// remedy. For remedies, see [`help`](Self::help) and
/// [`diagnostics`](Self::diagnostics).
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", error_lines(diagnostics))]
pub struct Error {
    diagnostics: Vec<Diagnostic>,
}

impl Error {
    /// Returns the warnings if no diagnostic is an error, otherwise an error with all diagnostics.
    pub(crate) fn or_warnings(diagnostics: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Self> {
        if diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
        {
            Err(Self { diagnostics })
        } else {
            Ok(diagnostics)
        }
    }

    /// All problems, in the order of sources and locations.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The remedy of the first error that has one.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        errors(&self.diagnostics).find_map(|error| error.help.as_deref())
    }

    /// The remedies of all errors in their order, each one once, separated by `; `. `None` if no
    /// error has one.
    #[must_use]
    pub fn remedies(&self) -> Option<String> {
        let mut remedies: Vec<&str> = Vec::new();
        for remedy in errors(&self.diagnostics).filter_map(|error| error.help.as_deref()) {
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        (!remedies.is_empty()).then(|| remedies.join("; "))
    }
}

/// Writes each error on its own line.
fn error_lines(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<_> = errors(diagnostics).map(ToString::to_string).collect();
    lines.join("\n")
}

fn errors(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &Diagnostic> {
    diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
}
