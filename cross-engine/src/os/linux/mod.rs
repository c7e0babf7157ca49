//! What is Linux's alone.

pub(crate) mod attributes;
pub(crate) mod beneath;
pub(crate) mod blocks;
pub(crate) mod memory;
