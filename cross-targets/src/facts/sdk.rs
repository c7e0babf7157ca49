//! SDKs that a user provides: Android's NDK, or the root file system of another operating system.

use std::collections::BTreeMap;

/// An SDK that the user provides, from which a recipe is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sdk {
    /// The Android NDK, whose own clang compiles and links.
    #[non_exhaustive]
    Ndk {
        /// The prefix of the target's compiler: `armv7a-linux-androideabi` in
        /// `armv7a-linux-androideabi21-clang`.
        clang: &'static str,
        /// CMake's name of the ABI: `armeabi-v7a`.
        abi: &'static str,
    },
    /// The root file system of the target's operating system, or the part of it that programs link
    /// with. Debian's clang and lld compile and link.
    #[non_exhaustive]
    Sysroot {
        /// clang's triple for the target. (It treats illumos as Solaris.)
        clang_target: &'static str,
    },
}

/// The NDK's directory of programs. The NDK ships none for other build machines.
const NDK_PROGRAMS: &str = "toolchains/llvm/prebuilt/linux-x86_64/bin";

/// The NDK's directory of Android's headers and libraries.
const NDK_SYSROOT: &str = "toolchains/llvm/prebuilt/linux-x86_64/sysroot";

/// The oldest API level that every NDK supports since 64-bit processors were introduced.
const USUAL_API: u32 = 21;

impl Sdk {
    /// A description for messages: `Android's NDK`.
    pub const fn describe(self) -> &'static str {
        match self {
            Sdk::Ndk { .. } => "Android's NDK",
            Sdk::Sysroot { .. } => "a root file system of the target's system",
        }
    }

    /// The environment variables that locate the SDK when the configuration does not, highest
    /// precedence first. Android's own tools read the same variables.
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Sdk::Ndk { .. } => &["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"],
            Sdk::Sysroot { .. } => &[],
        }
    }

    /// The paths that the SDK has to contain, relative to its directory: one path of each list.
    pub const fn required_paths(self) -> &'static [&'static [&'static str]] {
        match self {
            Sdk::Ndk { .. } => &[
                &[NDK_PROGRAMS],
                &["toolchains/llvm/prebuilt/linux-x86_64/bin/llvm-ar"],
            ],
            Sdk::Sysroot { .. } => &[&["usr/include"], &["usr/lib", "usr/lib/amd64"]],
        }
    }

    /// The directory whose file names [`Sdk::api`] takes, relative to the SDK; `None` if the SDK
    /// supports a single version of its system.
    pub const fn compiler_dir(self) -> Option<&'static str> {
        match self {
            Sdk::Ndk { .. } => Some(NDK_PROGRAMS),
            Sdk::Sysroot { .. } => None,
        }
    }

    /// The Android API level to compile for, chosen from those that have a compiler among
    /// `programs`: 21, or the oldest if there is no compiler for 21. `None` if there is no
    /// compiler.
    pub fn api<'a>(self, programs: impl IntoIterator<Item = &'a str>) -> Option<u32> {
        let Sdk::Ndk { clang, .. } = self else {
            return None;
        };
        let version = |name: &str| {
            name.strip_prefix(clang)?
                .strip_suffix("-clang")?
                .parse()
                .ok()
        };
        let versions: Vec<u32> = programs.into_iter().filter_map(version).collect();
        let usual = versions.iter().copied().find(|&api| api == USUAL_API);
        usual.or_else(|| versions.into_iter().min())
    }

    /// The path pattern of the compiler that the SDK has to contain, for messages.
    pub fn compiler(self) -> Option<String> {
        match self {
            Sdk::Ndk { clang, .. } => Some(format!("{NDK_PROGRAMS}/{clang}<API>-clang")),
            Sdk::Sysroot { .. } => None,
        }
    }

    /// The variables through which the recipe's programs find the SDK at `path`. `triple` is
    /// spelled as cc-rs spells it.
    pub(crate) fn env(
        self,
        triple: &str,
        path: &str,
        api: Option<u32>,
    ) -> BTreeMap<String, String> {
        let bindgen = format!("BINDGEN_EXTRA_CLANG_ARGS_{triple}");
        match self {
            Sdk::Ndk { clang, .. } => {
                let api = api.unwrap_or(USUAL_API).to_string();
                let arguments = format!("--sysroot={path}/{NDK_SYSROOT} --target={clang}{api}");
                BTreeMap::from([
                    (NDK.to_owned(), path.to_owned()),
                    ("ANDROID_NDK_ROOT".to_owned(), path.to_owned()),
                    (API.to_owned(), api),
                    (bindgen, arguments),
                ])
            }
            Sdk::Sysroot { clang_target } => BTreeMap::from([
                (SYSROOT.to_owned(), path.to_owned()),
                (format!("PKG_CONFIG_SYSROOT_DIR_{triple}"), path.to_owned()),
                (
                    format!("PKG_CONFIG_LIBDIR_{triple}"),
                    format!("{path}/usr/lib/pkgconfig:{path}/usr/share/pkgconfig"),
                ),
                (bindgen, format!("--sysroot={path} --target={clang_target}")),
            ]),
        }
    }
}

/// The variables that hold the NDK's directory and the API level.
pub(crate) const NDK: &str = "ANDROID_NDK_HOME";
pub(crate) const API: &str = "CROSS_ANDROID_API";
/// The variable that holds the directory of the root file system.
pub(crate) const SYSROOT: &str = "CROSS_SYSROOT";

/// The path of a program of the NDK, for a shell script.
pub(crate) fn ndk_program(name: &str) -> String {
    format!("${NDK}/{NDK_PROGRAMS}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARM: Sdk = Sdk::Ndk {
        clang: "armv7a-linux-androideabi",
        abi: "armeabi-v7a",
    };

    #[test]
    fn the_api_is_21_where_the_ndk_has_it_and_its_oldest_otherwise() {
        let of = |versions: &[u32]| {
            let names: Vec<String> = versions
                .iter()
                .map(|api| format!("armv7a-linux-androideabi{api}-clang"))
                .collect();
            ARM.api(names.iter().map(String::as_str))
        };
        assert_eq!(of(&[19, 21, 24, 34]), Some(21));
        assert_eq!(of(&[35, 24, 26]), Some(24));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn only_the_targets_own_compiler_counts() {
        let others = [
            "clang",
            "armv7a-linux-androideabi21-clang++",
            "armv7a-linux-androideabi-clang",
            "aarch64-linux-android21-clang",
            "llvm-ar",
        ];
        assert_eq!(ARM.api(others), None);
    }

    #[test]
    fn what_is_expected_holds_what_is_asked_for() {
        let directory = ARM.compiler_dir().unwrap();
        assert!(ARM.compiler().unwrap().starts_with(directory));
        assert!(
            ARM.required_paths()
                .iter()
                .all(|paths| paths[0].starts_with(directory))
        );
        assert_eq!(ndk_program("x"), format!("$ANDROID_NDK_HOME/{directory}/x"));
    }
}
