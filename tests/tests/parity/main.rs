//! Parity with `cross`: Cross.toml, Cargo.toml, `.cargo/config.toml`, variables and a cargo command
//! line in, the resulting plan out; one test for each rule.
//!
//! A test's name begins with the section of the reference that states its rule: `s2_1_…` is of §2.1,
//! `bug_10_…` is of the tenth bug of §9.2, which ours does not have. Where we differ deliberately the
//! name says `differs`, and `docs/moving-from-cross.md` says why.

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
mod programs;
mod seen;
mod sources;
mod subcommands;
mod toolchains;
mod variables;
