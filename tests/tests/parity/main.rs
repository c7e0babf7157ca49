//! Parity with `cross`: Cross.toml, Cargo.toml, `.cargo/config.toml`, variables and a cargo command
//! line in, the resulting plan out; one test for each rule.
//!
//! The tests in `bugs_*` are for bugs of `cross` that this project does not have. A name that
//! begins with `differs` is for a deliberate difference, which `docs/moving-from-cross.md`
//! explains.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod bugs_in_configuration;
mod bugs_in_containers;
mod bugs_of_the_command_line;
mod case;
mod command_line;
mod containers;
mod image_builds;
mod images;
mod keys;
mod mounts;
mod outcomes;
mod packages;
mod programs;
mod seen;
mod sources;
mod subcommands;
mod toolchains;
mod variables;
mod zig;
