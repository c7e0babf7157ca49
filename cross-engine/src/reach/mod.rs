//! Where an engine sees the caller's files: one question, and what its answer makes of a run.

pub(crate) mod answer;
mod caller;
pub(crate) mod daemon;
mod inspected;
pub(crate) mod place;
pub(crate) mod probe;
pub(crate) mod transfer;
