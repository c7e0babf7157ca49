//! Hostile crates, each of which tries to cross the boundary that ARCHITECTURE.md describes.
//!
//! Every test is named after what the attacker is denied. The seats are the sandbox as root, the
//! sandbox as a plain user, docker and podman, and for some attacks a container whose engine is
//! outside and an engine that sees no files. A missing engine is a failure.
//!
//! An attack that succeeds does no harm: the secrets are decoys in a home directory of the test's
//! own, settings of the kernel are written as they were, and only the machine's own loopback is
//! called.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod attacker;
mod cache;
mod files;
mod git;
mod kernel;
mod limits;
mod network;
mod owners;
mod relay;
mod report;
mod seat;
mod secrets;
mod sources;
mod streams;
