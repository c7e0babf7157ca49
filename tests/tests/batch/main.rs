//! Several targets at once: one budget of jobs, one failure or all of them, one stop for all; and everything
//! without a network once it was prefetched.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod budget;
mod offline;
mod plans;
mod stops;

use cross_core::{Cross, Env};
use cross_tests::{Leftovers, Project};

/// Their environments are made by `cargo xtask dist`, and by other suites.
const X86_64: &str = "x86_64-unknown-linux-gnu";
const I686: &str = "i686-unknown-linux-gnu";
const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// A project, and what must not be left of it.
struct Case {
    project: Project,
    leftovers: Leftovers,
    env: Env,
    engine: &'static str,
}

impl Case {
    fn new(project: Project, engine: &'static str) -> Self {
        let leftovers = Leftovers::of(&project);
        Case {
            env: leftovers.env(),
            project,
            leftovers,
            engine,
        }
    }

    fn cross(&self) -> Cross {
        let cross = self.project.cross().env(self.env.clone());
        cross.engine(self.engine)
    }
}
