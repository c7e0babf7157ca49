//! The host machine: its files, binaries and toolchains.

pub mod binary;
pub(crate) mod cache_guard;
pub(crate) mod files;
pub(crate) mod glibc_floor;
pub(crate) mod interpreters;
pub(crate) mod places;
pub(crate) mod process_env;
pub(crate) mod sdk;
pub(crate) mod seccomp;
pub(crate) mod toolchain;
