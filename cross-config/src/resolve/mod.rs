//! The merged configuration, and its values for each target.

mod checks;
pub(crate) mod config;
pub(crate) mod target_config;
