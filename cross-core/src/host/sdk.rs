//! The user's SDK, which completes the recipe of a target whose libraries no distribution packages.
//!
//! Finds the SDK's directory, checks it, and turns it into the mount and variables of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_config::{Env, TargetConfig};
use cross_engine::Mount;
use cross_engine::os;
use cross_engine::process::untrusted::{RegularFile, limits};
use cross_targets::{Sdk, Target};

use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::model::printable::printable;

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
    // Apple's variable is for one of its systems, and the request may be for another. Apple's own
    // tools and rustc ignore it then, too.
    let by_variable = || {
        let found = by_variable()?;
        let is_of_other = own_name(&found.0).is_some_and(|name| !sdk.is_called(&name));
        let has_name = matches!(sdk, Sdk::Apple { .. });
        (!has_name || !is_of_other).then_some(found)
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
        let otherwise = match (sdk.instructions(), target.facts().lacks()) {
            (Some(how), _) => format!("make one: {how}"),
            (None, Some(why)) if target.published_image().is_none() => {
                format!("remove it to build libraries only: {why}")
            }
            _ => "remove it to use the published image".to_owned(),
        };
        Error::new(ErrorKind::Config, message)
            .with_help(format!("correct {origin}, or {otherwise}"))
    };
    if !path.is_dir() {
        return Err(invalid("there is no such directory".to_owned()));
    }
    let path = match place(sdk, &path) {
        Ok(path) => path,
        Err(missing) => return Err(invalid(format!("it has no {missing}"))),
    };
    if let (Sdk::Apple { .. }, name) = (sdk, own_name(&path).unwrap_or_default()) {
        if !sdk.is_called(&name) {
            return Err(invalid(format!(
                "its {SETTINGS} calls it `{}`",
                printable(&name)
            )));
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
        real: os::canonical(&path).on("find", &path)?,
        env: target.sdk_env(shown, api),
        path,
    })
}

/// The file in which an SDK of Apple's says what it is.
const SETTINGS: &str = "SDKSettings.json";

/// The name that an SDK of Apple's at `path` has for itself: `macosx14.2`.
fn own_name(path: &Path) -> Option<String> {
    let file = RegularFile::open(path.join(SETTINGS)).ok()?;
    let text = file.text(limits::RECORD).ok()?;
    let settings: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(settings.get("CanonicalName")?.as_str()?.to_owned())
}

/// The place of the SDK at or below the directory that the user names, or the paths of which it
/// should have one.
fn place(sdk: Sdk, path: &Path) -> std::result::Result<PathBuf, String> {
    let mut first = None;
    for place in sdk.places() {
        let root = match *place {
            "" => path.to_owned(),
            place => path.join(place),
        };
        let mut required = sdk.required_paths().iter();
        let missing = required.find(|paths| !paths.iter().any(|part| root.join(part).exists()));
        match missing {
            None => return Ok(root),
            Some(paths) => first.get_or_insert_with(|| paths.join(" or ")),
        };
    }
    Err(first.unwrap_or_default())
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
        "remove it: the key is for Android, Windows with Microsoft's libraries, Apple's systems, \
         Solaris, illumos and DragonFly, whose libraries no distribution packages",
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
        let empty = directory(&[]);
        let nowhere = empty.path().join("ndk");
        let nowhere = nowhere.as_path();
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

    /// A directory with the layout of an SDK of Apple's that is called `name`.
    fn apples(name: &str) -> tempfile::TempDir {
        let dir = directory(&["usr/include/stdio.h", "usr/lib/libSystem.tbd"]);
        let settings = format!(r#"{{"CanonicalName":"{name}","Version":"14.2"}}"#);
        fs::write(dir.path().join("SDKSettings.json"), settings).unwrap();
        dir
    }

    #[test]
    fn an_sdk_of_apples_is_taken_for_its_own_system_alone() {
        let (mac, phone) = (apples("macosx14.2"), apples("iphoneos17.2"));
        let path = |triple, key, env: &Env| found(triple, key, env).map(|it| it.map(|it| it.path));
        let env = Env::new().set("SDKROOT", mac.path());
        let own = Some(mac.path().to_owned());
        assert_eq!(path("universal2-apple-darwin", None, &env).unwrap(), own);
        assert_eq!(path("aarch64-apple-ios-macabi", None, &env).unwrap(), own);
        // The variable is for one of several systems that a program is built for.
        assert_eq!(path("aarch64-apple-ios", None, &env).unwrap(), None);
        let key = Some(phone.path());
        let phones = path("aarch64-apple-ios", key, &env).unwrap();
        assert_eq!(phones.as_deref(), key);
        let error = path("x86_64-apple-darwin", key, &env).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let said = error.to_string();
        assert!(said.ends_with("calls it `iphoneos17.2`"), "{said}");
        assert!(
            error.help().unwrap().contains("xcrun --sdk macosx"),
            "{error}"
        );
        let env = Env::new().set("SDKROOT", "/nonexistent/sdk");
        let error = path("aarch64-apple-tvos", None, &env).unwrap_err();
        assert!(error.to_string().contains("no such directory"), "{error}");
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
