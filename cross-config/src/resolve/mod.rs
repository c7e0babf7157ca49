//! The configuration: layers merged, and what holds for a target.

mod checks;
pub(crate) mod config;
pub(crate) mod target_config;
