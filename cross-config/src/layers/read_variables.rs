//! Variables as written: the names of the registry to values, all problems at once.

use std::ffi::OsStr;

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::keys::key::{Key, Level};
use crate::keys::key_values::Values;
use crate::keys::table::{ALIASES, KEYS};
use crate::layers::layer_values::Written;
use crate::layers::unsupported::{self, REMOTE};
use crate::settings::Settings;
use crate::settings::table::SETTINGS;
use crate::text::nearest::nearest;
use crate::variables::env::Env;
use crate::variables::{self, BUILD_PREFIX, CONTAINER_PREFIX, CROSS_TARGET_RUNNER, TARGET_PREFIX};

/// Reads every variable of the registry that `env` has. Targets are named by their
/// [`spelling`](crate::variables::spelling), from which a triple can't be told for sure.
pub(crate) fn read(env: &Env) -> Written {
    let mut written = Written::default();
    build_level(env, &mut written);
    let named = || {
        env.iter()
            .filter_map(|(name, value)| Some((name.to_str()?, value)))
    };
    for (name, value) in named() {
        if let Some(rest) = name.strip_prefix(TARGET_PREFIX) {
            target_level(env, name, rest, value, &mut written);
        }
    }
    written.settings = Settings::read(env, &mut written.problems);
    unsupported::read(env, &mut written.problems);
    let unknown = named().filter(|(name, value)| !value.is_empty() && is_unknown(name));
    written
        .problems
        .extend(unknown.map(|(name, _)| problem_of_unknown(name)));
    written.problems.sort_by(|a, b| a.variable.cmp(&b.variable));
    written
}

/// Whether a variable that is set says something.
fn speaks(key: &Key, value: &OsStr) -> bool {
    !value.is_empty() || key.form.takes_empty()
}

/// Each key takes the first of its variables that is set.
fn build_level(env: &Env, written: &mut Written) {
    for key in KEYS {
        let set = |name: &&'static str| env.get(name).is_some_and(|it| speaks(key, it));
        let own = key.build_variables.iter().copied().find(set);
        let old = old_names(key)
            .map(|alias| alias.build_variable)
            .find(|name| set(name) && key.levels.contains(&Level::Build));
        let found = own.or(old).and_then(|name| Some((name, env.get(name)?)));
        if let Some((name, value)) = found {
            let problems = store(key, name, value, &mut written.build);
            written.problems.extend(problems);
        }
        let new = key.build_variables.first().copied().unwrap_or_default();
        let warning = old.map(|old| variables::deprecation(old, new, own.is_none()));
        written.problems.extend(warning);
    }
}

fn old_names(key: &Key) -> impl Iterator<Item = &'static crate::keys::key::Alias> {
    ALIASES.iter().filter(|alias| alias.key == key.name)
}

fn target_level(env: &Env, name: &str, rest: &str, value: &OsStr, written: &mut Written) {
    let Some(Suffix { triple, key, old }) = split(rest) else {
        return;
    };
    if !speaks(key, value) {
        return;
    }
    let suffix = key.target_suffix.unwrap_or_default();
    if old {
        let new = variables::for_target(triple, suffix);
        let is_read = env.get(&new).is_none_or(|it| !speaks(key, it));
        written
            .problems
            .push(variables::deprecation(name, &new, is_read));
        if !is_read {
            return;
        }
    }
    let values = written.targets.entry(triple.replace('.', "_")).or_default();
    written.problems.extend(store(key, name, value, values));
}

/// What follows [`TARGET_PREFIX`] in a variable's name.
struct Suffix<'n> {
    triple: &'n str,
    key: &'static Key,
    /// Whether it is an old name of the key.
    old: bool,
}

/// `AARCH64_UNKNOWN_LINUX_GNU_RUNNER` as triple and key. The longest suffix that fits wins, because
/// some suffixes end with others.
fn split(rest: &str) -> Option<Suffix<'_>> {
    let own = Key::at(Level::Target).filter_map(|key| Some((key.target_suffix?, key, false)));
    let old = ALIASES
        .iter()
        .filter_map(|alias| Some((alias.target_suffix, Key::named(alias.key)?, true)));
    let fitting = own.chain(old).filter_map(|(suffix, key, old)| {
        let triple = rest.strip_suffix(suffix)?.strip_suffix('_')?;
        (!triple.is_empty()).then_some(Suffix { triple, key, old })
    });
    fitting.min_by_key(|it| it.triple.len())
}

/// Every variable that is known whatever the target.
fn known() -> impl Iterator<Item = &'static str> {
    let keys = KEYS.iter().flat_map(|key| key.build_variables).copied();
    let settings = SETTINGS
        .iter()
        .flat_map(|it| it.variables.iter().chain(it.deprecated.as_slice()))
        .copied();
    let old = ALIASES.iter().map(|alias| alias.build_variable);
    keys.chain(settings)
        .chain(old)
        .chain(REMOTE.iter().copied())
}

/// Other programs have variables that begin with `CROSS_`; those that begin so are for us.
fn is_unknown(name: &str) -> bool {
    if let Some(rest) = name.strip_prefix(TARGET_PREFIX) {
        return name != CROSS_TARGET_RUNNER && split(rest).is_none();
    }
    let is_ours = name.starts_with(BUILD_PREFIX) || name.starts_with(CONTAINER_PREFIX);
    is_ours && !known().any(|it| it == name)
}

/// A warning only: an environment is shared by many programs.
fn problem_of_unknown(name: &str) -> Diagnostic {
    let warning =
        Diagnostic::warning(Code::UnknownVariable, "this variable means nothing").variable(name);
    let of_build = !name.starts_with(TARGET_PREFIX);
    match nearest(name, known().filter(|_| of_build)) {
        Some(meant) => warning.help(format!("did you mean `{meant}`?")),
        None => warning.help("check its spelling, or unset it"),
    }
}

fn store(key: &Key, name: &str, value: &OsStr, values: &mut Values) -> Vec<Diagnostic> {
    let Some(text) = value.to_str() else {
        return vec![
            Diagnostic::error(Code::InvalidValue, "its value is not UTF-8")
                .help("set a text, or unset it")
                .variable(name),
        ];
    };
    match key.form.read(key.name, name, text) {
        Ok(raw) => values.store(key, raw),
        Err(problem) => vec![problem],
    }
}

#[cfg(test)]
mod tests;
