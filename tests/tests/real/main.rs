//! Configurations of real projects, as their users reported them, on real engines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod arrives;
mod caller;
mod cargo_config;
mod core_files;
mod drop_in;
mod errors;
mod first_build;
mod foreign_programs;
mod git_version;
mod places;
mod results;
mod source_links;
mod user_images;
mod writers;

const TARGET: &str = "aarch64-unknown-linux-gnu";
