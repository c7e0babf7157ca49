//! Configurations of real projects, as their users reported them, on real engines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod drop_in;
mod results;
mod arrives;
mod cargo_config;
mod git_version;
mod first_build;
mod places;
mod source_links;
mod user_images;
mod writers;

const TARGET: &str = "aarch64-unknown-linux-gnu";
