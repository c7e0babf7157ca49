//! Configurations of real projects, as their users reported them, on real engines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod arrives;
mod attribution;
mod caller;
mod cargo_config;
mod cargo_home;
mod compiler_paths;
mod core_files;
mod drop_in;
mod errors;
mod first_build;
mod foreign_programs;
mod git_filters;
mod git_version;
mod junit;
mod places;
mod reports;
mod results;
mod source_links;
mod test_ends;
mod user_images;
mod writers;

const TARGET: &str = "aarch64-unknown-linux-gnu";
