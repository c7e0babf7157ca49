//! TOML as written: text to values, every problem with its line and column, all at once.
//!
//! Walks the spanned tree by hand instead of deriving: a derived reader stops at the first problem,
//! and can name neither the nearest key nor the place of an array's item.

use std::collections::BTreeSet;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Code, Diagnostic};
use crate::keys::{Key, Level};
use crate::lines::Lines;
use crate::nearest::nearest;
use crate::origin::{Origin, Place, Sourced};
use crate::triples;
use crate::unserved::Unserved;
use crate::values::{List, Slot, Values, Written};

type Name<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Value<'i> = Spanned<DeValue<'i>>;

/// Which tables of a `Cargo.toml` are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sections {
    /// `[workspace.metadata.cross]` only: another package of the workspace is built.
    Workspace,
    /// `[package.metadata.cross]` only: the package is not the workspace's root.
    Package,
    /// The first, overridden key by key by the second.
    Both,
}

impl Sections {
    fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Workspace => &["workspace"],
            Self::Package => &["package"],
            Self::Both => &["workspace", "package"],
        }
    }
}

/// Reads the text of a `Cross.toml`.
pub(crate) fn cross_toml(path: &Path, text: &str) -> Written {
    read(path, text, Origin::CrossToml, |reader, root| {
        reader.root(root)
    })
}

/// Reads our tables of the text of a `Cargo.toml`; everything else there is cargo's business.
pub(crate) fn cargo_toml(path: &Path, text: &str, sections: Sections) -> Written {
    read(path, text, Origin::CargoToml, |reader, root| {
        for section in sections.tables() {
            let metadata = root
                .get(*section)
                .and_then(|it| it.get_ref().get("metadata"));
            let Some(ours) = metadata.and_then(|it| it.get_ref().get("cross")) else {
                continue;
            };
            if let Some(table) = reader.table(&format!("{section}.metadata.cross"), ours) {
                reader.root(table);
            }
        }
    })
}

fn read(
    path: &Path,
    text: &str,
    origin: fn(Place) -> Origin,
    walk: impl FnOnce(&mut Reader<'_>, &DeTable<'_>),
) -> Written {
    let mut reader = Reader {
        lines: Lines::new(path, text),
        origin,
        written: Written::default(),
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        walk(&mut reader, root.get_ref());
    } else {
        // What could be recovered is not looked at: its problems would be consequences of these.
        reader.syntax(&errors);
    }
    let mut written = reader.written;
    written.problems.sort_by(|a, b| a.place.cmp(&b.place));
    written
}

struct Reader<'a> {
    lines: Lines<'a>,
    /// How this file's places are origins.
    origin: fn(Place) -> Origin,
    written: Written,
}

impl Reader<'_> {
    /// One problem a line: what follows on the same line is most often the parser finding its way back.
    fn syntax(&mut self, errors: &[toml::de::Error]) {
        let mut lines = BTreeSet::new();
        for error in errors {
            let place = self.lines.place(error.span().map_or(0, |span| span.start));
            if lines.insert(place.line) {
                let message = format!("not valid TOML: {}", error.message());
                self.report(Diagnostic::error(Code::Syntax, message).at(place));
            }
        }
    }

    /// The table that holds `build` and `target`.
    fn root(&mut self, root: &DeTable<'_>) {
        for (name, value) in root {
            match name.get_ref().as_ref() {
                "build" => self.build(value),
                "target" => self.targets(value),
                unknown => {
                    let help = match nearest(unknown, ["build", "target"]) {
                        Some(meant) => format!("did you mean `[{meant}]`?"),
                        None => "the tables are `[build]` and `[target.<triple>]`".to_owned(),
                    };
                    self.unknown_key(unknown, name, help);
                }
            }
        }
    }

    fn build(&mut self, value: &Value<'_>) {
        let Some(table) = self.table("build", value) else {
            return;
        };
        let mut values = std::mem::take(&mut self.written.build);
        self.level(Level::Build, "", table, &mut values);
        self.written.build = values;
    }

    fn targets(&mut self, value: &Value<'_>) {
        let Some(table) = self.table("target", value) else {
            return;
        };
        for (triple, value) in table {
            if self.is_unquoted(triple, value) {
                continue;
            }
            let name = triple.get_ref().as_ref();
            let doubt = triples::doubt(name);
            self.written
                .problems
                .extend(doubt.map(|it| it.at(self.lines.place(triple.span().start))));
            let Some(table) = self.table(&format!("target.{name}"), value) else {
                continue;
            };
            let mut values = self.written.targets.remove(name).unwrap_or_default();
            self.level(Level::Target, "", table, &mut values);
            self.written.targets.insert(name.to_owned(), values);
        }
    }

    /// Reports `[target.thumbv8m.main-none-eabi]`, which TOML reads as a table in a table.
    fn is_unquoted(&mut self, triple: &Name<'_>, value: &Value<'_>) -> bool {
        let Some(meant) = dotted(triple.get_ref(), value).find(|it| triples::is_known(it)) else {
            return false;
        };
        let message = format!("the triple `{meant}` has a dot in it and needs quotes");
        let problem = Diagnostic::error(Code::UnquotedTarget, message);
        self.report(
            problem
                .help(format!("write `[target.\"{meant}\"]`"))
                .at(self.place_of(triple)),
        );
        true
    }

    /// The keys of one table below `[build]` or `[target.<triple>]`; `prefix` is `""` or ends with a dot.
    fn level(&mut self, level: Level, prefix: &str, table: &DeTable<'_>, values: &mut Values) {
        for (name, value) in table {
            let path = format!("{prefix}{}", name.get_ref());
            if let Some(key) = Key::find(&path, level) {
                self.key(key, value, values);
            } else if let Some(key) = Unserved::find(&path, level) {
                if !is_off(value) {
                    self.report(key.diagnostic().at(self.place_of(name)));
                }
            } else if is_group(&path, level) {
                if let Some(table) = self.table(&path, value) {
                    self.level(level, &format!("{path}."), table, values);
                }
            } else {
                self.unknown_key(&path, name, help_for_unknown(&path, level));
            }
        }
    }

    fn key(&mut self, key: &Key, value: &Value<'_>, values: &mut Values) {
        let problems = match (key.slot)(values) {
            Slot::Text(slot) => self
                .text(key.name, value)
                .map(|text| slot.store(key.name, text)),
            Slot::List(slot) => self
                .list(key.name, value)
                .map(|list| slot.store(key.name, list)),
        };
        self.written.problems.extend(problems.into_iter().flatten());
    }

    fn text(&mut self, key: &str, value: &Value<'_>) -> Option<Sourced<String>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Sourced::new(text.to_string(), self.origin_of(value))),
            _ => self.wrong_type(key, "a string", value),
        }
    }

    fn list(&mut self, key: &str, value: &Value<'_>) -> Option<List<String>> {
        let DeValue::Array(items) = value.get_ref() else {
            return self.wrong_type(key, "an array of strings", value);
        };
        let items = items
            .iter()
            .filter_map(|item| self.text(&format!("an item of {key}"), item))
            .collect();
        Some(Sourced::new(items, self.origin_of(value)))
    }

    fn table<'v, 'i>(&mut self, key: &str, value: &'v Value<'i>) -> Option<&'v DeTable<'i>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.wrong_type(key, "a table", value),
        }
    }

    fn wrong_type<T>(&mut self, key: &str, expected: &str, value: &Value<'_>) -> Option<T> {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) {
            "an"
        } else {
            "a"
        };
        let message = format!("`{key}` is {article} {found}, expected {expected}");
        self.report(Diagnostic::error(Code::WrongType, message).at(self.place_of(value)));
        None
    }

    fn unknown_key(&mut self, path: &str, name: &Name<'_>, help: String) {
        let message = format!("unknown key `{path}`");
        self.report(
            Diagnostic::error(Code::UnknownKey, message)
                .help(help)
                .at(self.place_of(name)),
        );
    }

    fn report(&mut self, problem: Diagnostic) {
        self.written.problems.push(problem);
    }

    fn origin_of<T>(&self, spanned: &Spanned<T>) -> Origin {
        (self.origin)(self.place_of(spanned))
    }

    fn place_of<T>(&self, spanned: &Spanned<T>) -> Place {
        self.lines.place(spanned.span().start)
    }
}

/// The names that `[target.a.b.c]` may have meant: `a.b`, `a.b.c`. A glibc floor has two dots.
fn dotted<'v>(name: &'v str, value: &'v Value<'_>) -> impl Iterator<Item = String> + 'v {
    let children = |value: &'v DeValue<'_>| value.as_table().into_iter().flatten();
    children(value.get_ref())
        .filter(|(_, value)| value.get_ref().is_table())
        .flat_map(move |(second, value)| {
            let two = format!("{name}.{}", second.get_ref());
            let three =
                children(value.get_ref()).map(|(third, _)| format!("{two}.{}", third.get_ref()));
            let three: Vec<_> = three.collect();
            std::iter::once(two).chain(three)
        })
}

/// Whether the value says "nothing", which is what not serving its key does.
fn is_off(value: &Value<'_>) -> bool {
    match value.get_ref() {
        DeValue::Boolean(on) => !on,
        DeValue::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Every name that is served or known at `level`.
fn names(level: Level) -> impl Iterator<Item = &'static str> {
    let unserved = crate::unserved::UNSERVED
        .iter()
        .filter(move |key| key.levels.contains(&level));
    Key::at(level)
        .map(|key| key.name)
        .chain(unserved.map(|key| key.name))
}

/// Whether `path` is a table that holds keys, as `env` holds `env.passthrough`.
fn is_group(path: &str, level: Level) -> bool {
    names(level).any(|name| {
        name.strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

fn help_for_unknown(path: &str, level: Level) -> String {
    if names(level.other()).any(|name| name == path) {
        return format!("`{path}` belongs in `{}`", level.other().table());
    }
    let groups = names(level)
        .filter_map(|name| name.split_once('.'))
        .map(|(group, _)| group);
    match nearest(path, Key::at(level).map(|key| key.name).chain(groups)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let known: Vec<_> = Key::at(level).map(|key| key.name).collect();
            format!("the keys of `{}` are {}", level.table(), known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
