//! What compiles is hostile, and nothing that it does reaches the machine: the boundary of ARCHITECTURE.md.
//!
//! Every test is a crate that tries. The names are what its author is after, denied. Each runs where
//! it matters: in the sandbox as root and as a plain user, in docker and in podman; a missing engine is a failure.
//!
//! No attack can harm a machine on which it succeeds: what is read are decoys in a home of its own, what is
//! written to the kernel is what was there before, and what is called is the machine's own loopback.

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
mod secrets;
mod sources;
mod streams;
