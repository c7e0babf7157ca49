//! Preparation of an environment before builds.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::Origin;
use crate::values::scalar::{invalid, is_blank, resolve_path};
use crate::values::value::{RawValue, Value, ValueRow};
use crate::values::value_kind::ValueKind;

/// The value of `pre-build`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PreBuild {
    /// The script at `path` if that file exists, otherwise the command `text`.
    #[non_exhaustive]
    ScriptOrCommand {
        /// The text as written.
        text: String,
        /// The text as a path, resolved against the directory of the file that contains it.
        path: PathBuf,
    },
    /// Commands, run in order. An empty list means none.
    Commands(Vec<String>),
}

impl PreBuild {
    /// Whether there are no commands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Commands(commands) if commands.is_empty())
    }
}

impl Value for PreBuild {
    const KINDS: &'static [ValueKind] = &[ValueKind::String, ValueKind::Array];

    fn read(
        key: &str,
        raw: RawValue,
        origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        match raw {
            RawValue::Text(text) if is_blank(&text) => {
                let expected = "the path of a script, or a command; `[]` for none";
                problems.push(invalid(key, &text, expected).located_by(origin));
                None
            }
            RawValue::Text(text) => {
                let path = PathBuf::from(&text);
                Some(Self::ScriptOrCommand { text, path })
            }
            RawValue::List(items) => Some(Self::Commands(
                items.into_iter().map(|command| command.value).collect(),
            )),
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<ValueRow> {
        match self {
            Self::ScriptOrCommand { text, .. } => vec![ValueRow::new(text, origin)],
            Self::Commands(commands) if commands.is_empty() => vec![ValueRow::new("[]", origin)],
            Self::Commands(commands) => commands
                .iter()
                .map(|command| ValueRow::new(command, origin))
                .collect(),
        }
    }

    fn clear_items(&mut self) {
        if let Self::Commands(commands) = self {
            commands.clear();
        }
    }

    fn resolve_paths(&mut self, _: &str, base: &Path, _: &Origin, _: &mut Vec<Diagnostic>) {
        if let Self::ScriptOrCommand { path, .. } = self {
            *path = resolve_path(base, &*path);
        }
    }
}
