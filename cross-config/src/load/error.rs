//! The error of loading a configuration, with every problem.

use std::fmt;

use crate::diagnostics::diagnostic::{Diagnostic, Severity};

/// The configuration cannot be used.
///
/// The error holds all problems in the order of sources and locations: at least one of
/// [`Severity::Error`], and all warnings. `Display` writes each error on its own line without its
/// remedy. For remedies, see [`help`](Self::help) and
/// [`diagnostics`](Self::diagnostics).
#[derive(Clone, Debug)]
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
        self.errors().find_map(|error| error.help.as_deref())
    }

    fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut errors = self.errors();
        if let Some(first) = errors.next() {
            first.fmt(f)?;
        }
        errors.try_for_each(|error| write!(f, "\n{error}"))
    }
}

impl std::error::Error for Error {}
