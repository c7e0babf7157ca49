//! Reads values from environment variables.

use std::ffi::OsStr;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::keys::key::{Alias, Key, Level};
use crate::keys::key_values::KeyValues;
use crate::keys::table::{ALIASES, KEYS};
use crate::layers::layer_values::LayerValues;
use crate::settings::Settings;
use crate::settings::table::SETTINGS;
use crate::text::nearest::nearest;
use crate::variables::env::Env;
use crate::variables::{self, BUILD_PREFIX, CONTAINER_PREFIX, CROSS_TARGET_RUNNER, TARGET_PREFIX};

/// Reads all registered variables of `env`. Targets are keyed by their [spelling in
/// variables](crate::variables::triple_in_variable), from which the triple is ambiguous.
pub(crate) fn read(env: &Env) -> LayerValues {
    let mut layer_values = LayerValues::default();
    build_level(env, &mut layer_values);
    let utf8_variables = || {
        env.iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value)))
    };
    for (name, value) in utf8_variables() {
        if let Some(rest) = name.strip_prefix(TARGET_PREFIX) {
            target_level(env, name, rest, value, &mut layer_values);
        }
    }
    layer_values.settings = Settings::read(env, &mut layer_values.problems);
    let unknown = utf8_variables().filter(|(name, value)| !value.is_empty() && is_unknown(name));
    layer_values
        .problems
        .extend(unknown.map(|(name, _)| unknown_variable(name)));
    layer_values
        .problems
        .sort_by(|a, b| a.variable.cmp(&b.variable));
    layer_values
}

/// Whether a variable with this value counts as set.
fn counts_as_set(key: &Key, value: &OsStr) -> bool {
    !value.is_empty() || key.variable_format.accepts_empty()
}

/// Stores, for each key, the first of its variables that is set.
fn build_level(env: &Env, layer_values: &mut LayerValues) {
    for key in KEYS {
        let is_set =
            |name: &&'static str| env.get(name).is_some_and(|value| counts_as_set(key, value));
        let current = key.build_variables.iter().copied().find(is_set);
        let deprecated = aliases_of(key)
            .map(|alias| alias.build_variable)
            .find(|name| is_set(name) && key.levels.contains(&Level::Build));
        let found = current
            .or(deprecated)
            .and_then(|name| Some((name, env.get(name)?)));
        if let Some((name, value)) = found {
            let problems = store(key, name, value, &mut layer_values.build);
            layer_values.problems.extend(problems);
        }
        let replacement = key.build_variables.first().copied().unwrap_or_default();
        let warning = deprecated
            .map(|deprecated| variables::deprecation(deprecated, replacement, current.is_none()));
        layer_values.problems.extend(warning);
    }
}

fn aliases_of(key: &Key) -> impl Iterator<Item = &'static Alias> {
    ALIASES.iter().filter(|alias| alias.key == key.name)
}

fn target_level(env: &Env, name: &str, rest: &str, value: &OsStr, layer_values: &mut LayerValues) {
    let Some(TargetVariable {
        triple,
        key,
        is_deprecated,
    }) = split_target_variable(rest)
    else {
        return;
    };
    if !counts_as_set(key, value) {
        return;
    }
    let suffix = key.target_suffix.unwrap_or_default();
    if is_deprecated {
        let replacement = variables::for_target(triple, suffix);
        let is_read = env
            .get(&replacement)
            .is_none_or(|value| !counts_as_set(key, value));
        layer_values
            .problems
            .push(variables::deprecation(name, &replacement, is_read));
        if !is_read {
            return;
        }
    }
    let values = layer_values
        .targets
        .entry(triple.replace('.', "_"))
        .or_default();
    layer_values
        .problems
        .extend(store(key, name, value, values));
}

/// The parts of a variable's name after [`TARGET_PREFIX`].
struct TargetVariable<'n> {
    triple: &'n str,
    key: &'static Key,
    /// Whether the suffix is a deprecated name of the key.
    is_deprecated: bool,
}

/// Splits `AARCH64_UNKNOWN_LINUX_GNU_RUNNER` into triple and key. The longest matching suffix wins,
/// because some suffixes end with others.
fn split_target_variable(rest: &str) -> Option<TargetVariable<'_>> {
    let current = Key::at(Level::Target).filter_map(|key| Some((key.target_suffix?, key, false)));
    let deprecated = ALIASES
        .iter()
        .filter_map(|alias| Some((alias.target_suffix, Key::named(alias.key)?, true)));
    let candidates = current
        .chain(deprecated)
        .filter_map(|(suffix, key, is_deprecated)| {
            let triple = rest.strip_suffix(suffix)?.strip_suffix('_')?;
            (!triple.is_empty()).then_some(TargetVariable {
                triple,
                key,
                is_deprecated,
            })
        });
    candidates.min_by_key(|suffix| suffix.triple.len())
}

/// All known variables that do not depend on a target.
fn known() -> impl Iterator<Item = &'static str> {
    let keys = KEYS.iter().flat_map(|key| key.build_variables).copied();
    let settings = SETTINGS
        .iter()
        .flat_map(|setting| {
            setting
                .variables
                .iter()
                .chain(setting.deprecated.as_slice())
        })
        .copied();
    let deprecated = ALIASES.iter().map(|alias| alias.build_variable);
    keys.chain(settings).chain(deprecated)
}

/// Only these prefixes are checked, because other programs also use variables that begin with
/// `CROSS_`.
fn is_unknown(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix(TARGET_PREFIX) {
        return name != CROSS_TARGET_RUNNER && split_target_variable(rest).is_none();
    }
    let is_ours = name.starts_with(BUILD_PREFIX) || name.starts_with(CONTAINER_PREFIX);
    is_ours && !known().any(|known| known == name)
}

/// A warning and not an error, because environments are shared by many programs.
fn unknown_variable(name: &str) -> Diagnostic {
    let warning =
        Diagnostic::warning(DiagnosticCode::UnknownVariable, "unknown variable").variable(name);
    let is_build_variable = !name.starts_with(TARGET_PREFIX);
    match nearest(name, known().filter(|_| is_build_variable)) {
        Some(name) => warning.help(format!("did you mean `{name}`?")),
        None => warning.help("check the spelling, or unset it"),
    }
}

fn store(key: &Key, name: &str, value: &OsStr, values: &mut KeyValues) -> Vec<Diagnostic> {
    let Some(text) = value.to_str() else {
        return vec![
            Diagnostic::error(DiagnosticCode::InvalidValue, "value is not valid UTF-8")
                .help("set a UTF-8 value, or unset it")
                .variable(name),
        ];
    };
    match key.variable_format.read(key.name, name, text) {
        Ok(raw) => values.store(key, raw),
        Err(problem) => vec![problem],
    }
}

#[cfg(test)]
mod tests;
