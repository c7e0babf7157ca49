//! The lock of the project: which environments it has, and whether it fits the configuration.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use cross_config::Settings;

use crate::facts::environment_name::build_architecture;
use crate::facts::environment_spec::{Base, EnvironmentSpec, SpecContext};
use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::model::lock_file::{LOCK_FILE, LockFile, LockedEnvironment, how_to_update};
use crate::model::step::Warning;
use crate::request::cross::Cross;

/// The variable that CI systems set.
const CI: &str = "CI";

/// Reads the lock in the directory `root`; `None` if there is none.
pub(crate) fn read(root: &Path) -> Result<Option<LockFile>> {
    let path = root.join(LOCK_FILE);
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => LockFile::parse_bytes(&bytes.on("read", &path)?, &path).map(Some),
    }
}

/// Makes `env_spec` that of the lock, if the project has one. Returns a warning if the lock does
/// not have the target.
pub(crate) fn apply(
    env_spec: &mut EnvironmentSpec,
    context: &SpecContext<'_>,
    cross: &Cross,
    settings: &Settings,
) -> Result<Option<Warning>> {
    env_spec.find_deciding_keys(context);
    if cross.ignores_lock() || matches!(env_spec.base, Base::Host(_)) {
        return Ok(None);
    }
    let lock = read(context.workspace_root)?;
    let target = context.target.requested();
    let architecture = build_architecture()
        .map(|it| it.to_string())
        .unwrap_or_default();
    let found = lock
        .as_ref()
        .and_then(|lock| lock.find(target, &architecture));
    let Some(environment) = found else {
        return missing(lock.is_some(), target, &architecture, cross, settings);
    };
    check_fits(environment, env_spec)?;
    let snapshot = context.config.snapshot.as_ref();
    env_spec.lock(environment, snapshot.map(|key| key.value.as_str()));
    Ok(None)
}

/// The answer if the lock does not have the target, or `exists` not.
fn missing(
    exists: bool,
    target: &str,
    architecture: &str,
    cross: &Cross,
    settings: &Settings,
) -> Result<Option<Warning>> {
    let set = settings.frozen.as_ref().map(|key| key.value);
    let is_ci = cross
        .text_variable(CI)
        .is_some_and(|value| value != "false");
    let is_frozen = cross.frozen_by_caller().or(set).unwrap_or(is_ci && exists);
    let message = match exists {
        true => format!(
            "{LOCK_FILE} does not have `{target}` (on {architecture}), so its environment is made \
             of the newest packages"
        ),
        false => format!("there is no {LOCK_FILE}, which `frozen` requires"),
    };
    let help = format!("lock it: `cargo xtask lock --target {target}` (`Cross::lock`)");
    if is_frozen {
        let message = match exists {
            true => {
                format!("{LOCK_FILE} does not have `{target}` (on {architecture}), and is frozen")
            }
            false => message,
        };
        let help = format!("{help}, and commit {LOCK_FILE}; CROSS_FROZEN=0 builds without it");
        return Err(Error::new(ErrorKind::Lock, message).with_help(help));
    }
    Ok(exists.then(|| Warning {
        code: "not-locked".to_owned(),
        message,
        help: Some(help),
    }))
}

/// Checks that the lock is of the configuration as it is now.
pub(crate) fn check_fits(
    environment: &LockedEnvironment,
    env_spec: &EnvironmentSpec,
) -> Result<()> {
    let target = &environment.target;
    let stale = |why: String| {
        let message = format!("{LOCK_FILE} does not fit `{target}` any more: {why}");
        let help = format!(
            "{}, or undo the change of the configuration",
            how_to_update(target)
        );
        Err(Error::new(ErrorKind::Lock, message).with_help(help))
    };
    let changes = changes(&environment.keys, &env_spec.deciding_keys);
    if !changes.is_empty() {
        return stale(changes.join(", "));
    }
    let recipe = env_spec.recipe().map(|named| &named.sha256);
    if recipe != environment.recipe.as_ref() {
        return stale("this version of the library makes it from another recipe".to_owned());
    }
    let images = env_spec.registry_images();
    match images
        .iter()
        .find(|image| !environment.images.contains_key(*image))
    {
        Some(image) => stale(format!("it has no digest of the image `{image}`")),
        None => Ok(()),
    }
}

/// The keys that differ, with both values.
fn changes(locked: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut keys: Vec<_> = locked.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    let value = |values: &BTreeMap<String, String>, key: &String| {
        let value = values.get(key);
        value.map_or("unset".to_owned(), |value| format!("`{value}`"))
    };
    keys.into_iter()
        .filter(|key| locked.get(*key) != now.get(*key))
        .map(|key| {
            let (before, after) = (value(locked, key), value(now, key));
            format!("`{key}` was {before} and is {after}")
        })
        .collect()
}
