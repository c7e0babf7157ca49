//! The cache directory as a whole: its usage, and what a crash left in it.

pub(crate) mod cache_usage;
pub(crate) mod sweep;
#[cfg(feature = "remote")]
#[path = "volumes.rs"]
mod volumes;
#[cfg(not(feature = "remote"))]
#[path = "no_volumes.rs"]
mod volumes;
