//! What a key is: the columns of the table of keys, and how it is searched.

use crate::diagnostic::Diagnostic;
use crate::flag;
use crate::origin::{Origin, Sourced};
use crate::shape::{Field, Kind, Raw};
use crate::shell;
use crate::table::{ALIASES, GROUPS, KEYS};
use crate::values::Values;
use crate::word::invalid;

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// `[build]`: for every target.
    Build,
    /// `[target.<triple>]`: for one.
    Target,
}

impl Level {
    /// The table's name, for messages.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Build => "[build]",
            Self::Target => "[target.<triple>]",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Build => Self::Target,
            Self::Target => Self::Build,
        }
    }
}

/// How the text of a variable is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Text,
    /// Items separated by whitespace.
    Words,
    /// Items separated by commas.
    Commas,
    /// Items separated by newlines.
    Lines,
    /// A flag.
    Flag,
    /// A flag, or items separated by commas.
    FlagOrCommas,
    /// `NAME=value`, separated as a shell separates words.
    Pairs,
}

impl Form {
    /// Whether the empty text is a value. For every other form it is as if the variable were not set.
    pub(crate) fn takes_empty(self) -> bool {
        matches!(self, Self::Flag | Self::FlagOrCommas)
    }

    /// For people.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Words => "items separated by whitespace",
            Self::Commas => "items separated by commas",
            Self::Lines => "items separated by newlines",
            Self::Flag => "a flag",
            Self::FlagOrCommas => "a flag, or items separated by commas",
            Self::Pairs => "`NAME=value` items, separated as a shell separates words",
        }
    }

    /// Reads the `text` of the variable `name`; `key` is for messages.
    pub(crate) fn read(
        self,
        key: &str,
        name: &str,
        text: &str,
    ) -> Result<Sourced<Raw>, Diagnostic> {
        let origin = Origin::Variable(name.to_owned());
        let raw = match self {
            Self::Text => Raw::Text(text.to_owned()),
            Self::Words => list(text.split_whitespace(), &origin),
            Self::Commas => list(text.split(','), &origin),
            Self::Lines => list(text.lines(), &origin),
            Self::Flag => {
                let read = flag::read(text);
                Raw::Flag(read.ok_or_else(|| invalid(key, text, flag::WANTED).variable(name))?)
            }
            Self::Pairs => {
                let read = pairs(text, &origin);
                read.ok_or_else(|| invalid(key, text, self.describe()).variable(name))?
            }
            Self::FlagOrCommas => match flag::read(text) {
                Some(on) => Raw::Flag(on),
                None => list(text.split(','), &origin),
            },
        };
        Ok(Sourced::new(raw, origin))
    }
}

fn list<'t>(items: impl Iterator<Item = &'t str>, origin: &Origin) -> Raw {
    let items = items.map(str::trim).filter(|item| !item.is_empty());
    Raw::List(
        items
            .map(|item| Sourced::new(item.to_owned(), origin.clone()))
            .collect(),
    )
}

fn pairs(text: &str, origin: &Origin) -> Option<Raw> {
    let words = shell::split(text)?;
    let pair = |word: &String| {
        let (name, value) = word.split_once('=')?;
        let value = Sourced::new(value.to_owned(), origin.clone());
        Some((name.to_owned(), value))
    };
    words.iter().map(pair).collect::<Option<_>>().map(Raw::Map)
}

/// One key. Everything that is known about it is here: the parser, the variables, the JSON Schema and
/// the reference are made from it.
pub(crate) struct Key {
    /// Its name below the table, with dots: `env.passthrough`.
    pub(crate) name: &'static str,
    /// Where it may stand.
    pub(crate) levels: &'static [Level],
    /// Its variables for `[build]`, the one that wins first.
    pub(crate) build_variables: &'static [&'static str],
    /// The suffix of its variable for `[target.<triple>]`.
    pub(crate) target_suffix: Option<&'static str>,
    /// How its variables are read.
    pub(crate) form: Form,
    /// Whether its lists are added up over sources; otherwise the highest source replaces the others.
    pub(crate) sums: bool,
    /// Every text that is a value of it, where that is a closed set.
    pub(crate) values: &'static [&'static str],
    /// What holds if nobody says anything, for people.
    pub(crate) default: &'static str,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A `Cross.toml` that uses it.
    pub(crate) example: &'static str,
    /// Its field, to show.
    pub(crate) field: fn(&Values) -> &dyn Field,
    /// Its field, to write.
    pub(crate) field_mut: fn(&mut Values) -> &mut dyn Field,
    /// Puts what the second says over what the first says; whether to join the two where both say it.
    pub(crate) cover: fn(&mut Values, &Values, bool),
}

impl Key {
    /// The key with this dotted name that may stand at `level`.
    pub(crate) fn find(name: &str, level: Level) -> Option<&'static Self> {
        Self::at(level).find(|key| key.name == name)
    }

    /// The key with this dotted name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Every key that may stand at `level`.
    pub(crate) fn at(level: Level) -> impl Iterator<Item = &'static Self> {
        KEYS.iter().filter(move |key| key.levels.contains(&level))
    }

    /// What its value may be written as.
    pub(crate) fn kinds(&self) -> &'static [Kind] {
        (self.field)(&Values::default()).kinds()
    }
}

/// A table that holds keys, and what may be written in its place.
pub(crate) struct Group {
    /// Its name below `[build]` or `[target.<triple>]`, with dots: `zig.image`.
    pub(crate) name: &'static str,
    /// What may be written in place of the table.
    pub(crate) shorts: &'static [Short],
    /// The key that the others describe: where a higher source says it anew, they do not hold.
    pub(crate) head: Option<&'static str>,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A `Cross.toml` that uses what may be written in its place.
    pub(crate) example: &'static str,
}

/// A value in place of a table.
pub(crate) struct Short {
    pub(crate) kind: Kind,
    /// The key that the value is one of.
    pub(crate) key: &'static str,
    /// A flag that it turns on too.
    pub(crate) on: Option<&'static str>,
}

impl Group {
    /// The group with this dotted name, if it has keys at `level`.
    pub(crate) fn find(name: &str, level: Level) -> Option<&'static Self> {
        let group = GROUPS.iter().find(|group| group.name == name)?;
        group
            .keys()
            .any(|key| key.levels.contains(&level))
            .then_some(group)
    }

    /// The keys in it and in the groups in it.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(|key| is_below(key.name, self.name))
    }

    /// Everything its value may be written as.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let shorts = self.shorts.iter().map(|short| short.kind);
        shorts.chain([Kind::Table]).collect()
    }
}

/// Whether the dotted name `name` is below `group`.
pub(crate) fn is_below(name: &str, group: &str) -> bool {
    name.strip_prefix(group)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// An old name of a key: read as the new one where that is not said, and reported.
pub(crate) struct Alias {
    pub(crate) name: &'static str,
    pub(crate) build_variable: &'static str,
    pub(crate) target_suffix: &'static str,
    /// The key's name now.
    pub(crate) key: &'static str,
}

impl Alias {
    pub(crate) fn find(name: &str, level: Level) -> Option<(&'static Self, &'static Key)> {
        let alias = ALIASES.iter().find(|alias| alias.name == name)?;
        Some((alias, Key::find(alias.key, level)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn unique<'a>(names: impl IntoIterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            assert!(seen.insert(name), "{name} twice");
        }
    }

    #[test]
    fn names_and_variables_are_unique() {
        let names = KEYS.iter().map(|key| key.name);
        unique(
            names
                .chain(GROUPS.iter().map(|group| group.name))
                .chain(ALIASES.iter().map(|it| it.name)),
        );
        let variables = KEYS.iter().flat_map(|key| key.build_variables).copied();
        unique(variables.chain(ALIASES.iter().map(|it| it.build_variable)));
        let suffixes = KEYS.iter().filter_map(|key| key.target_suffix);
        unique(suffixes.chain(ALIASES.iter().map(|it| it.target_suffix)));
    }

    #[test]
    fn a_key_has_a_variable_for_each_level_it_stands_at() {
        for key in KEYS {
            let build = key.levels.contains(&Level::Build);
            assert_eq!(build, !key.build_variables.is_empty(), "{}", key.name);
            let target = key.levels.contains(&Level::Target);
            assert_eq!(target, key.target_suffix.is_some(), "{}", key.name);
        }
    }

    #[test]
    fn a_variable_is_read_as_something_that_its_key_takes() {
        for key in KEYS {
            let mut read = ["true", "one", "A=b"]
                .into_iter()
                .filter_map(|text| key.form.read(key.name, "X", text).ok())
                .peekable();
            assert!(read.peek().is_some(), "{}", key.name);
            for raw in read {
                assert!(
                    key.kinds().contains(&raw.value.kind()),
                    "{} {raw:?}",
                    key.name
                );
            }
        }
    }

    #[test]
    fn a_value_in_place_of_a_table_is_one_of_its_keys() {
        for group in GROUPS {
            assert!(group.keys().count() > 0, "{}", group.name);
            for short in group.shorts {
                let key = Key::named(short.key).unwrap();
                assert!(is_below(key.name, group.name), "{}", key.name);
                assert!(key.kinds().contains(&short.kind), "{}", key.name);
                let on = short.on.map(|name| Key::named(name).unwrap().kinds());
                assert!(
                    on.is_none_or(|kinds| kinds == [Kind::Boolean]),
                    "{}",
                    key.name
                );
            }
            let head = group.head.map(|name| Key::named(name).unwrap());
            assert!(head.is_none_or(|head| is_below(head.name, group.name)));
        }
        for key in KEYS {
            for (at, _) in key.name.match_indices('.') {
                let group = &key.name[..at];
                assert!(GROUPS.iter().any(|it| it.name == group), "{group}");
            }
        }
    }
}
