//! Reference rows for keys and settings, from which documentation is generated.

use serde::Serialize;

use crate::keys::key::{Alias, Group, Key, Level, is_below};
use crate::keys::table::{ALIASES, GROUPS, KEYS};
use crate::settings::table::{SETTINGS, Setting};
use crate::values::value_kind::ValueKind;
use crate::variables::TARGET_PREFIX;

/// A key of a configuration file. Texts are lowercase Markdown fragments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyReference {
    /// The name within its table, with dots: `env.passthrough`.
    pub name: &'static str,
    /// Whether the key is allowed in `[build]`.
    pub build: bool,
    /// Whether the key is allowed in `[target.<triple>]`.
    pub target: bool,
    /// The accepted types of value.
    pub kinds: Vec<ValueKind>,
    /// The accepted values, if they are a closed set.
    pub values: &'static [&'static str],
    /// The variables for `[build]`, highest precedence first.
    pub build_variables: Vec<&'static str>,
    /// The variable for `[target.<triple>]`, with `<TRIPLE>` as a placeholder for the triple.
    pub target_variable: Option<String>,
    /// The format of the variables, if the key has any.
    pub variable_format: Option<&'static str>,
    /// The default.
    pub default: &'static str,
    /// The meaning.
    pub meaning: &'static str,
    /// An example `Cross.toml`.
    pub example: &'static str,
    /// The replacement, if this is a deprecated name.
    pub replaced_by: Option<&'static str>,
}

/// A setting that only has a variable. Texts are lowercase Markdown fragments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingReference {
    /// The variables, highest precedence first.
    pub variables: &'static [&'static str],
    /// A deprecated name of the first variable. It is still read, with a warning.
    pub deprecated: Option<&'static str>,
    /// The accepted values.
    pub takes: &'static str,
    /// The default.
    pub default: &'static str,
    /// The meaning.
    pub meaning: &'static str,
    /// An example value.
    pub example: &'static str,
}

/// All keys, in the order of explanations. A table that has a shorthand comes before its keys, and
/// deprecated names come last.
pub fn keys() -> impl Iterator<Item = KeyReference> {
    let keys = KEYS.iter().enumerate().flat_map(|(at, key)| {
        let started = move |group: &&Group| {
            let is_first = at == 0 || !is_below(KEYS[at - 1].name, group.name);
            is_first && is_below(key.name, group.name) && !group.shorthands.is_empty()
        };
        let groups = GROUPS.iter().filter(started).map(group_row);
        groups.chain([key_row(key)])
    });
    keys.chain(ALIASES.iter().filter_map(alias_row))
}

/// All settings that only have a variable, in the order of explanations.
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

fn key_row(key: &'static Key) -> KeyReference {
    let has_variable = !key.build_variables.is_empty() || key.target_suffix.is_some();
    KeyReference {
        name: key.name,
        build: key.levels.contains(&Level::Build),
        target: key.levels.contains(&Level::Target),
        kinds: key.kinds().to_vec(),
        values: key.values,
        build_variables: key.build_variables.to_vec(),
        target_variable: key.target_suffix.map(of_target),
        variable_format: has_variable.then(|| key.variable_format.describe()),
        default: key.default,
        meaning: key.meaning,
        example: key.example,
        replaced_by: None,
    }
}

fn of_target(suffix: &str) -> String {
    format!("{TARGET_PREFIX}<TRIPLE>_{suffix}")
}

/// A group has no variables; its keys do.
fn group_row(group: &'static Group) -> KeyReference {
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
        variable_format: None,
        default: first.map(|key| key.default).unwrap_or_default(),
        meaning: group.meaning,
        example: group.example,
        replaced_by: None,
    }
}

fn alias_row(alias: &'static Alias) -> Option<KeyReference> {
    Some(KeyReference {
        name: alias.name,
        build_variables: vec![alias.build_variable],
        target_variable: Some(of_target(alias.target_suffix)),
        meaning: "a deprecated name, which is still read with a warning",
        example: "",
        replaced_by: Some(alias.key),
        ..key_row(Key::named(alias.key)?)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{Config, Env, Layer};

    fn messages(layer: Layer) -> Vec<String> {
        let config = Config::merge([layer]);
        config.diagnostics().map(ToString::to_string).collect()
    }

    #[test]
    fn every_example_is_read_without_a_problem_and_says_its_key() {
        for key in keys().filter(|key| key.replaced_by.is_none()) {
            let layer = Layer::cross_toml(Path::new("Cross.toml"), key.example);
            let config = Config::merge([layer.clone()]);
            let is_said = |row: &crate::ExplainedValue| {
                row.key.contains(&format!(".{}", key.name)) && row.origin.location().is_some()
            };
            assert!(config.explain().iter().any(is_said), "{}", key.name);
            assert_eq!(messages(layer), [""; 0], "{}", key.name);
        }
    }

    #[test]
    fn every_example_of_a_setting_is_read_without_a_problem() {
        for setting in settings() {
            let env = Env::new().set(setting.variables[0], setting.example);
            assert_eq!(messages(Layer::variables(&env)), [""; 0], "{setting:?}");
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
            assert!(texts.iter().all(|text| !text.is_empty()), "{setting:?}");
        }
    }

    #[test]
    fn a_table_comes_before_its_keys_and_old_names_come_last() {
        let names: Vec<_> = keys().map(|key| key.name).collect();
        let at = |name| names.iter().position(|known| *known == name).unwrap();
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
