//! Layers: what one source says, read from a file, from variables, or built from code.

pub(crate) mod builder;
pub(crate) mod layer;
pub(crate) mod layer_values;
mod line_index;
pub(crate) mod read_toml;
mod read_variables;
mod unsupported;
