//! The lock of the project: which environments it has, and whether it fits the configuration.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use cross_config::Settings;
use cross_engine::process::untrusted::{RegularFile, limits};

use crate::facts::environment_spec::{
    Base, EnvironmentSpec, SUITE, SpecContext, is_empty, is_hashed,
};
use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::model::lock_file::{EntryKey, LOCK_FILE, LockFile, LockedEnvironment, how_to_update};
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
    let read = read_to_update(root, &|_| false)?;
    Ok(read.map(|(file, _)| file))
}

/// Reads the lock in the directory `root` without the damaged entries of targets that
/// `is_replaced`, and returns their keys.
pub(crate) fn read_to_update(
    root: &Path,
    is_replaced: &dyn Fn(&str) -> bool,
) -> Result<Option<(LockFile, Vec<EntryKey>)>> {
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
    LockFile::parse_bytes(&bytes, &path, is_replaced).map(Some)
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
    if cross.ignores_lock() {
        return Ok(None);
    }
    let policy = Policy::of(cross, settings);
    let target = context.target.requested();
    if matches!(env_spec.base, Base::Host(_)) {
        let exists = context.workspace_root.join(LOCK_FILE).exists();
        return policy.on_host(exists, target);
    }
    let lock = read(context.workspace_root)?;
    let architecture = env_spec.locked_architecture().unwrap_or_default();
    let found = lock
        .as_ref()
        .and_then(|lock| lock.find(target, &architecture));
    let Some(environment) = found else {
        return policy.missing(lock.is_some(), target, &architecture);
    };
    check_fits(environment, env_spec)?;
    let snapshot = context.config.snapshot.as_ref();
    env_spec.lock(environment, snapshot.map(|key| key.value.as_str()));
    Ok(None)
}

/// Whether the value of a variable turns it off: the words that CROSS_FROZEN takes.
fn is_off(value: &str) -> bool {
    let words = ["", "0", "false", "no", "off"];
    let value = value.trim();
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// What is refused if a lock does not have it.
pub(crate) struct Policy {
    /// What the caller of the library says, which counts before the variable.
    caller: Option<bool>,
    variable: Option<bool>,
    is_ci: bool,
}

impl Policy {
    pub(crate) fn of(cross: &Cross, settings: &Settings) -> Self {
        let ci = cross.text_variable(CI);
        Policy {
            caller: cross.frozen_by_caller(),
            variable: settings.frozen.as_ref().map(|key| key.value),
            is_ci: ci.is_some_and(|value| !is_off(value)),
        }
    }

    /// What the caller or the variable says.
    fn asked(&self) -> Option<bool> {
        self.caller.or(self.variable)
    }

    /// Whether the caller or the variable freezes the lock. What a CI system sets does not count.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked() == Some(true)
    }

    /// What ends the freezing. What the caller says, the variable does not change.
    pub(crate) fn remedy(&self) -> &'static str {
        match self.caller {
            Some(_) => "`Cross::frozen(false)`",
            None => "CROSS_FROZEN=0",
        }
    }

    /// The answer if the lock does not have the target, or does not exist.
    fn missing(&self, exists: bool, target: &str, architecture: &str) -> Result<Option<Warning>> {
        let command = format!("cargo xtask lock --target {target}");
        let not_there = format!("{LOCK_FILE} does not have `{target}` (on {architecture})");
        if self.asked().unwrap_or(self.is_ci && exists) {
            let message = match exists {
                true => format!("{not_there}, and is frozen"),
                false => format!("there is no {LOCK_FILE}, which `frozen` requires"),
            };
            // To lock is refused, too, where it is asked for.
            let (with, variable) = match (self.caller, self.variable) {
                (Some(_), _) => (" with `Cross::frozen(false)`", ""),
                (None, Some(_)) => ("", "CROSS_FROZEN=0 "),
                (None, None) => ("", ""),
            };
            let help = format!(
                "lock it{with}: `{variable}{command}` (`Cross::lock`), and commit {LOCK_FILE}; {} \
                 builds without it",
                self.remedy()
            );
            return Err(Error::new(ErrorKind::Lock, message).with_help(help));
        }
        Ok(exists.then(|| Warning {
            code: "not-locked".to_owned(),
            message: format!("{not_there}, so its environment is made of the newest packages"),
            help: Some(format!("lock it: `{command}` (`Cross::lock`)")),
        }))
    }

    /// The answer on the engine `host`. It is chosen by name, so a CI system alone refuses nothing.
    fn on_host(&self, exists: bool, target: &str) -> Result<Option<Warning>> {
        let message = format!(
            "the engine `host` builds `{target}` with the tools of this machine, which no lock has"
        );
        if self.is_asked() {
            let message = format!("{message}, and `frozen` requires one");
            let help = format!(
                "name another engine (`engine`, CROSS_CONTAINER_ENGINE), or build without \
                 `frozen`: {}",
                self.remedy()
            );
            return Err(Error::new(ErrorKind::Lock, message).with_help(help));
        }
        Ok(exists.then(|| Warning {
            code: "not-locked".to_owned(),
            message,
            help: Some("another engine makes what Cross.lock says".to_owned()),
        }))
    }
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
    let recipe = env_spec.recipe().map(|named| &named.sha256);
    let is_same_recipe = recipe == environment.recipe.as_ref();
    let changes = changes(&environment.keys, &env_spec.deciding_keys, is_same_recipe);
    if !changes.is_empty() {
        return stale(changes.join(", "));
    }
    if !is_same_recipe {
        return stale("this version of the library makes it from another recipe".to_owned());
    }
    if let Some(word) = env_spec.unreadable_images().first() {
        return stale(format!("it has no digest of the image in `{word}`"));
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
fn changes(
    locked: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    is_same_recipe: bool,
) -> Vec<String> {
    let mut keys: Vec<_> = locked.keys().chain(now.keys()).collect();
    keys.sort();
    keys.dedup();
    let value = |values: &BTreeMap<String, String>, key: &str| {
        let value = values.get(key);
        value.map_or("unset".to_owned(), |value| format!("`{value}`"))
    };
    let changed = keys.into_iter().filter(|key| {
        let (before, after) = (locked.get(*key), now.get(*key));
        // The recipe names the suite. Its default may be written out.
        let is_default = *key == SUITE && is_same_recipe && (before.is_none() || after.is_none());
        let has_value = |value: Option<&String>| value.is_some_and(|value| !is_empty(key, value));
        before != after && !is_default && (has_value(before) || has_value(after))
    });
    let change = |key: &String| match is_hashed(key) {
        true => format!("`{key}` changed"),
        false => {
            let (before, after) = (value(locked, key), value(now, key));
            format!("`{key}` was {before} and is {after}")
        }
    };
    changed.map(change).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    #[test]
    fn a_change_is_told_by_values_that_a_user_wrote() {
        let keys = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            let owned = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            owned.collect::<BTreeMap<_, _>>()
        };
        let none = keys(&[]);
        let changes_of = |now: &[(&str, &str)]| changes(&none, &keys(now), false);
        assert_eq!(
            changes_of(&[("packages", "x"), ("pre-build", "f070dee5da74")]),
            ["`packages` was unset and is `x`", "`pre-build` changed"]
        );
        let no_arguments = crate::model::hash::short_hash("{}", 12);
        let arguments = ("dockerfile.build-args", &*no_arguments);
        assert!(changes_of(&[arguments]).is_empty());
        assert_eq!(
            changes_of(&[("dockerfile.file", "0"), arguments]),
            ["`dockerfile.file` changed"]
        );
        let suite = keys(&[("suite", "bookworm")]);
        assert!(changes(&none, &suite, true).is_empty());
        assert!(changes(&suite, &none, true).is_empty());
        assert_eq!(
            changes(&none, &suite, false),
            ["`suite` was unset and is `bookworm`"]
        );
    }

    #[test]
    fn the_remedy_is_for_who_froze_the_lock() {
        let (code, variable) = ("`Cross::frozen(false)`", "CROSS_FROZEN=0");
        for (caller, set, remedy, other) in [
            (Some(true), None, code, variable),
            (Some(true), Some(true), code, variable),
            (None, Some(true), variable, code),
        ] {
            let policy = Policy {
                caller,
                variable: set,
                is_ci: true,
            };
            for refused in [
                policy.missing(true, "a", "amd64"),
                policy.on_host(true, "a"),
            ] {
                let error = refused.unwrap_err();
                let help = error.help().unwrap();
                assert!(help.contains(remedy) && !help.contains(other), "{help}");
            }
        }
    }

    #[test]
    fn the_words_that_turn_a_variable_off_are_those_of_every_flag() {
        for off in ["", "0", "no", "No", "off", "false", "FALSE", " "] {
            assert!(is_off(off), "{off}");
        }
        for on in ["1", "true", "yes", "woodpecker"] {
            assert!(!is_off(on), "{on}");
        }
    }

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
