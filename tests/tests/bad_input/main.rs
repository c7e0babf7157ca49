//! What bad input gets: a typed error with its remedy, and nothing left behind.
//!
//! The names of the tests read like the list they prove. What depends on the engine is proved on
//! each one; a missing engine is a failure.

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

/// The one target of the suite: an environment takes a minute to make.
const TARGET: &str = "aarch64-unknown-linux-gnu";

/// A project, the library at it, and what must not be left of it.
struct Case {
    project: Project,
    leftovers: Leftovers,
    env: Env,
    cross: Cross,
}

impl Case {
    /// `project` on `engine`, with the environments that were made before.
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

    /// The same with variables changed.
    fn env(mut self, change: impl FnOnce(Env) -> Env) -> Self {
        self.env = change(self.env);
        self.cross = self.cross.env(self.env.clone());
        self
    }

    /// The same with a cache of its own, so that there is no environment yet.
    fn own_cache(self) -> Self {
        let cache = self.leftovers.own_cache();
        self.env(|env| env.set("CROSS_CACHE_DIR", cache))
    }

    /// That a build fails as `kind`, and leaves nothing.
    #[track_caller]
    fn build_fails(&self, kind: ErrorKind) -> Error {
        let error = fails(kind, self.cross.build(TARGET).run());
        self.leftovers.are_none();
        error
    }

    /// That the tests fail as `kind`, and leave nothing.
    #[track_caller]
    fn test_fails(&self, kind: ErrorKind) -> Error {
        let error = fails(kind, self.cross.test(TARGET).run());
        self.leftovers.are_none();
        error
    }
}

/// The error of `result`, which is of `kind`, speaks in lower case and names a remedy.
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
    // Who cancelled knows why.
    if !matches!(kind, ErrorKind::Cancelled | ErrorKind::Deadline) {
        let help = error.help().unwrap_or_default();
        assert!(!help.is_empty(), "a remedy for: {error}");
    }
    error
}

/// That `text` has every one of `words`.
#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` in: {text}");
    }
}
