//! Diagnostics, and the origins of values.

pub(crate) mod diagnostic;
pub(crate) mod origin;
