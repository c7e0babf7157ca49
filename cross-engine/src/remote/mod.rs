//! Engines on another machine: what a run needs of the caller's files is kept in volumes, and what
//! it made is fetched.

pub(crate) mod archive;
pub(crate) mod event;
pub(crate) mod far_relay;
pub(crate) mod fetch;
pub(crate) mod fill;
pub(crate) mod helper;
pub(crate) mod manifest;
pub(crate) mod record;
pub(crate) mod remote_run;
pub(crate) mod scan;
pub(crate) mod volume;
mod written;
