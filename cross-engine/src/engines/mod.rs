//! Engines: their selection, their command lines, and the meaning of their messages.

pub(crate) mod answers;
pub(crate) mod container;
pub(crate) mod diagnosis;
mod dispatch;
pub(crate) mod engine;
mod filter;
mod find_reach;
mod foreign_programs;
pub(crate) mod host_engine;
mod interpreter;
pub(crate) mod isolation;
mod memory_limit;
mod podman_service;
pub(crate) mod probe;
pub(crate) mod probe_cache;
pub(crate) mod probe_validity;
mod sandbox;
mod verify;
