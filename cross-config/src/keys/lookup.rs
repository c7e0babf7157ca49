//! Lookups of keys, groups and deprecated names in the table.

use crate::keys::key::{Alias, Group, Key, Level, is_below};
use crate::keys::key_values::KeyValues;
use crate::keys::table::{ALIASES, GROUPS, KEYS};
use crate::values::value_kind::ValueKind;

impl Key {
    /// Returns the key with this dotted name, if it is allowed at `level`.
    pub(crate) fn find(name: &str, level: Level) -> Option<&'static Self> {
        Self::at(level).find(|key| key.name == name)
    }

    /// Returns the key with this dotted name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Returns all keys that are allowed at `level`.
    pub(crate) fn at(level: Level) -> impl Iterator<Item = &'static Self> {
        KEYS.iter().filter(move |key| key.levels.contains(&level))
    }

    /// The accepted types.
    pub(crate) fn kinds(&self) -> &'static [ValueKind] {
        (self.field)(&KeyValues::default()).kinds()
    }
}

impl Group {
    /// Returns the group with this dotted name, if it has keys at `level`.
    pub(crate) fn find(name: &str, level: Level) -> Option<&'static Self> {
        let group = GROUPS.iter().find(|group| group.name == name)?;
        group
            .keys()
            .any(|key| key.levels.contains(&level))
            .then_some(group)
    }

    /// The keys in the group and in its subgroups.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(|key| is_below(key.name, self.name))
    }

    /// The accepted types, including shorthands.
    pub(crate) fn kinds(&self) -> Vec<ValueKind> {
        let shorthands = self.shorthands.iter().map(|shorthand| shorthand.kind);
        shorthands.chain([ValueKind::Table]).collect()
    }
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
                .chain(ALIASES.iter().map(|alias| alias.name)),
        );
        let variables = KEYS.iter().flat_map(|key| key.build_variables).copied();
        unique(variables.chain(ALIASES.iter().map(|alias| alias.build_variable)));
        let suffixes = KEYS.iter().filter_map(|key| key.target_suffix);
        unique(suffixes.chain(ALIASES.iter().map(|alias| alias.target_suffix)));
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
                .filter_map(|text| key.variable_format.read(key.name, "X", text).ok())
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
            for shorthand in group.shorthands {
                let key = Key::named(shorthand.key).unwrap();
                assert!(is_below(key.name, group.name), "{}", key.name);
                assert!(key.kinds().contains(&shorthand.kind), "{}", key.name);
                let enabled = shorthand
                    .also_enables
                    .map(|name| Key::named(name).unwrap().kinds());
                assert!(
                    enabled.is_none_or(|kinds| kinds == [ValueKind::Boolean]),
                    "{}",
                    key.name
                );
            }
            let primary_key = group.primary_key.map(|name| Key::named(name).unwrap());
            assert!(primary_key.is_none_or(|primary_key| is_below(primary_key.name, group.name)));
        }
        for key in KEYS {
            for (at, _) in key.name.match_indices('.') {
                let group = &key.name[..at];
                assert!(GROUPS.iter().any(|known| known.name == group), "{group}");
            }
        }
    }
}
