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

use cross_core::{Cross, Env, Error, ErrorKind, Outcome, Result};
use cross_tests::{Leftovers, Project};

/// The only target of the suite, because an environment takes a minute to make.
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// A project, the library for it, and its leftovers.
struct Case {
    project: Project,
    leftovers: Leftovers,
    env: Env,
    cross: Cross,
}

impl Case {
    /// Creates a case of `project` on `engine`, with the existing environments.
    fn new(project: Project, engine: &str) -> Self {
        let leftovers = Leftovers::of(&project);
        let env = leftovers.env();
        let cross = project.cross().env(env.clone()).engine(engine);
        Case {
            project,
            leftovers,
            env,
            cross,
        }
    }

    /// Changes the variables.
    fn env(mut self, change: impl FnOnce(Env) -> Env) -> Self {
        self.env = change(self.env);
        self.cross = self.cross.env(self.env.clone());
        self
    }

    /// Uses an empty cache, so that no environment exists.
    fn own_cache(self) -> Self {
        let cache = self.leftovers.own_cache();
        self.env(|env| env.set("CROSS_CACHE_DIR", cache))
    }

    /// Checks that a build fails with `kind` and leaves nothing.
    #[track_caller]
    fn build_fails(&self, kind: ErrorKind) -> Error {
        let error = fails(kind, self.cross.build(TARGET).run());
        self.leftovers.are_none();
        error
    }

    /// Checks that the tests fail with `kind` and leave nothing.
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

/// Checks that `text` contains all `words`.
#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` in: {text}");
    }
}
