//! Layers: the values of one source, read from a file or from variables, or built in code.

pub(crate) mod builder;
pub(crate) mod layer;
pub(crate) mod layer_values;
mod line_index;
pub(crate) mod read_toml;
mod read_variables;
mod unknown_keys;
