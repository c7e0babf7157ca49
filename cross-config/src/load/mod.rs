//! Loading the configuration of a workspace, which is the only I/O of this crate.

pub(crate) mod error;
pub(crate) mod loader;
