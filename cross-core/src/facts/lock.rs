//! The lock of the project: which environments it has, and whether it fits the configuration.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use cross_config::Settings;
use cross_engine::process::untrusted::{RegularFile, limits};

use crate::facts::environment_name::build_architecture;
use crate::facts::environment_spec::{Base, EnvironmentSpec, SpecContext};
use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::model::lock_file::{LOCK_FILE, LockFile, LockedEnvironment, how_to_update};
use crate::model::step::Warning;
use crate::request::cross::Cross;

/// The variable that CI systems set.
const CI: &str = "CI";
/// The command that writes a lock.
const LOCK: &str = "cargo xtask lock";
/// The largest lock. An environment takes some 50 KiB of it.
const LIMIT: u64 = 4 * limits::SOURCE;

/// Reads the lock in the directory `root`; `None` if there is none.
pub(crate) fn read(root: &Path) -> Result<Option<LockFile>> {
    let path = root.join(LOCK_FILE);
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.on("read", &path)?,
    };
    // A link may lead to it. One that leads nowhere does not mean that nothing is locked.
    let bytes = RegularFile::open(&path).and_then(|file| file.bytes(LIMIT));
    let bytes = bytes.map_err(|error| {
        let cause = match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        let help = format!("restore it from the repository, or remove it: `{LOCK}` writes another");
        Error::new(
            ErrorKind::Lock,
            format!("{LOCK_FILE} is of no use: {cause}"),
        )
        .with_help(help)
    })?;
    LockFile::parse_bytes(&bytes, &path).map(Some)
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    #[test]
    fn a_lock_that_is_no_file_is_told_from_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_FILE);
        assert!(read(dir.path()).unwrap().is_none());
        let is_refused = |why: &str| {
            let error = read(dir.path()).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Lock, "{error}");
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.help().unwrap().contains(LOCK), "{error}");
            fs::remove_file(&path).unwrap();
        };
        symlink(dir.path().join("gone"), &path).unwrap();
        is_refused("No such file");
        symlink("/dev/zero", &path).unwrap();
        is_refused("not a regular file");
        crate::facts::git_settings::tests::named_pipe(&path);
        is_refused("not a regular file");
        File::create(&path).unwrap().set_len(LIMIT + 1).unwrap();
        is_refused("it is longer than");
        fs::write(dir.path().join("elsewhere"), "version = 1\n").unwrap();
        symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(read(dir.path()).unwrap().is_some(), "the user's link");
    }
}
