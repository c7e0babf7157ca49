//! The types of value that keys take, as TOML names them.

use std::fmt;

use serde::Serialize;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};

/// A type of TOML value that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ValueKind {
    /// `true` or `false`.
    Boolean,
    /// One string.
    String,
    /// An array of strings.
    Array,
    /// A table of keys, or a table of strings.
    Table,
}

impl ValueKind {
    /// The name with its article, for messages.
    fn described(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::String => "a string",
            Self::Array => "an array of strings",
            Self::Table => "a table",
        }
    }
}

/// `boolean`, `string`, `array of strings` or `table`.
impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = self.described().split_once(' ').unwrap_or_default();
        f.write_str(name)
    }
}

/// Lists the kinds for a message: `a boolean, a string or a table`.
pub(crate) fn one_of(kinds: &[ValueKind]) -> String {
    let described: Vec<_> = kinds.iter().map(|kind| kind.described()).collect();
    match described.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Reports that the type of the value of `key` is `found`, and not one of `expected`.
pub(crate) fn wrong_type(key: &str, found: &str, expected: &[ValueKind]) -> Diagnostic {
    let article = if found.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    let expected = one_of(expected);
    let message = format!("`{key}` is {article} {found}, expected {expected}");
    Diagnostic::error(DiagnosticCode::WrongType, message)
}
