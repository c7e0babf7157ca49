//! What is done to an environment before it is built in.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::Origin;
use crate::values::scalar::{absolute, invalid, is_blank};
use crate::values::value::{Raw, Row, Value};
use crate::values::value_kind::Kind;

/// What `pre-build` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PreBuild {
    /// One text: the script at `path` if there is a file, else the command `text`.
    ScriptOrCommand {
        /// As it is written.
        text: String,
        /// As a path, relative to what declares it.
        path: PathBuf,
    },
    /// Commands, one after the other; none is nothing to do.
    Commands(Vec<String>),
}

impl PreBuild {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Commands(commands) if commands.is_empty())
    }
}

impl Value for PreBuild {
    const KINDS: &'static [Kind] = &[Kind::String, Kind::Array];

    fn read(key: &str, raw: Raw, origin: &Origin, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match raw {
            Raw::Text(text) if is_blank(&text) => {
                let wanted = "a script's path or a command; `[]` is nothing to do";
                problems.push(invalid(key, &text, wanted).located_by(origin));
                None
            }
            Raw::Text(text) => {
                let path = PathBuf::from(&text);
                Some(Self::ScriptOrCommand { text, path })
            }
            Raw::List(items) => Some(Self::Commands(
                items.into_iter().map(|it| it.value).collect(),
            )),
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<Row> {
        match self {
            Self::ScriptOrCommand { text, .. } => vec![Row::new(text, origin)],
            Self::Commands(commands) if commands.is_empty() => vec![Row::new("[]", origin)],
            Self::Commands(commands) => commands.iter().map(|it| Row::new(it, origin)).collect(),
        }
    }

    fn rebase(&mut self, _: &str, base: &Path, _: &Origin, _: &mut Vec<Diagnostic>) {
        if let Self::ScriptOrCommand { path, .. } = self {
            *path = absolute(base, &*path);
        }
    }
}
