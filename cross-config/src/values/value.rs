//! Values as they are written, and how each becomes the type that its key holds.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::diagnostics::origin::{Origin, Sourced};
use crate::values::scalar::Word;
use crate::values::value_kind::Kind;

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
    pub(super) fn nul<'a>(&'a self, origin: &'a Origin) -> Option<&'a Origin> {
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
