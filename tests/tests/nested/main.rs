//! The library in a container, with the engine outside of it: docker in docker's container, and
//! podman in podman's.
//!
//! Each outer container is a real one. It has a Rust toolchain, the client of the engine, the
//! engine's socket, a program that uses the library (`caller`), and a project. A missing engine is
//! a failure.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod boundary;
mod builds;
mod endings;
mod out_of_reach;
mod outer;
mod places;
