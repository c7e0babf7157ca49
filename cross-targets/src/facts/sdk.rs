//! SDKs that a user provides: Android's NDK, Microsoft's libraries, Apple's SDKs, or the root file
//! system of another operating system.

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
    /// The SDK of one of Apple's systems, a part of Xcode: `MacOSX.sdk`. Debian's clang and lld
    /// compile and link.
    #[non_exhaustive]
    Apple {
        /// The start of the SDK's own name, before its version: `macosx`, `iphonesimulator`.
        platform: &'static str,
    },
    /// Microsoft's headers and libraries, in the layout that `xwin` writes. Debian's clang compiles
    /// as `clang-cl`, and LLVM's linker links as `lld-link`.
    #[non_exhaustive]
    Windows {
        /// The processor as `xwin` names its directories of libraries: `x86_64`.
        arch: &'static str,
        /// The Wine that runs programs, if any does: `/usr/lib/wine/wine64`.
        wine: Option<&'static str>,
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

/// The directories of Microsoft's libraries for a processor, as `xwin` names it or Microsoft.
macro_rules! windows_libraries {
    ($xwin:literal, $microsoft:literal) => {
        &[
            &[concat!("crt/lib/", $xwin), concat!("crt/lib/", $microsoft)],
            &[
                concat!("sdk/lib/um/", $xwin),
                concat!("sdk/lib/um/", $microsoft),
            ],
            &[
                concat!("sdk/lib/ucrt/", $xwin),
                concat!("sdk/lib/ucrt/", $microsoft),
            ],
        ]
    };
    ($both:literal) => {
        &[
            &[concat!("crt/lib/", $both)],
            &[concat!("sdk/lib/um/", $both)],
            &[concat!("sdk/lib/ucrt/", $both)],
        ]
    };
}

/// The oldest API level that every NDK supports since 64-bit processors were introduced.
const USUAL_API: u32 = 21;

impl Sdk {
    /// A description for messages: `Android's NDK`.
    pub const fn describe(self) -> &'static str {
        match self {
            Sdk::Ndk { .. } => "Android's NDK",
            Sdk::Apple { .. } => "an SDK of Apple's for this system",
            Sdk::Windows { .. } => "Microsoft's SDK in the layout of `xwin`",
            Sdk::Sysroot { .. } => "a root file system of the target's system",
        }
    }

    /// How the user gets the SDK, as a clause with the commands. `None` if it is to be downloaded.
    pub fn instructions(self) -> Option<String> {
        let Sdk::Apple { platform } = self else {
            return None;
        };
        Some(format!(
            "on a Mac with Xcode, `tar -chzf {platform}.tar.gz -C \"$(xcrun --sdk {platform} \
             --show-sdk-path)\" .` packs it, and here `mkdir {platform}.sdk && tar -xzf \
             {platform}.tar.gz -C {platform}.sdk` unpacks it"
        ))
    }

    /// Whether an SDK that calls itself `name` is one for the target: `macosx14.2`. Only Apple's
    /// SDKs have names.
    pub fn is_called(self, name: &str) -> bool {
        match self {
            Sdk::Apple { platform } => name
                .strip_prefix(platform)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
            _ => false,
        }
    }

    /// The environment variables that locate the SDK when the configuration does not, highest
    /// precedence first. Android's own tools and `cargo-xwin` read the same variables.
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Sdk::Ndk { .. } => &["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"],
            Sdk::Apple { .. } => &[APPLE],
            Sdk::Windows { .. } => &["XWIN_CACHE_DIR"],
            Sdk::Sysroot { .. } => &[],
        }
    }

    /// The places of the SDK relative to the directory that the user names, one of which has it.
    /// The directory itself is the empty path. (`cargo-xwin` and `xwin` keep theirs below a cache.)
    pub const fn places(self) -> &'static [&'static str] {
        match self {
            Sdk::Windows { .. } => &["", "xwin", "splat"],
            _ => &[""],
        }
    }

    /// The paths that the SDK has to contain, relative to its directory: one path of each list.
    pub const fn required_paths(self) -> &'static [&'static [&'static str]] {
        match self {
            Sdk::Ndk { .. } => &[
                &[NDK_PROGRAMS],
                &["toolchains/llvm/prebuilt/linux-x86_64/bin/llvm-ar"],
            ],
            Sdk::Apple { .. } => &[
                &["SDKSettings.json"],
                &["usr/include"],
                &["usr/lib/libSystem.tbd", "usr/lib/libSystem.B.tbd"],
            ],
            Sdk::Windows { arch, .. } => match arch.as_bytes() {
                b"x86_64" => windows_libraries!("x86_64", "x64"),
                b"x86" => windows_libraries!("x86"),
                _ => windows_libraries!("aarch64", "arm64"),
            },
            Sdk::Sysroot { .. } => &[&["usr/include"], &["usr/lib", "usr/lib/amd64"]],
        }
    }

    /// The SDK's directory for the option `--sysroot` of compilers, relative to the SDK: the empty path
    /// for the SDK itself. `None` for Microsoft's SDK, which has several directories.
    pub const fn sysroot(self) -> Option<&'static str> {
        match self {
            Sdk::Ndk { .. } => Some(NDK_SYSROOT),
            Sdk::Apple { .. } | Sdk::Sysroot { .. } => Some(""),
            Sdk::Windows { .. } => None,
        }
    }

    /// The directory whose file names [`Sdk::api`] takes, relative to the SDK; `None` if the SDK
    /// supports a single version of its system.
    pub const fn compiler_dir(self) -> Option<&'static str> {
        match self {
            Sdk::Ndk { .. } => Some(NDK_PROGRAMS),
            Sdk::Apple { .. } | Sdk::Windows { .. } | Sdk::Sysroot { .. } => None,
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
            Sdk::Apple { .. } | Sdk::Windows { .. } | Sdk::Sysroot { .. } => None,
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
            Sdk::Apple { .. } => BTreeMap::from([
                (APPLE.to_owned(), path.to_owned()),
                (bindgen, format!("-isysroot {path}")),
            ]),
            Sdk::Windows { .. } => {
                let includes = WINDOWS_HEADERS.map(|headers| format!("-isystem{path}/{headers}"));
                BTreeMap::from([
                    (WINDOWS.to_owned(), path.to_owned()),
                    (bindgen, includes.join(" ")),
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
/// The variable that holds the directory of Apple's SDK, for clang and rustc as well.
pub(crate) const APPLE: &str = "SDKROOT";
/// The variable that holds the directory of Microsoft's SDK.
pub(crate) const WINDOWS: &str = "CROSS_WINDOWS_SDK";
/// The directories of headers in Microsoft's SDK.
pub(crate) const WINDOWS_HEADERS: [&str; 5] = [
    "crt/include",
    "sdk/include/ucrt",
    "sdk/include/um",
    "sdk/include/shared",
    "sdk/include/winrt",
];
/// The directories of libraries in Microsoft's SDK, in each of which a processor has its own.
pub(crate) const WINDOWS_LIBRARIES: [&str; 3] = ["crt/lib", "sdk/lib/um", "sdk/lib/ucrt"];
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
    fn an_sdk_of_apples_is_for_one_platform() {
        let sdk = Sdk::Apple { platform: "macosx" };
        assert!(sdk.is_called("macosx14.2") && !sdk.is_called("macosx"));
        assert!(!sdk.is_called("iphoneos17.0") && !ARM.is_called("macosx14.2"));
        let how = sdk.instructions().unwrap();
        assert!(how.contains("xcrun --sdk macosx --show-sdk-path"), "{how}");
        assert_eq!(ARM.instructions(), None);
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
