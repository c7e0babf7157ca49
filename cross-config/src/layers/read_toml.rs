//! Reads TOML files, with the line and column of every value and every problem.
//!
//! The spanned tree is walked by hand. A derived deserializer stops at the first problem, and does
//! not know the locations of array items or similar key names.

use std::collections::BTreeSet;
use std::path::Path;

use cross_targets::toml_table;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::diagnostics::origin::{Origin, SourceLocation, Sourced};
use crate::keys::key::{Alias, Group, Key, Level};
use crate::keys::key_values::{GroupNotation, KeyValues};
use crate::layers::layer_values::LayerValues;
use crate::layers::line_index::LineIndex;
use crate::layers::unknown_keys;
use crate::values::known_targets;
use crate::values::value::RawValue;
use crate::values::value_kind::{ValueKind, wrong_type};

type TomlKey<'i> = Spanned<std::borrow::Cow<'i, str>>;
type TomlValue<'i> = Spanned<DeValue<'i>>;

/// The remedy for text that is no TOML.
const SYNTAX_HELP: &str = "correct or remove the text at the location in the message: a line is `key = value`, `[table]` \
                           or `# comment`, and text is in quotes";

/// The tables of a `Cargo.toml` to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sections {
    /// `[workspace.metadata.cross]` only, because another package of the workspace is built.
    Workspace,
    /// `[package.metadata.cross]` only, because the package is not the workspace root.
    Package,
    /// Both. The package overrides the workspace key by key.
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
pub(crate) fn cross_toml(path: &Path, text: &str) -> LayerValues {
    read(path, text, Origin::CrossToml, |reader, root| {
        reader.root(root)
    })
}

/// Reads the tables `metadata.cross` from the text of a `Cargo.toml`. Other tables are not
/// validated.
pub(crate) fn cargo_toml(path: &Path, text: &str, sections: Sections) -> LayerValues {
    read(path, text, Origin::CargoToml, |reader, root| {
        for section in sections.tables() {
            let metadata = root
                .get(*section)
                .and_then(|table| table.get_ref().get("metadata"));
            let Some(ours) = metadata.and_then(|table| table.get_ref().get("cross")) else {
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
    origin: fn(SourceLocation) -> Origin,
    walk: impl FnOnce(&mut TomlReader<'_>, &DeTable<'_>),
) -> LayerValues {
    let mut reader = TomlReader {
        lines: LineIndex::new(path, text),
        origin,
        layer_values: LayerValues::default(),
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        walk(&mut reader, root.get_ref());
    } else {
        // Recovered content is not read, because its problems would follow from these errors.
        reader.syntax(&errors);
    }
    let mut layer_values = reader.layer_values;
    layer_values
        .problems
        .sort_by(|a, b| a.location.cmp(&b.location));
    layer_values
}

struct TomlReader<'a> {
    lines: LineIndex<'a>,
    /// The constructor of origins for this file.
    origin: fn(SourceLocation) -> Origin,
    layer_values: LayerValues,
}

impl TomlReader<'_> {
    /// Reports one error per line. Further errors on a line are usually caused by the recovery of
    /// the parser.
    fn syntax(&mut self, errors: &[toml::de::Error]) {
        let mut lines = BTreeSet::new();
        for error in errors {
            let location = self
                .lines
                .location(error.span().map_or(0, |span| span.start));
            if lines.insert(location.line) {
                let message = format!("invalid TOML: {}", error.message());
                let error = Diagnostic::error(DiagnosticCode::Syntax, message).help(SYNTAX_HELP);
                self.report(error.at(location));
            }
        }
    }

    /// Reads the table that contains `build` and `target`.
    fn root(&mut self, root: &DeTable<'_>) {
        for (name, value) in root {
            match name.get_ref().as_ref() {
                "build" => self.build(value),
                "target" => self.targets(value),
                unknown => {
                    self.unknown_key(unknown, name, unknown_keys::help_at_root(unknown));
                }
            }
        }
    }

    fn build(&mut self, value: &TomlValue<'_>) {
        let Some(table) = self.table("build", value) else {
            return;
        };
        let mut values = std::mem::take(&mut self.layer_values.build);
        self.level(Level::Build, "", table, &mut values);
        self.layer_values.build = values;
    }

    fn targets(&mut self, value: &TomlValue<'_>) {
        let Some(table) = self.table("target", value) else {
            return;
        };
        for (triple, value) in table {
            if self.is_unquoted(triple, value) {
                continue;
            }
            let name = triple.get_ref().as_ref();
            if unknown_keys::is_of_target(name) {
                let help =
                    format!("`{name}` belongs in `[target.<triple>]`, below the name of a target");
                self.unknown_key(&format!("target.{name}"), triple, help);
                continue;
            }
            let warning = known_targets::lint(name);
            self.layer_values.problems.extend(
                warning.map(|warning| warning.at(self.lines.location(triple.span().start))),
            );
            let Some(table) = self.table(&format!("target.{name}"), value) else {
                continue;
            };
            let mut values = self.layer_values.targets.remove(name).unwrap_or_default();
            self.level(Level::Target, "", table, &mut values);
            self.layer_values.targets.insert(name.to_owned(), values);
        }
    }

    /// Reports `[target.thumbv8m.main-none-eabi]`, which TOML parses as nested tables.
    fn is_unquoted(&mut self, triple: &TomlKey<'_>, value: &TomlValue<'_>) -> bool {
        let Some(meant) =
            dotted(triple.get_ref(), value).find(|name| known_targets::is_known(name))
        else {
            return false;
        };
        let message = format!("the triple `{meant}` contains a dot and must be quoted");
        let problem = Diagnostic::error(DiagnosticCode::UnquotedTarget, message);
        self.report(
            problem
                .help(format!("write `{}`", toml_table(&meant)))
                .at(self.location_of(triple)),
        );
        true
    }

    /// Reads the keys of a table within `[build]` or `[target.<triple>]`. `prefix` is empty or ends
    /// with a dot.
    fn level(&mut self, level: Level, prefix: &str, table: &DeTable<'_>, values: &mut KeyValues) {
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
                self.unknown_key(&path, name, unknown_keys::help(&path, level));
            }
        }
    }

    /// Reads a value of `key`, which is written as `name`.
    fn key(&mut self, name: &str, key: &Key, value: &TomlValue<'_>, values: &mut KeyValues) {
        if let Some(raw) = self.raw(name, key.kinds(), value) {
            self.layer_values.problems.extend(values.store(key, raw));
        }
    }

    /// Reads a table of keys, or its shorthand.
    fn group(
        &mut self,
        group: &Group,
        level: Level,
        value: &TomlValue<'_>,
        values: &mut KeyValues,
    ) {
        if let DeValue::Table(table) = value.get_ref() {
            values.record_notation(group, GroupNotation::Table);
            self.level(level, &format!("{}.", group.name), table, values);
            return;
        }
        let Some(raw) = self.raw(group.name, &group.kinds(), value) else {
            return;
        };
        values.record_notation(group, GroupNotation::Shorthand);
        let kind = raw.value.kind();
        if let Some(shorthand) = group
            .shorthands
            .iter()
            .find(|shorthand| shorthand.kind == kind)
        {
            self.layer_values
                .problems
                .extend(values.store_shorthand(shorthand, raw));
        }
    }

    fn deprecated(&mut self, alias: &Alias, is_read: bool, name: &TomlKey<'_>) {
        let Alias { name: old, key, .. } = alias;
        let message = if is_read {
            format!("`{old}` is a deprecated name of `{key}`")
        } else {
            format!("`{old}` is a deprecated name of `{key}`, and is ignored")
        };
        let warning = Diagnostic::warning(DiagnosticCode::Deprecated, message);
        self.report(
            warning
                .help(format!("write `{key}` instead"))
                .at(self.location_of(name)),
        );
    }

    /// Reads a value of one of `kinds`; reports any other.
    fn raw(
        &mut self,
        key: &str,
        kinds: &[ValueKind],
        value: &TomlValue<'_>,
    ) -> Option<Sourced<RawValue>> {
        let takes = |kind| kinds.contains(&kind);
        let raw = match value.get_ref() {
            DeValue::Boolean(on) if takes(ValueKind::Boolean) => RawValue::Flag(*on),
            DeValue::String(text) if takes(ValueKind::String) => RawValue::Text(text.to_string()),
            DeValue::Array(items) if takes(ValueKind::Array) => {
                let item = format!("an item of {key}");
                let texts = items.iter().filter_map(|value| self.text(&item, value));
                RawValue::List(texts.collect())
            }
            DeValue::Table(table) if takes(ValueKind::Table) => {
                let entries = table.iter().filter_map(|(name, value)| {
                    let text = self.text(&format!("{key}.{}", name.get_ref()), value)?;
                    Some((name.get_ref().to_string(), text))
                });
                RawValue::Map(entries.collect())
            }
            _ => return self.wrong_type(key, kinds, value),
        };
        Some(Sourced::new(raw, self.origin_of(value)))
    }

    fn text(&mut self, key: &str, value: &TomlValue<'_>) -> Option<Sourced<String>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Sourced::new(text.to_string(), self.origin_of(value))),
            _ => self.wrong_type(key, &[ValueKind::String], value),
        }
    }

    fn table<'v, 'i>(&mut self, key: &str, value: &'v TomlValue<'i>) -> Option<&'v DeTable<'i>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => self.wrong_type(key, &[ValueKind::Table], value),
        }
    }

    fn wrong_type<T>(
        &mut self,
        key: &str,
        expected: &[ValueKind],
        value: &TomlValue<'_>,
    ) -> Option<T> {
        let problem = wrong_type(key, value.get_ref().type_str(), expected);
        self.report(problem.at(self.location_of(value)));
        None
    }

    fn unknown_key(&mut self, path: &str, name: &TomlKey<'_>, help: String) {
        let message = format!("unknown key `{path}`");
        self.report(
            Diagnostic::error(DiagnosticCode::UnknownKey, message)
                .help(help)
                .at(self.location_of(name)),
        );
    }

    fn report(&mut self, problem: Diagnostic) {
        self.layer_values.problems.push(problem);
    }

    fn origin_of<T>(&self, spanned: &Spanned<T>) -> Origin {
        (self.origin)(self.location_of(spanned))
    }

    fn location_of<T>(&self, spanned: &Spanned<T>) -> SourceLocation {
        self.lines.location(spanned.span().start)
    }
}

/// The names that `[target.a.b.c]` may stand for: `a.b` and `a.b.c`. A triple with a glibc version
/// contains two dots.
fn dotted<'v>(name: &'v str, value: &'v TomlValue<'_>) -> impl Iterator<Item = String> + 'v {
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

#[cfg(test)]
mod tests;
