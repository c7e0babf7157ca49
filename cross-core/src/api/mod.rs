//! The operations of a [`Cross`](crate::Cross). Each module is thin: it plans, executes, or both.

#[cfg(feature = "batch")]
pub(crate) mod batch;
#[cfg(feature = "build-script")]
pub mod build_script;
#[cfg(feature = "cargo-cli")]
pub(crate) mod cargo_request;
#[cfg(feature = "cc")]
pub(crate) mod cc_build;
#[cfg(feature = "console")]
pub(crate) mod console;
#[cfg(feature = "setup")]
pub mod doctor;
pub(crate) mod environments;
pub(crate) mod explain;
#[cfg(feature = "export")]
pub(crate) mod export;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "host-tools")]
pub(crate) mod host_tools;
#[cfg(feature = "export")]
pub(crate) mod import;
pub(crate) mod lock;
#[cfg(feature = "host-tools")]
pub(crate) mod object_files;
#[cfg(feature = "batch")]
pub(crate) mod prefetch;
pub(crate) mod requests;
#[cfg(feature = "setup")]
pub mod setup;
pub(crate) mod shell;
#[cfg(feature = "host-tools")]
pub(crate) mod shims;
#[cfg(feature = "host-tools")]
pub(crate) mod toolchain_env;
#[cfg(feature = "tracing")]
pub(crate) mod traced;

#[cfg(test)]
mod desktop_tests;
