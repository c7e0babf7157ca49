//! Descriptions of a run that do not depend on the engine.

pub(crate) mod foreign_programs;
pub(crate) mod host_path;
pub(crate) mod mount;
pub(crate) mod rootfs_layout;
pub(crate) mod run_spec;
