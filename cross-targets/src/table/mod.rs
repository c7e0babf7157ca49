//! The table of known targets.

mod debian_gcc;
mod families;
pub(crate) mod nearest;
mod other_systems;
pub(crate) mod rows;
pub(crate) mod rustc_targets;
pub(crate) mod suggestions;
