//! The cache directory as a whole: its usage, and what a crash left in it.

pub(crate) mod cache_usage;
pub(crate) mod sweep;
