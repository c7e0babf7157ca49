//! The operations of a [`Cross`](crate::Cross). Each module is thin: it plans, executes, or both.

pub(crate) mod batch;
pub mod build_script;
pub(crate) mod cargo_request;
#[cfg(feature = "cc")]
pub(crate) mod cc_build;
#[cfg(feature = "console")]
pub(crate) mod console;
pub mod doctor;
pub(crate) mod environments;
pub(crate) mod explain;
pub(crate) mod export;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(crate) mod host_tools;
pub(crate) mod import;
pub(crate) mod lock;
pub(crate) mod object_files;
pub(crate) mod prefetch;
pub(crate) mod requests;
pub mod setup;
pub(crate) mod shell;
pub(crate) mod shims;
pub(crate) mod toolchain_env;
#[cfg(feature = "tracing")]
pub(crate) mod traced;

#[cfg(test)]
mod desktop_tests;
