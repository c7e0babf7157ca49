//! Locked environments: made of what the lock says, whatever a mirror has.
//!
//! The tests of packages use small environments, the essential packages of the suite and one more,
//! and mirrors that are directories. Those of the lock file use the environment of one target.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod equal;
mod file;
mod mirrors;
mod pre_build;

use cross_tests::says;

/// The target of the tests that plan.
const TARGET: &str = "aarch64-unknown-linux-gnu";
