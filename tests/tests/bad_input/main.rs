//! Bad input: a typed error with help, and nothing left behind.
//!
//! Tests that depend on the engine run on each engine. A missing engine is a failure.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod code;
mod configuration;
mod engines;
mod environments;
mod interrupted;
mod names;
mod places;
mod stock;
mod together;

use cross_core::{Error, ErrorKind, Outcome, Result};
use cross_tests::{Case, FOREIGN as TARGET, says};

/// How a case fails.
trait Fails {
    /// Checks that a build fails with `kind` and leaves nothing.
    fn build_fails(&self, kind: ErrorKind) -> Error;

    /// Checks that the tests fail with `kind` and leave nothing.
    fn test_fails(&self, kind: ErrorKind) -> Error;
}

impl Fails for Case {
    #[track_caller]
    fn build_fails(&self, kind: ErrorKind) -> Error {
        let error = fails(kind, self.cross.build(TARGET).run());
        self.leftovers.are_none();
        error
    }

    #[track_caller]
    fn test_fails(&self, kind: ErrorKind) -> Error {
        let error = fails(kind, self.cross.test(TARGET).run());
        self.leftovers.are_none();
        error
    }
}

/// Checks that the error of `result` has this kind, a message in lower case, and help. If cargo
/// failed for a reason that only the code knows, the error has the compiler's or cargo's own words.
#[track_caller]
fn fails(kind: ErrorKind, result: Result<Outcome>) -> Error {
    let error = match result {
        Ok(outcome) => panic!("{kind:?} was expected, but it succeeded: {outcome:?}"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), kind, "{error}; help: {:?}", error.help());
    let first = error.to_string().chars().next();
    assert!(
        first.is_some_and(|first| !first.is_uppercase()),
        "a fragment in lower case: {error}"
    );
    // A cancellation needs no help.
    if !matches!(kind, ErrorKind::Cancelled | ErrorKind::Deadline) {
        let help = error.help().unwrap_or_default();
        let has_words = kind == ErrorKind::CargoFailed
            && (!error.compiler_diagnostics().is_empty() || !error.cargo_output().is_empty());
        assert!(!help.is_empty() || has_words, "a remedy for: {error}");
    }
    error
}
