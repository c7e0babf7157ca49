//! The table of keys: one line per key that is served. A new key is a line here and a field in
//! `Values`.

use crate::values::{Shown, Slot, Values};
use crate::variables::{
    CARGO_BUILD_TARGET, CROSS_BUILD_ENV_PASSTHROUGH, CROSS_BUILD_NETWORK, CROSS_BUILD_PACKAGES,
    CROSS_BUILD_SUITE, CROSS_BUILD_TARGET, CROSS_BUILD_TARGETS, CROSS_BUILD_TOOLCHAIN,
    CROSS_CONTAINER_ENGINE, TARGET_ENV_PASSTHROUGH, TARGET_NETWORK, TARGET_PACKAGES, TARGET_RUNNER,
    TARGET_SUITE, TARGET_TOOLCHAIN,
};

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

/// One key.
pub(crate) struct Key {
    /// Its name below the table, with dots: `env.passthrough`.
    pub(crate) name: &'static str,
    /// Where it may stand.
    pub(crate) levels: &'static [Level],
    /// Its variables for `[build]`, the one that wins first.
    pub(crate) build_variables: &'static [&'static str],
    /// The suffix of its variable for `[target.<triple>]`.
    pub(crate) target_suffix: Option<&'static str>,
    /// Whether its lists are added up over sources; otherwise the highest source replaces the others.
    pub(crate) sums: bool,
    /// Its field, to write.
    pub(crate) slot: fn(&mut Values) -> Slot<'_>,
    /// Its field, to show.
    pub(crate) shown: fn(&Values) -> &dyn Shown,
}

const BUILD: &[Level] = &[Level::Build];
const TARGET: &[Level] = &[Level::Target];
const BOTH: &[Level] = &[Level::Build, Level::Target];

macro_rules! key {
    ($name:literal, $shape:ident($field:ident), $levels:expr, $build:expr, $target:expr) => {
        key!($name, $shape($field), $levels, $build, $target, sums: false)
    };
    ($name:literal, $shape:ident($field:ident), $levels:expr, $build:expr, $target:expr, sums: $sums:literal) => {
        Key {
            name: $name,
            levels: $levels,
            build_variables: &$build,
            target_suffix: $target,
            sums: $sums,
            slot: |values| Slot::$shape(&mut values.$field),
            shown: |values| &values.$field,
        }
    };
}

/// Every key that is served, in the order in which they are explained.
#[rustfmt::skip]
pub(crate) static KEYS: &[Key] = &[
    key!("default-target", Text(default_target), BUILD, [CROSS_BUILD_TARGET, CARGO_BUILD_TARGET], None),
    key!("targets", List(targets), BUILD, [CROSS_BUILD_TARGETS], None),
    key!("engine", Text(engine), BUILD, [CROSS_CONTAINER_ENGINE], None),
    key!("toolchain", Text(toolchain), BOTH, [CROSS_BUILD_TOOLCHAIN], Some(TARGET_TOOLCHAIN)),
    key!("network", Text(network), BOTH, [CROSS_BUILD_NETWORK], Some(TARGET_NETWORK)),
    key!("suite", Text(suite), BOTH, [CROSS_BUILD_SUITE], Some(TARGET_SUITE)),
    key!("packages", List(packages), BOTH, [CROSS_BUILD_PACKAGES], Some(TARGET_PACKAGES)),
    key!("env.passthrough", List(passthrough), BOTH, [CROSS_BUILD_ENV_PASSTHROUGH], Some(TARGET_ENV_PASSTHROUGH), sums: true),
    key!("runner", Text(runner), TARGET, [], Some(TARGET_RUNNER)),
];

impl Key {
    /// The key with this dotted name that may stand at `level`.
    pub(crate) fn find(name: &str, level: Level) -> Option<&'static Self> {
        Self::at(level).find(|key| key.name == name)
    }

    /// Every key that may stand at `level`.
    pub(crate) fn at(level: Level) -> impl Iterator<Item = &'static Self> {
        KEYS.iter().filter(move |key| key.levels.contains(&level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_variables_are_unique() {
        let names: BTreeSet<_> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), KEYS.len());
        let variables: Vec<_> = KEYS.iter().flat_map(|key| key.build_variables).collect();
        let suffixes: Vec<_> = KEYS.iter().filter_map(|key| key.target_suffix).collect();
        assert_eq!(
            variables.iter().collect::<BTreeSet<_>>().len(),
            variables.len()
        );
        assert_eq!(
            suffixes.iter().collect::<BTreeSet<_>>().len(),
            suffixes.len()
        );
    }

    #[test]
    fn a_key_has_a_variable_for_each_level_it_stands_at() {
        for key in KEYS {
            assert_eq!(
                key.levels.contains(&Level::Build),
                !key.build_variables.is_empty(),
                "{}",
                key.name
            );
            assert_eq!(
                key.levels.contains(&Level::Target),
                key.target_suffix.is_some(),
                "{}",
                key.name
            );
        }
    }
}
