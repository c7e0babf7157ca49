//! The shapes of values: what a key's value is written as, and how each becomes a field.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::diagnostic::{Code, Diagnostic};
use crate::origin::{Origin, Sourced};
use crate::word::Word;

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

/// A list, where the whole and each item know their origin.
pub(crate) type List<T> = Sourced<Vec<Sourced<T>>>;

/// A value as it is written, before its key says what it means.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    Flag(bool),
    Text(String),
    List(Vec<Sourced<String>>),
    Map(Vec<(String, Sourced<String>)>),
}

impl Raw {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Flag(_) => Kind::Boolean,
            Self::Text(_) => Kind::String,
            Self::List(_) => Kind::Array,
            Self::Map(_) => Kind::Table,
        }
    }

    /// Where a NUL character is: no argument, variable or path can have one. `origin` is the whole's.
    fn nul<'a>(&'a self, origin: &'a Origin) -> Option<&'a Origin> {
        let has = |text: &str| text.contains('\0');
        match self {
            Self::Flag(_) => None,
            Self::Text(text) => has(text).then_some(origin),
            Self::List(items) => items.iter().find(|it| has(&it.value)).map(|it| &it.origin),
            Self::Map(entries) => entries
                .iter()
                .find(|(name, text)| has(name) || has(&text.value))
                .map(|(_, text)| &text.origin),
        }
    }
}

/// One row of an explanation: a value, or an item of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What the key's name goes on with, if the value is a table.
    pub(crate) name: Option<String>,
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

impl Row {
    pub(crate) fn new(value: impl Into<String>, origin: &Origin) -> Self {
        Self {
            name: None,
            value: value.into(),
            origin: origin.clone(),
        }
    }
}

/// What a key's value is once it is read.
pub(crate) trait Value: Sized + Clone {
    /// What it may be written as.
    const KINDS: &'static [Kind];

    /// Reads `raw`, which is of one of [`Self::KINDS`]; `key` is for messages. Problems know their
    /// place.
    fn read(key: &str, raw: Raw, origin: &Origin, problems: &mut Vec<Diagnostic>) -> Option<Self>;

    /// This value for people, without secrets; `origin` is the whole value's.
    fn rows(&self, origin: &Origin) -> Vec<Row>;

    /// Makes relative paths in it relative to `base`.
    fn rebase(
        &mut self,
        _key: &str,
        _base: &Path,
        _origin: &Origin,
        _problems: &mut Vec<Diagnostic>,
    ) {
    }

    /// Puts `above` where both are to be joined; what is not a collection is replaced.
    fn join(&mut self, above: &Self) {
        self.clone_from(above);
    }

    /// Whether two of them are joined item by item wherever they meet.
    const JOINS: bool = false;
}

impl<W: Word> Value for W {
    const KINDS: &'static [Kind] = &[Kind::String];

    fn read(key: &str, raw: Raw, origin: &Origin, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match raw {
            Raw::Text(text) => word(key, &text, origin, problems),
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<Row> {
        vec![Row::new(self.show(), origin)]
    }

    fn rebase(&mut self, key: &str, base: &Path, origin: &Origin, problems: &mut Vec<Diagnostic>) {
        let problem = Word::rebase(self, key, base).err();
        problems.extend(problem.map(|it| it.located_by(origin)));
    }
}

impl<W: Word> Value for Vec<Sourced<W>> {
    const KINDS: &'static [Kind] = &[Kind::Array];

    fn read(key: &str, raw: Raw, _origin: &Origin, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let Raw::List(items) = raw else { return None };
        let read = |item: Sourced<String>| {
            let word = word(key, &item.value, &item.origin, problems)?;
            Some(Sourced::new(word, item.origin))
        };
        Some(items.into_iter().filter_map(read).collect())
    }

    fn rows(&self, origin: &Origin) -> Vec<Row> {
        if self.is_empty() {
            return vec![Row::new("[]", origin)];
        }
        let row = |item: &Sourced<W>| Row::new(item.value.show(), &item.origin);
        self.iter().map(row).collect()
    }

    fn rebase(&mut self, key: &str, base: &Path, _origin: &Origin, problems: &mut Vec<Diagnostic>) {
        for item in self {
            let problem = Word::rebase(&mut item.value, key, base).err();
            problems.extend(problem.map(|it| it.located_by(&item.origin)));
        }
    }

    fn join(&mut self, above: &Self) {
        self.extend_from_slice(above);
    }
}

impl Value for bool {
    const KINDS: &'static [Kind] = &[Kind::Boolean];

    fn read(_: &str, raw: Raw, _: &Origin, _: &mut Vec<Diagnostic>) -> Option<Self> {
        match raw {
            Raw::Flag(on) => Some(on),
            _ => None,
        }
    }

    fn rows(&self, origin: &Origin) -> Vec<Row> {
        vec![Row::new(self.to_string(), origin)]
    }
}

/// A table of texts by name, as `dockerfile.build-args` is.
pub(crate) type Map = BTreeMap<String, Sourced<String>>;

impl Value for Map {
    const KINDS: &'static [Kind] = &[Kind::Table];

    fn read(key: &str, raw: Raw, _origin: &Origin, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let Raw::Map(entries) = raw else { return None };
        let (good, bad): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .partition(|(name, _)| !name.is_empty() && !name.contains('='));
        problems.extend(bad.into_iter().map(|(name, text)| {
            let message = format!("`{}` is not a name in `{key}`", name.escape_debug());
            Diagnostic::error(Code::InvalidValue, message)
                .help("write a name without `=`")
                .located_by(&text.origin)
        }));
        Some(good.into_iter().collect())
    }

    fn rows(&self, origin: &Origin) -> Vec<Row> {
        if self.is_empty() {
            return vec![Row::new("{}", origin)];
        }
        let row = |(name, text): (&String, &Sourced<String>)| Row {
            name: Some(name.clone()),
            ..Row::new(&text.value, &text.origin)
        };
        self.iter().map(row).collect()
    }

    fn join(&mut self, above: &Self) {
        self.extend(above.clone());
    }

    const JOINS: bool = true;
}

fn word<W: Word>(
    key: &str,
    text: &str,
    origin: &Origin,
    problems: &mut Vec<Diagnostic>,
) -> Option<W> {
    match W::parse(key, text) {
        Ok(word) => {
            problems.extend(word.doubt().map(|it| it.located_by(origin)));
            Some(word)
        }
        Err(problem) => {
            problems.push(problem.located_by(origin));
            None
        }
    }
}

/// A field of [`Values`](crate::values::Values), whatever it holds.
pub(crate) trait Field {
    /// What it may be written as.
    fn kinds(&self) -> &'static [Kind];

    /// Stores `raw`, replacing what was there; returns what is wrong with it.
    fn store(&mut self, key: &str, raw: Sourced<Raw>) -> Vec<Diagnostic>;

    /// `None` if nothing is written, else the value or each item of it.
    fn rows(&self) -> Option<Vec<Row>>;

    /// Where it is written.
    fn origin(&self) -> Option<&Origin>;

    /// Makes relative paths relative to `base`; returns those that can't be.
    fn rebase(&mut self, key: &str, base: &Path) -> Vec<Diagnostic>;

    /// Forgets what is written.
    fn clear(&mut self);
}

impl<V: Value> Field for Option<Sourced<V>> {
    fn kinds(&self) -> &'static [Kind] {
        V::KINDS
    }

    fn store(&mut self, key: &str, raw: Sourced<Raw>) -> Vec<Diagnostic> {
        let Sourced { value: raw, origin } = raw;
        if !V::KINDS.contains(&raw.kind()) {
            let problem = wrong_type(key, &raw.kind().to_string(), V::KINDS);
            return vec![problem.located_by(&origin)];
        }
        if let Some(at) = raw.nul(&origin) {
            let message = format!("`{key}` has a NUL character in it");
            return vec![Diagnostic::error(Code::InvalidValue, message).located_by(at)];
        }
        let mut problems = Vec::new();
        let value = V::read(key, raw, &origin, &mut problems);
        *self = value.map(|value| Sourced::new(value, origin));
        problems
    }

    fn rows(&self) -> Option<Vec<Row>> {
        self.as_ref().map(|it| it.value.rows(&it.origin))
    }

    fn origin(&self) -> Option<&Origin> {
        self.as_ref().map(|it| &it.origin)
    }

    fn rebase(&mut self, key: &str, base: &Path) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        if let Some(Sourced { value, origin }) = self {
            value.rebase(key, base, origin, &mut problems);
        }
        problems
    }

    fn clear(&mut self) {
        *self = None;
    }
}

/// Puts `above` over `below`: it replaces it, or is joined to it.
pub(crate) fn cover<V: Value>(
    below: &mut Option<Sourced<V>>,
    above: &Option<Sourced<V>>,
    join: bool,
) {
    match (below, above) {
        (_, None) => {}
        (Some(below), Some(above)) if join || V::JOINS => {
            below.value.join(&above.value);
            below.origin = above.origin.clone();
        }
        (below, Some(above)) => *below = Some(above.clone()),
    }
}
