//! Batches: several targets share one job budget, and a failure or a stop affects all of them.
//! After a prefetch, a batch needs no network.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod budget;
mod offline;
mod plans;
mod stops;

use cross_core::{Cross, Env};
use cross_tests::{Leftovers, Project};

// `cargo xtask dist` and other suites make the environments of these targets.
const X86_64: &str = "x86_64-unknown-linux-gnu";
const I686: &str = "i686-unknown-linux-gnu";
const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// A project on an engine, with its leftovers.
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
