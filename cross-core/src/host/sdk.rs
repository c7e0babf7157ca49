//! The user's SDK, which completes the recipe of a target whose libraries no distribution packages.
//!
//! Finds the SDK's directory, checks it, and turns it into the mount and variables of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_config::{Env, TargetConfig};
use cross_engine::Mount;
use cross_targets::{Sdk, Target};

use crate::model::error::{Error, ErrorKind, IoContext as _, Result};

/// An SDK that has everything that the recipe needs from it.
#[derive(Clone, Debug)]
pub(crate) struct UserSdk {
    /// The path that the user gave.
    pub(crate) path: PathBuf,
    /// The path with symbolic links resolved.
    real: PathBuf,
    /// The variables by which the recipe's programs find the SDK.
    pub(crate) env: BTreeMap<String, String>,
}

impl UserSdk {
    /// Mounts the SDK read-only at the path that the user gave.
    pub(crate) fn mount(&self) -> Mount {
        Mount::read(&self.real).at(&self.path)
    }
}

/// Finds the SDK for `target`: the configured one, else the one that the SDK's own variables name.
/// A relative path in a variable is relative to `dir`.
pub(crate) fn find(
    target: Target,
    config: &TargetConfig,
    env: &Env,
    dir: &Path,
) -> Result<Option<UserSdk>> {
    let configured = config.sdk.as_ref();
    let Some(sdk) = target.facts().sdk else {
        return match configured {
            Some(key) => Err(unsupported(target, &key.origin.to_string())),
            None => Ok(None),
        };
    };
    let by_key = configured.map(|key| (key.value.clone(), format!("`sdk`, {}", key.origin)));
    let by_variable = || {
        let mut variables = sdk.variables().iter();
        variables.find_map(|name| {
            let value = env.get(name).filter(|value| !value.is_empty())?;
            Some((dir.join(value), (*name).to_owned()))
        })
    };
    match by_key.or_else(by_variable) {
        Some((path, origin)) => check(target, sdk, path, &origin).map(Some),
        None => Ok(None),
    }
}

/// Checks that the SDK at `path`, which `origin` names, has everything that the recipe needs.
fn check(target: Target, sdk: Sdk, path: PathBuf, origin: &str) -> Result<UserSdk> {
    let invalid = |problem: String| {
        let message = format!(
            "`{}` ({origin}) is not {}: {problem}",
            path.display(),
            sdk.describe()
        );
        Error::new(ErrorKind::Config, message).with_help(format!(
            "correct {origin}, or remove it to use the published image"
        ))
    };
    if !path.is_dir() {
        return Err(invalid("there is no such directory".to_owned()));
    }
    for alternatives in sdk.required_paths() {
        if !alternatives.iter().any(|part| path.join(part).exists()) {
            return Err(invalid(format!("it has no {}", alternatives.join(" or "))));
        }
    }
    let api = match sdk.compiler_dir() {
        Some(directory) => {
            let names = names_in(&path.join(directory))?;
            let api = sdk.api(names.iter().map(String::as_str));
            let compiler = || sdk.compiler().unwrap_or_default();
            Some(api.ok_or_else(|| invalid(format!("it has no {}", compiler())))?)
        }
        None => None,
    };
    let shown = path.to_str().ok_or_else(|| {
        let message = format!("the path `{}` ({origin}) is not UTF-8", path.display());
        Error::new(ErrorKind::Path, message).with_help("move the SDK to a path that is UTF-8")
    })?;
    Ok(UserSdk {
        real: path.canonicalize().on("find", &path)?,
        env: target.sdk_env(shown, api),
        path,
    })
}

/// The names of the entries of `directory` that are UTF-8.
fn names_in(directory: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(directory).on("read", directory)?;
    let names = entries.flatten().map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.into_string().ok()).collect())
}

/// The error for the key `sdk` of a target that takes none.
fn unsupported(target: Target, origin: &str) -> Error {
    let message = format!("`sdk` ({origin}) has no meaning for {target}");
    Error::new(ErrorKind::Config, message).with_help(
        "remove it: the key is for Android, Solaris, illumos and DragonFly, whose libraries no \
         distribution packages",
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cross_config::{Config, Layer};

    use super::*;

    const ANDROID: &str = "aarch64-linux-android";
    const ILLUMOS: &str = "x86_64-unknown-illumos";
    const PROGRAMS: &str = "toolchains/llvm/prebuilt/linux-x86_64/bin";

    /// A directory with these files in it.
    fn directory(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        dir
    }

    fn ndk(compilers: &[&str]) -> tempfile::TempDir {
        let mut files = vec![format!("{PROGRAMS}/llvm-ar")];
        files.extend(compilers.iter().map(|name| format!("{PROGRAMS}/{name}")));
        directory(&files.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn found(triple: &str, sdk: Option<&Path>, env: &Env) -> Result<Option<UserSdk>> {
        let text = sdk.map_or(String::new(), |path| {
            format!("[target.{triple}]\nsdk = {:?}\n", path.display())
        });
        let file = Layer::cross_toml(Path::new("/w/Cross.toml"), &text);
        let config = Config::merge([file]).for_target(triple);
        let target = Target::parse(triple).unwrap();
        find(target, &config, env, Path::new("/w"))
    }

    #[test]
    fn no_sdk_is_found_unless_one_is_named() {
        for triple in [ANDROID, ILLUMOS, "s390x-unknown-linux-gnu"] {
            assert!(found(triple, None, &Env::new()).unwrap().is_none());
        }
    }

    #[test]
    fn the_key_overrides_the_variables_and_home_overrides_root() {
        let [key, home, root] = [(); 3].map(|()| ndk(&["aarch64-linux-android21-clang"]));
        let set = |env: Env, name, dir: &tempfile::TempDir| env.set(name, dir.path());
        let path = |key, env| found(ANDROID, key, &env).unwrap().unwrap().path;
        let root_only = set(Env::new(), "ANDROID_NDK_ROOT", &root);
        assert_eq!(path(None, root_only.clone()), root.path());
        let both = set(root_only.clone(), "ANDROID_NDK_HOME", &home);
        assert_eq!(path(None, both.clone()), home.path());
        assert_eq!(path(Some(key.path()), both), key.path());
        let empty = root_only.set("ANDROID_NDK_HOME", "");
        assert_eq!(path(None, empty), root.path());
    }

    #[test]
    fn the_api_level_is_the_ndks_lowest() {
        let ndk = ndk(&[
            "aarch64-linux-android24-clang",
            "aarch64-linux-android35-clang",
        ]);
        let found = found(ANDROID, Some(ndk.path()), &Env::new())
            .unwrap()
            .unwrap();
        assert_eq!(found.env["CROSS_ANDROID_API"], "24");
        let path = ndk.path().to_str().unwrap();
        assert_eq!(found.env["ANDROID_NDK_HOME"], path);
        assert_eq!(found.env["ANDROID_NDK_ROOT"], path);
    }

    #[test]
    fn an_incomplete_sdk_is_reported_with_its_path_and_origin() {
        let nowhere = Path::new("/nonexistent/ndk");
        let empty = directory(&[]);
        let others = ndk(&["x86_64-linux-android21-clang"]);
        let no_library = directory(&["usr/include/stdio.h"]);
        for (triple, dir, missing) in [
            (ANDROID, nowhere, "there is no such directory"),
            (
                ANDROID,
                empty.path(),
                "it has no toolchains/llvm/prebuilt/linux-x86_64/bin",
            ),
            (
                ANDROID,
                others.path(),
                "bin/aarch64-linux-android<API>-clang",
            ),
            (ILLUMOS, empty.path(), "it has no usr/include"),
            (
                ILLUMOS,
                no_library.path(),
                "it has no usr/lib or usr/lib/amd64",
            ),
        ] {
            let error = found(triple, Some(dir), &Env::new()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let said = error.to_string();
            let named = format!("`{}` (`sdk`, /w/Cross.toml:2:7)", dir.display());
            assert!(
                said.starts_with(&named) && said.ends_with(missing),
                "{said}"
            );
            assert!(error.help().unwrap().contains("published image"));
        }
        let env = Env::new().set("ANDROID_NDK_ROOT", nowhere);
        let error = found(ANDROID, None, &env).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("(ANDROID_NDK_ROOT) is not Android's NDK"),
            "{said}"
        );
    }

    #[test]
    fn a_target_without_an_sdk_refuses_the_key() {
        let any = directory(&[]);
        let error = found("s390x-unknown-linux-gnu", Some(any.path()), &Env::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error
                .to_string()
                .contains("has no meaning for s390x-unknown-linux-gnu")
        );
    }
}
