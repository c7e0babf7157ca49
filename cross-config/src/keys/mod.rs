//! The keys of a configuration file: their table, and the values that a source sets for them.

pub(crate) mod key;
pub(crate) mod key_values;
pub(crate) mod lookup;
pub(crate) mod merge;
pub(crate) mod table;
pub(crate) mod variable_format;
