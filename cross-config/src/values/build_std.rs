//! Building the standard library from source.

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::Origin;
use crate::values::scalar::{has_chars, invalid};
use crate::values::value::{RawValue, Value, ValueRow};
use crate::values::value_kind::ValueKind;

/// The value of `build-std`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BuildStd {
    /// The standard library is prebuilt: `false`, or an empty list.
    Off,
    /// It is built with cargo's default crates: `true`.
    Default,
    /// These crates of it are built.
    Crates(Vec<String>),
}

impl Value for BuildStd {
    const KINDS: &'static [ValueKind] = &[ValueKind::Boolean, ValueKind::Array];

    fn read(
        key: &str,
        raw: RawValue,
        _origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        match raw {
            RawValue::Flag(true) => Some(Self::Default),
            RawValue::Flag(false) => Some(Self::Off),
            RawValue::List(items) => {
                let (good, bad): (Vec<_>, Vec<_>) =
                    items.into_iter().partition(|item| is_crate(&item.value));
                problems.extend(bad.iter().map(|item| {
                    let expected = "the name of a standard library crate, such as `core`";
                    invalid(key, &item.value, expected).located_by(&item.origin)
                }));
                Some(Self::from_crates(
                    good.into_iter().map(|item| item.value).collect(),
                ))
            }
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<ValueRow> {
        match self {
            Self::Off => vec![ValueRow::new("false", origin)],
            Self::Default => vec![ValueRow::new("true", origin)],
            Self::Crates(crates) => crates
                .iter()
                .map(|name| ValueRow::new(name, origin))
                .collect(),
        }
    }
}

impl BuildStd {
    fn from_crates(crates: Vec<String>) -> Self {
        if crates.is_empty() {
            Self::Off
        } else {
            Self::Crates(crates)
        }
    }

    /// The raw value.
    pub(crate) fn raw(self, origin: &Origin) -> RawValue {
        use crate::diagnostics::origin::Sourced;
        match self {
            Self::Off => RawValue::Flag(false),
            Self::Default => RawValue::Flag(true),
            Self::Crates(crates) => {
                let item = |name| Sourced::new(name, origin.clone());
                RawValue::List(crates.into_iter().map(item).collect())
            }
        }
    }
}

fn is_crate(text: &str) -> bool {
    has_chars(
        text,
        |c| c.is_ascii_alphabetic(),
        |c| c.is_ascii_alphanumeric() || c == '_' || c == '-',
    )
}
