//! Where the headers and libraries of a target are, as the option `--sysroot` of compilers takes it.

use std::path::{Path, PathBuf};

use cross_targets::{CToolchain, Libc, Target};

/// The C compiler that an environment has for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compiler {
    /// The environment's own, whose architecture is the target.
    Native,
    /// One that links with the user's SDK.
    OfSdk,
    /// Zig, for a glibc that is older than the suite's.
    Zig,
    /// That of the target's row.
    Usual,
}

/// The directory of a target's headers and libraries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sysroot {
    /// A directory of the user's SDK, relative to that.
    OfSdk(&'static str),
    /// A directory of the environment, relative to its root.
    OfEnvironment(String),
}

impl Sysroot {
    /// The one of `target`. `None` where no single directory has them: Zig and Emscripten make
    /// them, GCC for bare metal has them among its own files, and Microsoft's SDK has several.
    pub(super) fn of(target: Target, compiler: Compiler) -> Option<Self> {
        let facts = target.facts();
        let inside = match (compiler, facts.c_toolchain) {
            (Compiler::OfSdk, _) => return facts.sdk?.sysroot().map(Sysroot::OfSdk),
            (Compiler::Native, _) => String::new(),
            (Compiler::Zig, _) => return None,
            (Compiler::Usual, CToolchain::Gcc | CToolchain::Mingw) => {
                format!("usr/{}", facts.c_triple)
            }
            // Debian's clang looks for directories of WASI's there.
            (Compiler::Usual, _) if facts.libc == Libc::Wasi => "usr".to_owned(),
            (Compiler::Usual, _) => return None,
        };
        Some(Sysroot::OfEnvironment(inside))
    }

    /// The directory on the host. `sdk` is the user's SDK, and `root` that of the environment, if
    /// the host has it. `None` if there is no such directory.
    pub(super) fn on_host(&self, sdk: Option<&Path>, root: Option<&Path>) -> Option<PathBuf> {
        let (base, relative) = match self {
            Sysroot::OfSdk(relative) => (sdk?, *relative),
            Sysroot::OfEnvironment(relative) => (root?, relative.as_str()),
        };
        let dir = match relative {
            "" => base.to_owned(),
            relative => base.join(relative),
        };
        dir.is_dir().then_some(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_family_of_targets_has_its_own_headers_and_libraries_or_none() {
        let inside = |path: &str| Some(Sysroot::OfEnvironment(path.to_owned()));
        let ndk = "toolchains/llvm/prebuilt/linux-x86_64/sysroot";
        for (target, compiler, expected) in [
            (
                "aarch64-unknown-linux-gnu",
                Compiler::Usual,
                inside("usr/aarch64-linux-gnu"),
            ),
            ("x86_64-unknown-linux-gnu", Compiler::Native, inside("")),
            ("x86_64-unknown-linux-gnu.2.17", Compiler::Zig, None),
            ("aarch64-unknown-linux-musl", Compiler::Usual, None),
            (
                "x86_64-pc-windows-gnu",
                Compiler::Usual,
                inside("usr/x86_64-w64-mingw32"),
            ),
            ("thumbv7em-none-eabihf", Compiler::Usual, None),
            ("wasm32-wasip1", Compiler::Usual, inside("usr")),
            ("wasm32-unknown-emscripten", Compiler::Usual, None),
            ("aarch64-apple-darwin", Compiler::Usual, None),
            (
                "aarch64-apple-darwin",
                Compiler::OfSdk,
                Some(Sysroot::OfSdk("")),
            ),
            (
                "aarch64-linux-android",
                Compiler::OfSdk,
                Some(Sysroot::OfSdk(ndk)),
            ),
            (
                "x86_64-unknown-illumos",
                Compiler::OfSdk,
                Some(Sysroot::OfSdk("")),
            ),
            ("x86_64-pc-windows-msvc", Compiler::OfSdk, None),
        ] {
            let known = Target::parse(target).unwrap();
            assert_eq!(Sysroot::of(known, compiler), expected, "{target}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let sdk = dir.path().join("a root");
        fs::create_dir_all(sdk.join("usr")).unwrap();
        let whole = Sysroot::OfSdk("").on_host(Some(&sdk), None);
        assert_eq!(whole.as_deref(), Some(&*sdk));
        let inside = |path: &str| Sysroot::OfEnvironment(path.to_owned());
        let found = inside("usr").on_host(None, Some(&sdk));
        assert_eq!(found, Some(sdk.join("usr")));
        assert_eq!(inside("usr/x").on_host(None, Some(&sdk)), None);
        assert_eq!(inside("usr").on_host(Some(&sdk), None), None, "an image");
    }
}
