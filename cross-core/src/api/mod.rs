//! The operations of a [`Cross`](crate::Cross). Each module is thin: it plans, executes, or both.

pub(crate) mod batch;
pub mod build_script;
pub(crate) mod cargo_request;
#[cfg(feature = "cc")]
pub(crate) mod cc_build;
pub mod doctor;
pub(crate) mod environments;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(crate) mod host_tools;
pub(crate) mod prefetch;
pub(crate) mod requests;
pub mod setup;
pub(crate) mod shell;
pub(crate) mod shims;
pub(crate) mod toolchain_env;
