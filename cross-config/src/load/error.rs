//! The error of loading a configuration: every problem found, at once.

use std::fmt;

use crate::diagnostics::diagnostic::{Diagnostic, Severity};

/// The configuration can't be used.
///
/// Holds every problem that was found, in the order of sources and places: at least one of
/// [`Severity::Error`], and the warnings found along with it. `Display` puts each error on its own line
/// without its remedy: that is [`help`](Self::help)'s and each diagnostic's.
#[derive(Clone, Debug)]
pub struct Error {
    diagnostics: Vec<Diagnostic>,
}

impl Error {
    /// The warnings if there is no error among `diagnostics`, else an error with all of them.
    pub(crate) fn unless_usable(diagnostics: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Self> {
        if diagnostics.iter().any(|it| it.severity == Severity::Error) {
            Err(Self { diagnostics })
        } else {
            Ok(diagnostics)
        }
    }

    /// Every problem found, in the order of sources and places.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The remedy of the first error that has one.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.errors().find_map(|it| it.help.as_deref())
    }

    fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|it| it.severity == Severity::Error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut errors = self.errors();
        if let Some(first) = errors.next() {
            first.fmt(f)?;
        }
        errors.try_for_each(|it| write!(f, "\n{it}"))
    }
}

impl std::error::Error for Error {}
