//! Formats of variables, and how their text becomes the value of a key.

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::{Origin, Sourced};
use crate::text::{flag, shell_words};
use crate::values::scalar::invalid;
use crate::values::value::RawValue;

/// The format of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VariableFormat {
    /// A single value.
    Text,
    /// Items separated by whitespace.
    Words,
    /// Items separated by commas.
    Commas,
    /// Items separated by newlines.
    Lines,
    /// A flag.
    Flag,
    /// A flag, or items separated by commas.
    FlagOrCommas,
    /// `NAME=value` items, separated like shell words.
    Pairs,
}

impl VariableFormat {
    /// Whether the empty text is a value. In other formats, it counts as unset.
    pub(crate) fn accepts_empty(self) -> bool {
        matches!(self, Self::Flag | Self::FlagOrCommas)
    }

    /// A description for documentation.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Words => "items separated by whitespace",
            Self::Commas => "items separated by commas",
            Self::Lines => "items separated by newlines",
            Self::Flag => "a flag",
            Self::FlagOrCommas => "a flag, or items separated by commas",
            Self::Pairs => "`NAME=value` items, separated like shell words",
        }
    }

    /// Parses the `text` of the variable `name`. `key` is for messages.
    pub(crate) fn read(
        self,
        key: &str,
        name: &str,
        text: &str,
    ) -> Result<Sourced<RawValue>, Diagnostic> {
        let origin = Origin::Variable(name.to_owned());
        let raw = match self {
            Self::Text => RawValue::Text(text.to_owned()),
            Self::Words => list(text.split_whitespace(), &origin),
            Self::Commas => list(text.split(','), &origin),
            Self::Lines => list(text.lines(), &origin),
            Self::Flag => {
                let read = flag::parse(text);
                RawValue::Flag(
                    read.ok_or_else(|| invalid(key, text, flag::EXPECTED).variable(name))?,
                )
            }
            Self::Pairs => {
                let read = pairs(text, &origin);
                read.ok_or_else(|| invalid(key, text, self.describe()).variable(name))?
            }
            Self::FlagOrCommas => match flag::parse(text) {
                Some(on) => RawValue::Flag(on),
                None => list(text.split(','), &origin),
            },
        };
        Ok(Sourced::new(raw, origin))
    }
}

fn list<'t>(items: impl Iterator<Item = &'t str>, origin: &Origin) -> RawValue {
    let items = items.map(str::trim).filter(|item| !item.is_empty());
    RawValue::List(
        items
            .map(|item| Sourced::new(item.to_owned(), origin.clone()))
            .collect(),
    )
}

fn pairs(text: &str, origin: &Origin) -> Option<RawValue> {
    let words = shell_words::split(text)?;
    let pair = |word: &String| {
        let (name, value) = word.split_once('=')?;
        let value = Sourced::new(value.to_owned(), origin.clone());
        Some((name.to_owned(), value))
    };
    words
        .iter()
        .map(pair)
        .collect::<Option<_>>()
        .map(RawValue::Map)
}
