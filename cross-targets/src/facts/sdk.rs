//! What no distribution has and a user may: Android's NDK, or the libraries of another system.

use std::collections::BTreeMap;

/// A directory of the user's that completes a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sdk {
    /// Android's NDK, whose own clang compiles and links.
    Ndk {
        /// What the name of the target's compiler starts with: the `armv7a-linux-androideabi` of
        /// `armv7a-linux-androideabi21-clang`.
        clang: &'static str,
        /// What CMake calls the processor: `armeabi-v7a`.
        abi: &'static str,
    },
    /// A root file system of the target's system, or as much of it as programs are linked with;
    /// Debian's clang and lld do the work.
    Sysroot {
        /// What clang calls the target. (It knows illumos as Solaris.)
        clang_target: &'static str,
    },
}

/// Where the NDK's programs are in it. There are none for other machines.
const NDK_PROGRAMS: &str = "toolchains/llvm/prebuilt/linux-x86_64/bin";

/// The headers and libraries of Android in it.
const NDK_SYSROOT: &str = "toolchains/llvm/prebuilt/linux-x86_64/sysroot";

/// The oldest Android that every NDK compiles for since there are 64-bit processors.
const USUAL_API: u32 = 21;

impl Sdk {
    /// What it is, for people: `Android's NDK`.
    pub const fn describe(self) -> &'static str {
        match self {
            Sdk::Ndk { .. } => "Android's NDK",
            Sdk::Sysroot { .. } => "a root file system of the target's system",
        }
    }

    /// The variables of the caller's that name it where the configuration doesn't, the one that wins
    /// first: those that Android's own tools read.
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Sdk::Ndk { .. } => &["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"],
            Sdk::Sysroot { .. } => &[],
        }
    }

    /// What has to be in it, relative to it: one of each list.
    pub const fn expected(self) -> &'static [&'static [&'static str]] {
        match self {
            Sdk::Ndk { .. } => &[
                &[NDK_PROGRAMS],
                &["toolchains/llvm/prebuilt/linux-x86_64/bin/llvm-ar"],
            ],
            Sdk::Sysroot { .. } => &[&["usr/include"], &["usr/lib", "usr/lib/amd64"]],
        }
    }

    /// The directory of it whose file names [`Sdk::api`] takes, relative to it; `None` where it
    /// serves one version of its system.
    pub const fn compilers(self) -> Option<&'static str> {
        match self {
            Sdk::Ndk { .. } => Some(NDK_PROGRAMS),
            Sdk::Sysroot { .. } => None,
        }
    }

    /// The version of Android's API to compile for, of those that have a compiler among `programs`:
    /// 21, or the oldest where there is none for that. `None` where there is none at all.
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

    /// The name of the compiler it has to have, for people.
    pub fn compiler(self) -> Option<String> {
        match self {
            Sdk::Ndk { clang, .. } => Some(format!("{NDK_PROGRAMS}/{clang}<API>-clang")),
            Sdk::Sysroot { .. } => None,
        }
    }

    /// The variables by which the programs of the recipe find it at `path`; `triple` is the target's
    /// in cc-rs' spelling.
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

/// Where the NDK is, and which Android is compiled for.
pub(crate) const NDK: &str = "ANDROID_NDK_HOME";
pub(crate) const API: &str = "CROSS_ANDROID_API";
/// Where the root file system is.
pub(crate) const SYSROOT: &str = "CROSS_SYSROOT";

/// The path of a program of the NDK, in a shell script.
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
        let directory = ARM.compilers().unwrap();
        assert!(ARM.compiler().unwrap().starts_with(directory));
        assert!(ARM.expected().iter().all(|it| it[0].starts_with(directory)));
        assert_eq!(ndk_program("x"), format!("$ANDROID_NDK_HOME/{directory}/x"));
    }
}
