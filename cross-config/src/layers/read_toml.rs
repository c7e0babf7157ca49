//! TOML as written: text to values, every problem with its line and column, all at once.
//!
//! Walks the spanned tree by hand instead of deriving: a derived reader stops at the first problem,
//! and can name neither the nearest key nor the place of an array's item.

use std::collections::BTreeSet;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::diagnostics::origin::{Origin, Place, Sourced};
use crate::keys::key::{Alias, Group, Key, Level, is_below};
use crate::keys::key_values::{Spelling, Values};
use crate::keys::table::GROUPS;
use crate::layers::layer_values::Written;
use crate::layers::line_index::Lines;
use crate::text::nearest::nearest;
use crate::values::known_targets;
use crate::values::value::Raw;
use crate::values::value_kind::{Kind, wrong_type};

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
            let doubt = known_targets::doubt(name);
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
        let Some(meant) = dotted(triple.get_ref(), value).find(|it| known_targets::is_known(it))
        else {
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
                self.key(key.name, key, value, values);
            } else if let Some(group) = Group::find(&path, level) {
                self.group(group, level, value, values);
            } else if let Some((alias, key)) = Alias::find(&path, level) {
                let is_read = !table.contains_key(key.name);
                self.deprecated(alias, is_read, name);
                if is_read {
                    self.key(alias.name, key, value, values);
                }
            } else {
                self.unknown_key(&path, name, help_for_unknown(&path, level));
            }
        }
    }

    /// A value of `key`, written as `name`.
    fn key(&mut self, name: &str, key: &Key, value: &Value<'_>, values: &mut Values) {
        if let Some(raw) = self.raw(name, key.kinds(), value) {
            self.written.problems.extend(values.store(key, raw));
        }
    }

    /// A table of keys, or a value in place of it.
    fn group(&mut self, group: &Group, level: Level, value: &Value<'_>, values: &mut Values) {
        if let DeValue::Table(table) = value.get_ref() {
            values.spell(group, Spelling::Table);
            self.level(level, &format!("{}.", group.name), table, values);
            return;
        }
        let Some(raw) = self.raw(group.name, &group.kinds(), value) else {
            return;
        };
        values.spell(group, Spelling::Short);
        let kind = raw.value.kind();
        if let Some(short) = group.shorts.iter().find(|short| short.kind == kind) {
            self.written.problems.extend(values.store_short(short, raw));
        }
    }

    fn deprecated(&mut self, alias: &Alias, is_read: bool, name: &Name<'_>) {
        let Alias { name: old, key, .. } = alias;
        let message = if is_read {
            format!("`{old}` is an old name of `{key}`")
        } else {
            format!("`{old}` is an old name of `{key}`, and not read beside it")
        };
        let warning = Diagnostic::warning(Code::Deprecated, message);
        self.report(
            warning
                .help(format!("write `{key}` instead"))
                .at(self.place_of(name)),
        );
    }

    /// A value of one of `kinds`; anything else is reported.
    fn raw(&mut self, key: &str, kinds: &[Kind], value: &Value<'_>) -> Option<Sourced<Raw>> {
        let takes = |kind| kinds.contains(&kind);
        let raw = match value.get_ref() {
            DeValue::Boolean(on) if takes(Kind::Boolean) => Raw::Flag(*on),
            DeValue::String(text) if takes(Kind::String) => Raw::Text(text.to_string()),
            DeValue::Array(items) if takes(Kind::Array) => {
                let item = format!("an item of {key}");
                let texts = items.iter().filter_map(|it| self.text(&item, it));
                Raw::List(texts.collect())
            }
            DeValue::Table(table) if takes(Kind::Table) => {
                let entries = table.iter().filter_map(|(name, value)| {
                    let text = self.text(&format!("{key}.{}", name.get_ref()), value)?;
                    Some((name.get_ref().to_string(), text))
                });
                Raw::Map(entries.collect())
            }
            _ => return self.wrong_type(key, kinds, value),
        };
        Some(Sourced::new(raw, self.origin_of(value)))
    }

    fn text(&mut self, key: &str, value: &Value<'_>) -> Option<Sourced<String>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Sourced::new(text.to_string(), self.origin_of(value))),
            _ => self.wrong_type(key, &[Kind::String], value),
        }
    }

    fn table<'v, 'i>(&mut self, key: &str, value: &'v Value<'i>) -> Option<&'v DeTable<'i>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.wrong_type(key, &[Kind::Table], value),
        }
    }

    fn wrong_type<T>(&mut self, key: &str, expected: &[Kind], value: &Value<'_>) -> Option<T> {
        let problem = wrong_type(key, value.get_ref().type_str(), expected);
        self.report(problem.at(self.place_of(value)));
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

/// The name of every key and group at `level`.
fn names(level: Level) -> impl Iterator<Item = &'static str> {
    let groups = GROUPS.iter().map(|group| group.name);
    let groups = groups.filter(move |name| Group::find(name, level).is_some());
    Key::at(level).map(|key| key.name).chain(groups)
}

fn help_for_unknown(path: &str, level: Level) -> String {
    if names(level.other()).any(|name| name == path) {
        return format!("`{path}` belongs in `{}`", level.other().table());
    }
    if let Some(meant) = nearest(path, names(level)) {
        return format!("did you mean `{meant}`?");
    }
    let group = path.rsplit_once('.').map(|(group, _)| group);
    let mut known: Vec<_> = names(level)
        .filter_map(|name| match group {
            Some(group) if is_below(name, group) => name.get(group.len() + 1..),
            Some(_) => None,
            None => Some(name),
        })
        .filter_map(|name| name.split('.').next())
        .collect();
    known.sort_unstable();
    known.dedup();
    let table = group.unwrap_or(level.table());
    format!("the keys of `{table}` are {}", known.join(", "))
}

#[cfg(test)]
mod tests;
