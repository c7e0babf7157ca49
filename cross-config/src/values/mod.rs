//! Values of keys: their types, and how they are parsed, validated and described.

pub(crate) mod build_std;
pub(crate) mod dockerfile;
pub(crate) mod field;
pub(crate) mod image;
pub(crate) mod known_targets;
pub(crate) mod memory;
pub(crate) mod network;
pub(crate) mod passthrough;
pub(crate) mod platform;
pub(crate) mod pre_build;
pub(crate) mod scalar;
pub(crate) mod value;
pub(crate) mod value_kind;
pub(crate) mod writable;
pub(crate) mod zig;
