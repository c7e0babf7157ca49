//! Zig as C compiler and linker: its installation, and scripts that adapt it to Rust.

use super::download::RecipeDownload;
use super::file::RecipeFile;
use super::wheel::{self, Wheel};
use super::zig_parts;
use crate::facts::debian_arch::DebianArch;
use crate::facts::glibc::GlibcVersion;
use crate::facts::target_facts::{Libc, TargetFacts, ZigTarget};

/// The proven release, and the SHA-256 of its wheel for each build architecture.
const WHEEL: Wheel = Wheel {
    name: "ziglang",
    version: "0.15.2",
    hashes: [
        "806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130",
        "edc0aa60ec964a4cf462d40f68d7de242ddf37fd9a80f2afaee6397059463230",
    ],
    directory: "/opt/zig",
};

/// The path of the program.
pub(super) const PROGRAM: &str = "/opt/zig/ziglang/zig";

/// The directory of the interfaces of macOS's libraries, which takes the place of Apple's SDK.
pub(super) const MACOS: &str = "/opt/zig/ziglang/lib/libc/darwin";

/// Parts that no target needs: documentation, and a sanitizer.
const UNNEEDED: &str = "doc lib/docs lib/libtsan";
/// The headers and libraries of macOS and Windows, which no other target needs.
const OF_MACOS: [&str; 2] = ["lib/libc/darwin", "lib/libc/include/any-macos-any"];
const OF_WINDOWS: [&str; 2] = ["lib/libc/mingw", "lib/libc/include/any-windows-any"];

/// What is downloaded to install Zig on a build machine.
pub(super) fn download(build: DebianArch) -> RecipeDownload {
    WHEEL.download("zig", build)
}

/// The commands that install Zig for a target.
pub(super) fn commands(facts: &TargetFacts) -> Vec<String> {
    let ([mac, mac_headers], [windows, windows_headers]) = (OF_MACOS, OF_WINDOWS);
    let others: &[&str] = match facts.os {
        "macos" => &OF_WINDOWS,
        "windows" => &OF_MACOS,
        _ => &[mac, windows, windows_headers, mac_headers],
    };
    let unneeded = format!("{UNNEEDED} {}", others.join(" "));
    let install = [
        WHEEL.install(),
        format!("cd {}/ziglang && rm -rf {unneeded}", WHEEL.directory),
        wheel::remove_installer(),
    ];
    let libraries = zig_parts::command(facts);
    install.into_iter().chain(libraries).collect()
}

/// The files that are needed to install and call Zig. The paths of the scripts begin with `prefix`.
pub(super) fn files(
    zig: ZigTarget,
    facts: &TargetFacts,
    floor: Option<GlibcVersion>,
    prefix: &str,
) -> Vec<RecipeFile> {
    let compiler = |name: &str, command: &str| {
        RecipeFile::program(
            format!("{prefix}{name}"),
            COMPILER
                .replace("@COMMAND@", &call(zig, facts, floor, command))
                .replace("@BEGINNING@", beginning(facts))
                .replace("@DROPPED@", dropped(facts))
                .replace("@OTHERS@", others(facts))
                .replace("@LINK@", zig_parts::link(facts)),
        )
    };
    let tool = |name: &str| {
        let text = format!("#!/bin/sh\nexec {PROGRAM} {name} \"$@\"\n");
        RecipeFile::program(format!("{prefix}{name}"), text)
    };
    let cxx = compiler("c++", "c++");
    let maker = zig_parts::maker(facts, &cxx.path);
    let files = [
        WHEEL.requirements(),
        compiler("cc", "cc"),
        cxx,
        tool("ar"),
        tool("ranlib"),
    ];
    files.into_iter().chain(maker).collect()
}

/// Whether the file is only needed for the installation.
pub(super) fn is_for_installation(file: &RecipeFile) -> bool {
    file.path == WHEEL.requirements_path() || zig_parts::is_for_installation(file)
}

/// The invocation of Zig with its constant arguments. Zig would compile code that is not optimized
/// with a sanitizer, which no other compiler of a recipe does, and whose runtime Rust does not
/// link.
fn call(zig: ZigTarget, facts: &TargetFacts, floor: Option<GlibcVersion>, command: &str) -> String {
    let floor = match floor {
        Some(version) => format!(".{version}"),
        None if facts.os == "macos" => "${minimum:+.$minimum}".to_owned(),
        None => String::new(),
    };
    let cpu = zig.cpu.map_or(String::new(), |cpu| format!(" -mcpu={cpu}"));
    let target = zig.target;
    format!("{PROGRAM} {command} -target {target}{floor}{cpu} -fno-sanitize=undefined")
}

/// The libraries that Rust's `libc` crate links and Zig does not have. `std` does not use them; a
/// program that does gets a linker error about the missing function.
fn dropped(facts: &TargetFacts) -> &'static str {
    match (facts.os, facts.libc) {
        // The processor's name follows `-arch`, and the SDK follows `-isysroot`. Zig knows no list
        // of exported symbols: a `cdylib` exports what its dependencies export, too.
        ("macos", _) => {
            "-arch | arm64 | x86_64 | -isysroot | */lib/libc/darwin | \
             -Wl,-exported_symbols_list | -Wl,*/rustc*/list"
        }
        ("windows", _) => "-nolibc | --unwindlib=none | -lmsvcrt | -lmingwex | -lmingw32",
        (_, Libc::System) => "-lkvm | -lmemstat | -lprocstat | -ldevstat",
        _ => "-lc",
    }
}

/// What the script begins with: where there is no such argument, a variable of Apple's has macOS's
/// minimum version.
fn beginning(facts: &TargetFacts) -> &'static str {
    match facts.os {
        "macos" => "minimum=$MACOSX_DEPLOYMENT_TARGET\n",
        _ => "",
    }
}

/// Further cases of the script: macOS's minimum version is part of Zig's name of the target.
fn others(facts: &TargetFacts) -> &'static str {
    match facts.os {
        "macos" => {
            "    -mmacosx-version-min=*)\n        minimum=${argument#*=}\n        return 1\n        ;;\n"
        }
        _ => "",
    }
}

/// The compiler, which also links. Zig provides its own start files, libc, compiler runtime and
/// linker, and selects the processor with `-target`. The script drops the arguments with which
/// rustc and cc-rs specify these.
const COMPILER: &str = r#"#!/bin/sh
# A C compiler and linker for one target. Made by cross-targets.
: "${ZIG_GLOBAL_CACHE_DIR:=${CARGO_TARGET_DIR:-/tmp}/zig-cache}"
: "${ZIG_LOCAL_CACHE_DIR:=$ZIG_GLOBAL_CACHE_DIR}"
export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
@BEGINNING@
zig=/opt/zig/ziglang/zig
parts=${zig%/ziglang/zig}/parts
@LINK@
# Whether Zig is to see $argument, which may become another.
wanted() {
    case $argument in
    */self-contained/*.o | crt1.o | rcrt1.o | Scrt1.o | crti.o | crtn.o) return 1 ;;
    crtbegin*.o | crtend*.o | -nostartfiles | -nodefaultlibs) return 1 ;;
    --target=* | -m32 | -m64 | -march=arm* | -march=i?86 | -march=pentium) return 1 ;;
    -mfpu=* | -Wl,-melf_i386) return 1 ;;
    -fuse-ld=* | -B*/gcc-ld | -no-pie | @DROPPED@) return 1 ;;
    -static-pie) argument=-pie ;;
    -lgcc | -lgcc_eh | -lgcc_s) argument=-lunwind ;;
    -lstdc++ | -lc++) [ ! -e "$parts/libc++.a" ] || argument=$parts/libc++.a ;;
@OTHERS@    esac
}

for argument; do
    shift
    case $argument in
    @*)
        # Too many arguments for a command line: a file has them, one a line.
        list=${argument#@}
        while IFS= read -r argument || [ -n "$argument" ]; do
            ! wanted || printf '%s\n' "$argument"
        done <"$list" >"$list.zig"
        argument=@$list.zig
        ;;
    *) wanted || continue ;;
    esac
    set -- "$@" "$argument"
done
exec @COMMAND@ "$@"
"#;
