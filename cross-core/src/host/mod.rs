//! The host machine: its files, binaries and toolchains.

mod archive;
pub mod binary;
pub(crate) mod cache_guard;
pub(crate) mod deployment_target;
pub(crate) mod files;
pub(crate) mod git_index;
pub(crate) mod glibc_floor;
pub(crate) mod interpreters;
pub mod mach_o;
pub mod needs;
pub(crate) mod places;
pub(crate) mod process_env;
pub(crate) mod sdk;
pub(crate) mod sdk_version;
pub(crate) mod seccomp;
pub(crate) mod toolchain;
pub(crate) mod universal;
pub(crate) mod wasm_tests;
