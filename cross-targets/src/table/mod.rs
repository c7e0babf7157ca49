//! The table of known targets.

mod families;
pub(crate) mod rows;
pub(crate) mod suggestions;
