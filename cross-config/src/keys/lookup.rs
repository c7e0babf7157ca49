//! Finds keys, groups and old names in the table.

use crate::keys::key::{Alias, Group, Key, Level, is_below};
use crate::keys::key_values::Values;
use crate::keys::table::{ALIASES, GROUPS, KEYS};
use crate::values::value_kind::Kind;

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
