//! Engine-independent descriptions of a run.

pub(crate) mod mount;
pub(crate) mod rootfs_layout;
pub(crate) mod run_spec;
