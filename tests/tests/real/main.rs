//! Configurations of real projects, as their users reported them, on real engines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod errors;
mod user_images;
mod writers;

const TARGET: &str = "aarch64-unknown-linux-gnu";
