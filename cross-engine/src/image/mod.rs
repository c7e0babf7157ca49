//! Images in an engine's store: inspected, pulled and built.

pub(crate) mod apt_failure;
pub(crate) mod build_process;
pub(crate) mod cli;
mod dockerignore;
pub(crate) mod failure;
pub(crate) mod image_build;
pub(crate) mod image_cache;
pub(crate) mod images;
pub(crate) mod missing_program;
pub(crate) mod progress;
pub(crate) mod staging;
pub(crate) mod store;
