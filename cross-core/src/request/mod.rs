//! Requests, their context and their events, as values.

pub(crate) mod cargo_options;
pub(crate) mod command_line;
pub(crate) mod cross;
pub(crate) mod event;
pub(crate) mod execution_context;
pub(crate) mod job_budget;
pub(crate) mod plugin;
pub(crate) mod request;
pub(crate) mod strip;
