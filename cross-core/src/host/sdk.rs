//! The user's SDK, which completes the recipe of a target whose libraries no distribution packages.
//!
//! Finds the SDK's directory, checks it, and turns it into the mount and variables of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_config::{Env, TargetConfig};
use cross_engine::Mount;
use cross_engine::os;
use cross_engine::process::untrusted::{RegularFile, limits};
use cross_targets::{Libc, Sdk, Target};

use crate::host::sdk_version;
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
    /// What it says of its version, which tells it from another SDK that takes its place later.
    pub(crate) version: Option<String>,
    /// The variable that names it, if no key does.
    pub(crate) variable: Option<&'static str>,
}

/// An SDK of Apple's or Microsoft's that the variable names, and that is for another system or
/// another processor than the target's.
#[derive(Clone, Debug)]
pub(crate) struct OtherSdk {
    pub(crate) variable: &'static str,
    /// Why it is not used, as the end of a sentence about the variable.
    pub(crate) why: String,
}

impl OtherSdk {
    /// The one that `env` names, if it is not for `target`. A relative path is relative to `dir`.
    pub(crate) fn named(target: Target, env: &Env, dir: &Path) -> Option<Self> {
        let (facts, windows) = (target.facts(), windows_sdks().next()?);
        let sdk = match facts.sdk {
            Some(sdk @ (Sdk::Apple { .. } | Sdk::Windows { .. })) => sdk,
            None if facts.libc == Libc::Msvc => windows,
            _ => return None,
        };
        let (path, variable) = by_variable(sdk, env, dir)?;
        let shown = path.display();
        let why = match facts.sdk {
            None => format!("no recipe takes an SDK for {target}"),
            Some(Sdk::Windows { .. }) => {
                let missing = place(sdk, &path).err()?;
                windows_sdks().find(|other| place(*other, &path).is_ok())?;
                format!("`{shown}` has no {missing}, which an SDK for {target} has")
            }
            _ => {
                let name = own_name(&path).filter(|name| !sdk.is_called(name))?;
                let name = printable(&name);
                format!("`{shown}` calls itself `{name}`, which is no SDK for {target}")
            }
        };
        Some(OtherSdk { variable, why })
    }
}

/// Microsoft's SDK for each processor that has one.
fn windows_sdks() -> impl Iterator<Item = Sdk> {
    let sdks = Target::all().filter_map(|target| target.facts().sdk);
    sdks.filter(|sdk| matches!(sdk, Sdk::Windows { .. }))
}

impl UserSdk {
    /// Mounts the SDK read-only at the path that the user gave.
    pub(crate) fn mount(&self) -> Mount {
        Mount::read(&self.real).at(&self.path)
    }

    /// Where it is: the path that the user gave, and the one that it leads to.
    pub(crate) fn places(&self) -> String {
        format!("{}\n{}", self.path.display(), self.real.display())
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
    if let Some(key) = configured {
        let origin = format!("`sdk`, {}", key.origin);
        return check(target, sdk, key.value.clone(), &origin).map(Some);
    }
    // Apple's variable is for one of its systems, and Microsoft's SDK may be for one processor, and
    // the request may be for another. Apple's own tools and rustc ignore it then, too.
    if OtherSdk::named(target, env, dir).is_some() {
        return Ok(None);
    }
    let Some((path, variable)) = by_variable(sdk, env, dir) else {
        return Ok(None);
    };
    let found = check(target, sdk, path, variable)?;
    Ok(Some(UserSdk {
        variable: Some(variable),
        ..found
    }))
}

/// The directory that the first of the SDK's own variables names, and that variable.
fn by_variable(sdk: Sdk, env: &Env, dir: &Path) -> Option<(PathBuf, &'static str)> {
    sdk.variables().iter().find_map(|name| {
        let value = env.get(name).filter(|value| !value.is_empty())?;
        Some((dir.join(value), *name))
    })
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
            (Some(how), None) => {
                format!("remove it, since none is needed without frameworks, or make one: {how}")
            }
            (Some(how), Some(_)) => {
                format!("remove it to build libraries only, or make one: {how}")
            }
            (None, Some(why)) if target.published_image().is_none() => {
                format!("or remove it to build libraries only: {why}")
            }
            _ => "or remove it to use the published image".to_owned(),
        };
        Error::new(ErrorKind::Config, message).with_help(format!("correct {origin}, {otherwise}"))
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
    let real = os::canonical(&path).on("find", &path)?;
    Ok(UserSdk {
        version: sdk_version::find(&real),
        real,
        env: target.sdk_env(shown, api),
        path,
        variable: None,
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

/// What a target is told that needs an SDK and takes none.
fn others(target: Target) -> String {
    target.facts().lacks().map_or(String::new(), |why| {
        format!(
            "; no recipe takes one for {target}, so an image or a Dockerfile has to have it: {why}"
        )
    })
}

/// The error for the key `sdk` of a target that takes none.
fn unsupported(target: Target, origin: &str) -> Error {
    let message = format!("`sdk` ({origin}) has no meaning for {target}");
    Error::new(ErrorKind::Config, message).with_help(format!(
        "remove it: the key is for Android, Windows with Microsoft's libraries, Apple's systems, \
             Solaris, illumos and DragonFly, whose libraries no distribution packages{}",
        others(target)
    ))
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
    fn an_sdk_of_another_system_is_named() {
        let mac = apples("macosx14.2");
        let env = Env::new().set("SDKROOT", mac.path());
        let named =
            |triple: &str| OtherSdk::named(Target::parse(triple).unwrap(), &env, Path::new("/w"));
        let other = named("aarch64-apple-ios").unwrap();
        let path = mac.path().display();
        let why =
            format!("`{path}` calls itself `macosx14.2`, which is no SDK for aarch64-apple-ios");
        assert_eq!((other.variable, other.why), ("SDKROOT", why));
        assert!(named("x86_64-apple-darwin").is_none());
        assert!(named(ANDROID).is_none());
    }

    #[test]
    fn microsofts_libraries_for_another_processor_are_no_sdk_for_this_one() {
        let only_x64 = directory(&["crt/lib/x64/a", "sdk/lib/um/x64/a", "sdk/lib/ucrt/x64/a"]);
        let env = Env::new().set("XWIN_CACHE_DIR", only_x64.path());
        let other = |triple: &str, env: &Env| {
            let other = OtherSdk::named(Target::parse(triple).unwrap(), env, Path::new("/w"));
            other.map(|other| other.why)
        };
        assert_eq!(other("x86_64-pc-windows-msvc", &env), None);
        assert!(
            found("x86_64-pc-windows-msvc", None, &env)
                .unwrap()
                .is_some()
        );
        let (x86, path) = ("i686-pc-windows-msvc", only_x64.path().display());
        let why = format!("`{path}` has no crt/lib/x86, which an SDK for {x86} has");
        assert_eq!(other(x86, &env), Some(why));
        assert!(found(x86, None, &env).unwrap().is_none());
        let error = found(x86, Some(only_x64.path()), &Env::new()).unwrap_err();
        assert!(
            error.to_string().ends_with("it has no crt/lib/x86"),
            "{error}"
        );
        let ec = "arm64ec-pc-windows-msvc";
        let why = format!("no recipe takes an SDK for {ec}");
        assert_eq!(other(ec, &env), Some(why));
        assert_eq!(other(ec, &Env::new()), None);
        // What is no SDK for any processor is a mistake.
        let nothing = directory(&[]);
        let env = Env::new().set("XWIN_CACHE_DIR", nothing.path());
        assert_eq!(other(x86, &env), None);
        assert!(found(x86, None, &env).is_err());
    }

    #[test]
    fn an_sdk_that_is_none_can_be_removed() {
        let env = Env::new().set("SDKROOT", "/nonexistent/sdk");
        for (triple, remove) in [
            ("x86_64-apple-darwin", "remove it, since none is needed"),
            ("aarch64-apple-ios", "remove it to build libraries only"),
        ] {
            let error = found(triple, None, &env).unwrap_err();
            let help = error.help().unwrap();
            let start = format!("correct SDKROOT, {remove}");
            assert!(
                help.starts_with(&start) && help.contains("or make one"),
                "{help}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn another_sdk_in_the_same_place_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let current = dir.path().join("Current.sdk");
        let identity = |sdk: &tempfile::TempDir| -> (Option<String>, String) {
            let _ = fs::remove_file(&current);
            std::os::unix::fs::symlink(sdk.path(), &current).unwrap();
            let found = found("aarch64-apple-darwin", Some(&current), &Env::new());
            let found = found.unwrap().unwrap();
            (found.version.clone(), found.places())
        };
        let (old, new) = (apples("macosx14.2"), apples("macosx15.0"));
        let first = identity(&old);
        assert_ne!(identity(&new), first);
        assert_eq!(identity(&old), first);
        // An update of Xcode's replaces what is in the directory.
        let settings = r#"{"CanonicalName":"macosx14.5","Version":"14.5"}"#;
        fs::write(old.path().join(SETTINGS), settings).unwrap();
        assert_ne!(identity(&old), first);
    }

    #[test]
    fn a_newer_sdk_in_the_same_directory_has_another_version() {
        let xwin = directory(&["crt/lib/x64/a", "sdk/lib/um/x64/a", "sdk/lib/ucrt/x64/a"]);
        let unix = directory(&["usr/include/stdio.h", "usr/lib/libc.so"]);
        for (triple, sdk, file) in [
            ("x86_64-pc-windows-msvc", &xwin, "crt/include/crtversion.h"),
            (ILLUMOS, &unix, "etc/release"),
        ] {
            let path = sdk.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let version = |text: &str| {
                fs::write(&path, text).unwrap();
                let found = found(triple, Some(sdk.path()), &Env::new());
                found.unwrap().unwrap().version
            };
            let old = version("1");
            assert!(old.is_some(), "{triple}");
            assert_ne!(version("2"), old, "{triple}");
            assert_eq!(version("1"), old, "{triple}");
        }
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
        assert!(!error.help().unwrap().contains("an image or a Dockerfile"));
        for (triple, why) in [
            ("aarch64-unknown-linux-ohos", "OpenHarmony's SDK"),
            ("x86_64-unknown-fuchsia", "Fuchsia's SDK"),
            ("arm64ec-pc-windows-msvc", "`xwin` does not write"),
        ] {
            let error = found(triple, Some(any.path()), &Env::new()).unwrap_err();
            let help = error.help().unwrap();
            assert!(
                help.contains("no recipe takes one for") && help.contains(why),
                "{help}"
            );
        }
    }
}
