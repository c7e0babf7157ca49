//! Environments: built from a blueprint, found, listed and removed.

pub(crate) mod base_rootfs;
pub(crate) mod blueprint;
mod commands;
pub(crate) mod contents;
pub(crate) mod contents_file;
mod dedup;
mod environment_build;
pub(crate) mod environments;
mod finish;
mod image_contents;
mod locked_build;
pub(crate) mod locked_packages;
pub(crate) mod manifest;
mod mount_options;
pub(crate) mod package_cache;
mod release_date;
pub(crate) mod rootless;
mod scripts;
