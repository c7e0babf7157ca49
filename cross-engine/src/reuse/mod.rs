//! Reuse of containers: a command enters a container that is running already.
//!
//! This takes a third to a half of the time of starting one. What is fixed when a container starts
//! (image, mounts, user, network and the like) is its key. Variables, directory and command come
//! with each run. A container's key never changes: a run with another key gets another container.
//!
//! Nothing asks whether a container is still running. A run enters it, and starts another one if
//! the engine says that it is gone.

mod argv;
mod attached;
pub(crate) mod config;
pub(crate) mod enter;
pub(crate) mod event;
pub(crate) mod pool;
mod record;
mod script;
pub(crate) mod slot;
mod start;
pub(crate) mod sweep;
