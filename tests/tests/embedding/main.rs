//! The library as a build tool uses it: options, inputs, plans, outcomes, and mistakes of the
//! caller.
//!
//! Most tests use a machine whose containers run their commands on the machine itself. The library,
//! cargo and rustc are real, and no environment has to be made. Tests that depend on the engine use
//! the real engines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod inputs;
mod misuse;
mod object_files;
mod options;
mod outcomes;
mod plans;
mod sweep;
mod test_tools;

use cross_tests::Machine;

pub(crate) use cross_tests::NATIVE;

/// A target whose environment the suites make on every engine.
const AARCH64: &str = "aarch64-unknown-linux-gnu";

/// A machine whose containers run their commands on the machine itself.
fn machine() -> Machine {
    Machine::running_here(env!("CARGO_BIN_EXE_fake-engine"))
}
