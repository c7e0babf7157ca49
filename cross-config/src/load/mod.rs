//! Loads the configuration of a workspace: the only I/O of this crate.

pub(crate) mod error;
pub(crate) mod loader;
