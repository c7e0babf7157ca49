//! Raw values, and how they are parsed into the type of a key.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::diagnostics::origin::{Origin, Sourced};
use crate::values::scalar::Scalar;
use crate::values::value_kind::ValueKind;

/// A list with an origin for the whole and for each item.
pub(crate) type SourcedList<T> = Sourced<Vec<Sourced<T>>>;

/// A value before it is parsed for its key.
#[derive(Clone, Debug)]
pub(crate) enum RawValue {
    Flag(bool),
    Text(String),
    List(Vec<Sourced<String>>),
    Map(Vec<(String, Sourced<String>)>),
}

impl RawValue {
    pub(crate) fn kind(&self) -> ValueKind {
        match self {
            Self::Flag(_) => ValueKind::Boolean,
            Self::Text(_) => ValueKind::String,
            Self::List(_) => ValueKind::Array,
            Self::Map(_) => ValueKind::Table,
        }
    }

    /// The origin of a NUL character, which arguments, variables and paths cannot contain. `origin`
    /// is that of the whole value.
    pub(super) fn nul<'a>(&'a self, origin: &'a Origin) -> Option<&'a Origin> {
        let has = |text: &str| text.contains('\0');
        match self {
            Self::Flag(_) => None,
            Self::Text(text) => has(text).then_some(origin),
            Self::List(items) => items
                .iter()
                .find(|item| has(&item.value))
                .map(|item| &item.origin),
            Self::Map(entries) => entries
                .iter()
                .find(|(name, text)| has(name) || has(&text.value))
                .map(|(_, text)| &text.origin),
        }
    }
}

/// A row of an explanation: a value, or one of its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueRow {
    /// The suffix of the key's name, if the value is a table.
    pub(crate) name: Option<String>,
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

impl ValueRow {
    pub(crate) fn new(value: impl Into<String>, origin: &Origin) -> Self {
        Self {
            name: None,
            value: value.into(),
            origin: origin.clone(),
        }
    }
}

/// The type of the value of a key.
pub(crate) trait Value: Sized + Clone {
    /// The accepted types.
    const KINDS: &'static [ValueKind];

    /// Parses `raw`, whose type is one of [`Self::KINDS`]. `key` is for messages. Problems have
    /// locations.
    fn read(
        key: &str,
        raw: RawValue,
        origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self>;

    /// The value for explanations, with secrets redacted. `origin` is that of the whole value.
    fn rows(&self, origin: &Origin) -> Vec<ValueRow>;

    /// Resolves relative paths against `base`.
    fn resolve_paths(
        &mut self,
        _key: &str,
        _base: &Path,
        _origin: &Origin,
        _problems: &mut Vec<Diagnostic>,
    ) {
    }

    /// Removes the items of a collection. Other values are left as they are.
    fn clear_items(&mut self) {}

    /// Merges `above` into the value. Values that are not collections are replaced.
    fn merge(&mut self, above: &Self) {
        self.clone_from(above);
    }

    /// Whether values are always merged item by item instead of replaced.
    const ALWAYS_MERGES: bool = false;
}

impl<W: Scalar> Value for W {
    const KINDS: &'static [ValueKind] = &[ValueKind::String];

    fn read(
        key: &str,
        raw: RawValue,
        origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        match raw {
            RawValue::Text(text) => parse_scalar(key, &text, origin, problems),
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<ValueRow> {
        vec![ValueRow::new(self.describe(), origin)]
    }

    fn resolve_paths(
        &mut self,
        key: &str,
        base: &Path,
        origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) {
        let problem = Scalar::resolve_paths(self, key, base).err();
        problems.extend(problem.map(|problem| problem.located_by(origin)));
    }
}

impl<W: Scalar> Value for Vec<Sourced<W>> {
    const KINDS: &'static [ValueKind] = &[ValueKind::Array];

    fn read(
        key: &str,
        raw: RawValue,
        _origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let RawValue::List(items) = raw else {
            return None;
        };
        let read = |item: Sourced<String>| {
            let scalar = parse_scalar(key, &item.value, &item.origin, problems)?;
            Some(Sourced::new(scalar, item.origin))
        };
        Some(items.into_iter().filter_map(read).collect())
    }

    fn rows(&self, origin: &Origin) -> Vec<ValueRow> {
        if self.is_empty() {
            return vec![ValueRow::new("[]", origin)];
        }
        let row = |item: &Sourced<W>| ValueRow::new(item.value.describe(), &item.origin);
        self.iter().map(row).collect()
    }

    fn resolve_paths(
        &mut self,
        key: &str,
        base: &Path,
        _origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) {
        for item in self {
            let problem = Scalar::resolve_paths(&mut item.value, key, base).err();
            problems.extend(problem.map(|problem| problem.located_by(&item.origin)));
        }
    }

    fn clear_items(&mut self) {
        self.clear();
    }

    fn merge(&mut self, above: &Self) {
        self.extend_from_slice(above);
    }
}

impl Value for bool {
    const KINDS: &'static [ValueKind] = &[ValueKind::Boolean];

    fn read(_: &str, raw: RawValue, _: &Origin, _: &mut Vec<Diagnostic>) -> Option<Self> {
        match raw {
            RawValue::Flag(on) => Some(on),
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<ValueRow> {
        vec![ValueRow::new(self.to_string(), origin)]
    }
}

/// A table of strings by name, as in `dockerfile.build-args`.
pub(crate) type SourcedMap = BTreeMap<String, Sourced<String>>;

impl Value for SourcedMap {
    const KINDS: &'static [ValueKind] = &[ValueKind::Table];

    fn read(
        key: &str,
        raw: RawValue,
        _origin: &Origin,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let RawValue::Map(entries) = raw else {
            return None;
        };
        let (good, bad): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|(name, _)| !name.is_empty() && !name.contains('='));
        problems.extend(bad.into_iter().map(|(name, text)| {
            let message = format!("invalid name `{}` in `{key}`", name.escape_debug());
            Diagnostic::error(DiagnosticCode::InvalidValue, message)
                .help("write a name without `=`")
                .located_by(&text.origin)
        }));
        Some(good.into_iter().collect())
    }

    fn rows(&self, origin: &Origin) -> Vec<ValueRow> {
        if self.is_empty() {
            return vec![ValueRow::new("{}", origin)];
        }
        let row = |(name, text): (&String, &Sourced<String>)| ValueRow {
            name: Some(name.clone()),
            ..ValueRow::new(&text.value, &text.origin)
        };
        self.iter().map(row).collect()
    }

    fn clear_items(&mut self) {
        self.clear();
    }

    fn merge(&mut self, above: &Self) {
        self.extend(above.clone());
    }

    const ALWAYS_MERGES: bool = true;
}

fn parse_scalar<W: Scalar>(
    key: &str,
    text: &str,
    origin: &Origin,
    problems: &mut Vec<Diagnostic>,
) -> Option<W> {
    match W::parse(key, text) {
        Ok(word) => {
            problems.extend(word.lint().map(|warning| warning.located_by(origin)));
            Some(word)
        }
        Err(problem) => {
            problems.push(problem.located_by(origin));
            None
        }
    }
}
