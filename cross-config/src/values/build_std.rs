//! Whether the standard library is built from source, and which crates of it.

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::Origin;
use crate::values::scalar::{invalid, is_made_of};
use crate::values::value::{Raw, Row, Value};
use crate::values::value_kind::Kind;

/// What `build-std` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BuildStd {
    /// The standard library comes ready made: `false`, or an empty list.
    Off,
    /// It is built, with the crates that cargo chooses: `true`.
    Default,
    /// These crates of it are built.
    Crates(Vec<String>),
}

impl Value for BuildStd {
    const KINDS: &'static [Kind] = &[Kind::Boolean, Kind::Array];

    fn read(key: &str, raw: Raw, _origin: &Origin, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match raw {
            Raw::Flag(true) => Some(Self::Default),
            Raw::Flag(false) => Some(Self::Off),
            Raw::List(items) => {
                let (good, bad): (Vec<_>, Vec<_>) =
                    items.into_iter().partition(|it| is_crate(&it.value));
                problems.extend(bad.iter().map(|it| {
                    let wanted = "the name of a crate of the standard library, such as `core`";
                    invalid(key, &it.value, wanted).located_by(&it.origin)
                }));
                Some(Self::of(good.into_iter().map(|it| it.value).collect()))
            }
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<Row> {
        match self {
            Self::Off => vec![Row::new("false", origin)],
            Self::Default => vec![Row::new("true", origin)],
            Self::Crates(crates) => crates.iter().map(|it| Row::new(it, origin)).collect(),
        }
    }
}

impl BuildStd {
    fn of(crates: Vec<String>) -> Self {
        if crates.is_empty() {
            Self::Off
        } else {
            Self::Crates(crates)
        }
    }

    /// As it is written.
    pub(crate) fn raw(self, origin: &Origin) -> Raw {
        use crate::diagnostics::origin::Sourced;
        match self {
            Self::Off => Raw::Flag(false),
            Self::Default => Raw::Flag(true),
            Self::Crates(crates) => {
                let item = |it| Sourced::new(it, origin.clone());
                Raw::List(crates.into_iter().map(item).collect())
            }
        }
    }
}

fn is_crate(text: &str) -> bool {
    is_made_of(
        text,
        |c| c.is_ascii_alphabetic(),
        |c| c.is_ascii_alphanumeric() || c == '_' || c == '-',
    )
}
