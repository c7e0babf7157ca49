//! Plain data that several layers share: errors, outcomes, test summaries and steps.

pub(crate) mod compiled;
pub(crate) mod error;
pub(crate) mod feature;
pub(crate) mod fixed_paths;
pub(crate) mod hash;
pub(crate) mod host_tool;
pub(crate) mod jobs;
pub(crate) mod lock_file;
pub(crate) mod outcome;
pub(crate) mod printable;
pub(crate) mod redact;
pub(crate) mod signal;
pub(crate) mod step;
pub(crate) mod test_run;
pub(crate) mod test_summary;
pub(crate) mod toolchain;
