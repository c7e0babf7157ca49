//! The versions of the compilers, the libc and the emulator in an environment.

use std::collections::BTreeMap;

use cross_core::{
    Cross,
    targets::{Level, Sdk, Target, TestSupport},
};

use super::evidence::Versions;
use crate::failure::Failure;

/// A script that prints the versions of rustc, Zig and the emulator, the macros of the C compiler
/// and its libc, and the version of a libc that defines no macro.
///
/// Its arguments are the variable that names the compiler, the emulator, and the kind of libc that
/// the target has: the environment may have the files of others.
const QUESTIONS: &str = r#"
rustc --version
cc=$(printenv "$1") || cc=cc
printf '#include <stdio.h>\n#if __has_include(<sys/param.h>)\n#include <sys/param.h>\n#endif\n' |
    "$cc" -E -dM -x c -
zig=$(sed -n 's|^exec \(/[^ ]*/zig\) .*|\1|p' "$(command -v "$cc")" 2>/dev/null | tr -d '\0')
[ -z "$zig" ] || echo "zig $("$zig" version)"
case $3 in
musl)
    musl=$(dirname "$zig")/lib/libc/musl/src/internal/version.h
    [ -z "$zig" ] || sed -n 's|^#define VERSION "\(.*\)"|libc musl \1|p' "$musl"
    ;;
emscripten) echo "libc musl $(cat /usr/share/emscripten/system/lib/libc/musl/VERSION)" ;;
wasi) dpkg-query -W -f 'libc wasi-libc ${Version}\n' wasi-libc ;;
esac
[ -z "$2" ] || echo "emulator $("$2" --version | head -n 1)"
exit 0
"#;

/// Runs the script in the environment and reads its output.
pub(crate) fn ask(cross: &Cross, target: Target) -> Result<Versions, Failure> {
    // A target whose files are joined has no compiler of its own.
    let slice = target.slices().next().unwrap_or(target);
    let compiler = format!("CC_{}", slice.env_lower());
    let native = cfg!(target_arch = "x86_64") && matches!(target.facts().arch, "x86_64" | "x86");
    let facts = target.facts();
    // An SDK of Android's or of another Unix's has nothing that programs need to start.
    let is_run = facts.tests != TestSupport::None && facts.level() != Level::Sdk;
    let emulator = match facts.emulator.filter(|_| is_run) {
        Some(emulator) if !(native && target.facts().os == "linux") => emulator.program(),
        _ => match target.facts().sdk {
            Some(Sdk::Windows { wine, .. }) => wine.unwrap_or_default(),
            _ => "",
        },
    };
    let libc = target.facts().libc.as_str();
    let command = ["sh", "-c", QUESTIONS, "sh", &compiler, emulator, libc];
    let asked = cross
        .exec(target.to_string(), command)
        .capture(true)
        .run()?;
    let said = asked.stdout.unwrap_or_default();
    let mut versions = read(&said);
    if versions.emulator.is_none() && emulator.is_empty() && is_run {
        versions.emulator = Some("native".to_owned());
    }
    Ok(versions)
}

fn read(said: &str) -> Versions {
    let answer = |name: &str| {
        let prefix = format!("{name} ");
        said.lines().find_map(|line| line.strip_prefix(&prefix))
    };
    let macros = Macros::read(said);
    Versions {
        rust: answer("rustc").map(|answer| before(answer, " ").to_owned()),
        compiler: macros.compiler(answer("zig")),
        libc: macros.libc().or_else(|| answer("libc").map(str::to_owned)),
        emulator: answer("emulator").map(emulator),
    }
}

/// Shortens `qemu-arm version 7.2.19 (Debian …)`, `wine-10.0 (Debian …)` or `v20.19.2`.
fn emulator(said: &str) -> String {
    let short = before(said, " (");
    match short.strip_prefix('v') {
        Some(version) => format!("node {version}"),
        None => short
            .replace("QEMU emulator", "qemu")
            .replace(" version", "")
            .replace("wine-", "wine "),
    }
}

fn before<'a>(text: &'a str, end: &str) -> &'a str {
    text.split(end).next().unwrap_or(text)
}

/// The macros that a C compiler defines.
struct Macros<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Macros<'a> {
    fn read(said: &'a str) -> Self {
        let defined = said.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
            Some((name, value.trim_matches('"')))
        });
        Macros(defined.collect())
    }

    /// Returns the values of these macros, joined by dots, if the first one is defined.
    fn version(&self, name: &str, parts: &[&str]) -> Option<String> {
        let values: Vec<_> = parts
            .iter()
            .map_while(|part| self.0.get(part).copied())
            .collect();
        (!values.is_empty()).then(|| format!("{name} {}", values.join(".")))
    }

    fn compiler(&self, zig: Option<&str>) -> Option<String> {
        let clang = ["__clang_major__", "__clang_minor__", "__clang_patchlevel__"];
        let gcc = ["__GNUC__", "__GNUC_MINOR__", "__GNUC_PATCHLEVEL__"];
        let emscripten = [
            "__EMSCRIPTEN_major__",
            "__EMSCRIPTEN_minor__",
            "__EMSCRIPTEN_tiny__",
        ];
        let clang = self
            .version("emcc", &emscripten)
            .or_else(|| self.version("clang", &clang));
        match (zig, clang) {
            (Some(zig), Some(clang)) => Some(format!("zig {zig} ({clang})")),
            (_, Some(clang)) => Some(clang),
            _ => self.version("gcc", &gcc),
        }
    }

    fn libc(&self) -> Option<String> {
        [
            ("glibc", &["__GLIBC__", "__GLIBC_MINOR__"][..]),
            (
                "mingw-w64",
                &["__MINGW64_VERSION_MAJOR", "__MINGW64_VERSION_MINOR"],
            ),
            ("newlib", &["_NEWLIB_VERSION"]),
            ("FreeBSD", &["__FreeBSD_version"]),
            ("NetBSD", &["__NetBSD_Version__"]),
        ]
        .into_iter()
        .find_map(|(name, parts)| self.version(name, parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_compilers_define() {
        let said = "rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)\n\
                    #define __GNUC__ 12\n#define __GNUC_MINOR__ 2\n#define __GNUC_PATCHLEVEL__ 0\n\
                    #define __GLIBC__ 2\n#define __GLIBC_MINOR__ 36\n\
                    emulator qemu-arm version 7.2.19 (Debian 1:7.2+dfsg-7)\n";
        let versions = read(said);
        assert_eq!(versions.rust.as_deref(), Some("1.85.0"));
        assert_eq!(versions.compiler.as_deref(), Some("gcc 12.2.0"));
        assert_eq!(versions.libc.as_deref(), Some("glibc 2.36"));
        assert_eq!(versions.emulator.as_deref(), Some("qemu-arm 7.2.19"));
        let said = "#define __clang_major__ 20\n#define __GNUC__ 4\n#define _NEWLIB_VERSION \"3.3.0\"\nzig 0.15.2\nlibc musl 1.2.5\n";
        let versions = read(said);
        assert_eq!(versions.compiler.as_deref(), Some("zig 0.15.2 (clang 20)"));
        assert_eq!(versions.libc.as_deref(), Some("newlib 3.3.0"));
        assert_eq!(
            read("libc musl 1.2.5\n").libc.as_deref(),
            Some("musl 1.2.5")
        );
        assert_eq!(read("").compiler, None);
    }

    #[test]
    fn emulators_say_their_versions_in_their_own_ways() {
        assert_eq!(emulator("wine-10.0 (Debian 10.0~repack-6)"), "wine 10.0");
        assert_eq!(emulator("v20.19.2"), "node 20.19.2");
        assert_eq!(
            emulator("QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0)"),
            "qemu 10.0.13"
        );
    }
}
