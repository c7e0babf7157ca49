//! The error that is shown to the user: a message, and help.

use std::fmt;
use std::io;
use std::path::Path;

use cross_core::outcome::TestSummary;

/// Why a command or a target failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    message: String,
    pub(crate) help: Option<String>,
    /// The results of the tests, if tests failed.
    pub(crate) tests: Option<Box<TestSummary>>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Failure {
            message: message.into(),
            help: None,
            tests: None,
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message, and the help on a line of its own.
    pub(crate) fn with_its_help(&self) -> String {
        match &self.help {
            Some(help) => format!("{self}\nhelp: {help}"),
            None => self.to_string(),
        }
    }

    /// Returns the failure of `verb` on `path`.
    pub(crate) fn io(verb: &str, path: &Path, error: &io::Error) -> Self {
        Failure::new(format!("cannot {verb} `{}`: {error}", path.display()))
    }
}

impl From<cross_core::Error> for Failure {
    fn from(error: cross_core::Error) -> Self {
        Failure {
            message: chain(&error),
            help: error.help().map(str::to_owned),
            tests: error.tests().cloned().map(Box::new),
        }
    }
}

/// Returns the message of `error`, followed by those of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let messages: Vec<_> = causes.map(ToString::to_string).collect();
    messages.join(": ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
