//! References made from the table of keys: rows for documentation, and a JSON Schema.

mod json;
pub(crate) mod json_schema;
pub(crate) mod key_reference;
