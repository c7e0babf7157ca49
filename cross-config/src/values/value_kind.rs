//! The types of value that a key takes, as TOML names them.

use std::fmt;

use serde::Serialize;

use crate::diagnostics::diagnostic::{Code, Diagnostic};

/// A type of TOML value that a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// One string.
    String,
    /// An array of strings.
    Array,
    /// A table, whose own keys are keys too, or whose values are strings.
    Table,
}

impl Kind {
    /// With its article, for messages.
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
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = self.described().split_once(' ').unwrap_or_default();
        f.write_str(name)
    }
}

/// `a boolean, a string or a table`.
pub(crate) fn one_of(kinds: &[Kind]) -> String {
    let described: Vec<_> = kinds.iter().map(|kind| kind.described()).collect();
    match described.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Says that the value of `key` is a `found`, and not one of `expected`.
pub(crate) fn wrong_type(key: &str, found: &str, expected: &[Kind]) -> Diagnostic {
    let article = if found.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    let expected = one_of(expected);
    let message = format!("`{key}` is {article} {found}, expected {expected}");
    Diagnostic::error(Code::WrongType, message)
}
