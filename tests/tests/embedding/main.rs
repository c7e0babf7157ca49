//! The library as a build tool calls it: every knob, every input, what plans and outcomes tell, and what
//! becomes of a caller who errs.
//!
//! Nearly all of it on a machine whose container runs its command where it is: the library, cargo and
//! rustc are real, and nothing has to be made. What is the engine's own is seen on the real ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod inputs;
mod knobs;
mod misuse;
mod outcomes;
mod plans;
mod sweep;
mod tests_elsewhere;

use cross_tests::Machine;

pub(crate) use cross_tests::NATIVE;

/// One whose environment the suites make on every engine.
const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// A machine whose container runs its command where it is.
fn machine() -> Machine {
    Machine::running_here(env!("CARGO_BIN_EXE_fake-engine"))
}
