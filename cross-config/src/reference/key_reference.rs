//! The reference: the table of keys and the settings as rows, from which documentation is made.

use serde::Serialize;

use crate::keys::key::{Alias, Group, Key, Level, is_below};
use crate::keys::table::{ALIASES, GROUPS, KEYS};
use crate::settings::table::{SETTINGS, Setting};
use crate::values::value_kind::Kind;
use crate::variables::TARGET_PREFIX;

/// One key of a configuration file. Texts are for people, in Markdown; lowercase fragments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyReference {
    /// The name below its table, with dots: `env.passthrough`.
    pub name: &'static str,
    /// Whether it may stand in `[build]`.
    pub build: bool,
    /// Whether it may stand in `[target.<triple>]`.
    pub target: bool,
    /// The types of value it takes.
    pub kinds: Vec<Kind>,
    /// The values it takes, if they are a closed set.
    pub values: &'static [&'static str],
    /// The variables of the key in `[build]`, the one that wins first.
    pub build_variables: Vec<&'static str>,
    /// The variable of the key in `[target.<triple>]`, with `<TRIPLE>` for the triple's spelling.
    pub target_variable: Option<String>,
    /// How the text of its variables is read, if it has any.
    pub variable_form: Option<&'static str>,
    /// What holds if nobody says anything.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// The text of a `Cross.toml` that uses it.
    pub example: &'static str,
    /// The key to write instead, if this one is an old name.
    pub replaced_by: Option<&'static str>,
}

/// One setting that only a variable says. Texts are for people, in Markdown; lowercase fragments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingReference {
    /// Its variables, the one that wins first.
    pub variables: &'static [&'static str],
    /// An old name of its first variable, which is read and reported.
    pub deprecated: Option<&'static str>,
    /// What its text may be.
    pub takes: &'static str,
    /// What holds if nobody says anything.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// A text that it takes.
    pub example: &'static str,
}

/// Every key, in the order in which they are explained: a table that may be written as one value comes
/// before its keys, and old names come last.
pub fn keys() -> impl Iterator<Item = KeyReference> {
    let keys = KEYS.iter().enumerate().flat_map(|(at, key)| {
        let started = move |group: &&Group| {
            let is_first = at == 0 || !is_below(KEYS[at - 1].name, group.name);
            is_first && is_below(key.name, group.name) && !group.shorts.is_empty()
        };
        let groups = GROUPS.iter().filter(started).map(of_group);
        groups.chain([of_key(key)])
    });
    keys.chain(ALIASES.iter().filter_map(of_alias))
}

/// Every setting that only a variable says, in the order in which they are explained.
pub fn settings() -> impl Iterator<Item = SettingReference> {
    SETTINGS.iter().map(|setting| {
        let Setting {
            variables,
            deprecated,
            takes,
            default,
            meaning,
            example,
            ..
        } = *setting;
        SettingReference {
            variables,
            deprecated,
            takes,
            default,
            meaning,
            example,
        }
    })
}

fn of_key(key: &'static Key) -> KeyReference {
    let has_variable = !key.build_variables.is_empty() || key.target_suffix.is_some();
    KeyReference {
        name: key.name,
        build: key.levels.contains(&Level::Build),
        target: key.levels.contains(&Level::Target),
        kinds: key.kinds().to_vec(),
        values: key.values,
        build_variables: key.build_variables.to_vec(),
        target_variable: key.target_suffix.map(of_target),
        variable_form: has_variable.then(|| key.form.describe()),
        default: key.default,
        meaning: key.meaning,
        example: key.example,
        replaced_by: None,
    }
}

fn of_target(suffix: &str) -> String {
    format!("{TARGET_PREFIX}<TRIPLE>_{suffix}")
}

/// Its variables are those of its keys.
fn of_group(group: &'static Group) -> KeyReference {
    let stands = |level| group.keys().any(|key| key.levels.contains(&level));
    let first = group.keys().next();
    KeyReference {
        name: group.name,
        build: stands(Level::Build),
        target: stands(Level::Target),
        kinds: group.kinds(),
        values: &[],
        build_variables: Vec::new(),
        target_variable: None,
        variable_form: None,
        default: first.map(|key| key.default).unwrap_or_default(),
        meaning: group.meaning,
        example: group.example,
        replaced_by: None,
    }
}

fn of_alias(alias: &'static Alias) -> Option<KeyReference> {
    Some(KeyReference {
        name: alias.name,
        build_variables: vec![alias.build_variable],
        target_variable: Some(of_target(alias.target_suffix)),
        meaning: "an old name, which is read and reported",
        example: "",
        replaced_by: Some(alias.key),
        ..of_key(Key::named(alias.key)?)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Config, Env, Layer};

    fn said(layer: Layer) -> Vec<String> {
        let config = Config::merge([layer]);
        config.diagnostics().map(ToString::to_string).collect()
    }

    #[test]
    fn every_example_is_read_without_a_problem_and_says_its_key() {
        for key in keys().filter(|key| key.replaced_by.is_none()) {
            let layer = Layer::cross_toml(Path::new("Cross.toml"), key.example);
            let config = Config::merge([layer.clone()]);
            let is_said = |row: &crate::Explained| {
                row.key.contains(&format!(".{}", key.name)) && row.origin.place().is_some()
            };
            assert!(config.explain().iter().any(is_said), "{}", key.name);
            assert_eq!(said(layer), [""; 0], "{}", key.name);
        }
    }

    #[test]
    fn every_example_of_a_setting_is_read_without_a_problem() {
        for setting in settings() {
            let env = Env::new().set(setting.variables[0], setting.example);
            assert_eq!(said(Layer::variables(&env)), [""; 0], "{setting:?}");
        }
    }

    #[test]
    fn every_row_is_complete() {
        for key in keys() {
            assert!(key.build || key.target, "{key:?}");
            assert!(!key.kinds.is_empty() && !key.default.is_empty(), "{key:?}");
            assert!(!key.meaning.is_empty(), "{key:?}");
            assert!(!key.meaning.ends_with('.') && !key.meaning.contains('\n'));
        }
        for setting in settings() {
            let texts = [setting.takes, setting.default, setting.meaning];
            assert!(texts.iter().all(|it| !it.is_empty()), "{setting:?}");
        }
    }

    #[test]
    fn a_table_comes_before_its_keys_and_old_names_come_last() {
        let names: Vec<_> = keys().map(|key| key.name).collect();
        let at = |name| names.iter().position(|it| *it == name).unwrap();
        assert!(at("zig") < at("zig.enable") && at("zig.image") < at("zig.image.name"));
        assert_eq!(at("zig.image") + 1, at("zig.image.name"));
        assert_eq!(names.last(), Some(&"xargo"));
        assert_eq!(names.len(), KEYS.len() + 4 + ALIASES.len());
    }

    #[test]
    fn the_key_table_of_the_crate_documentation_is_complete() {
        let docs = include_str!("../lib.rs");
        for key in KEYS {
            let name = match key.name.split_once('.') {
                Some((group, _)) if group != "env" => group,
                _ => key.name,
            };
            assert!(docs.contains(&format!("//! | `{name}` |")), "{name}");
        }
    }
}
