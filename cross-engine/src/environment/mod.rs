//! Environments: built from a blueprint, found, listed and removed.

pub(crate) mod base_rootfs;
pub(crate) mod blueprint;
mod commands;
mod dedup;
mod environment_build;
pub(crate) mod environments;
mod finish;
pub(crate) mod manifest;
pub(crate) mod package_cache;
pub(crate) mod rootless;
