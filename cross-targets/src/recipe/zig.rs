//! Zig as C compiler and linker: its installation, and scripts that adapt it to Rust.

use super::file::RecipeFile;
use crate::facts::glibc::GlibcVersion;
use crate::facts::target_facts::{Libc, ZigTarget};

/// The proven release, and the SHA-256 of its wheel for each build architecture.
const VERSION: &str = "0.15.2";
const WHEELS: [&str; 2] = [
    "806316453d1ede7174ed3fefb8e5348154629089c3bb5fe812dfd0e172fac130",
    "edc0aa60ec964a4cf462d40f68d7de242ddf37fd9a80f2afaee6397059463230",
];

/// The directory of the installation.
const DIRECTORY: &str = "/opt/zig";
/// The path of the program.
pub(super) const PROGRAM: &str = "/opt/zig/ziglang/zig";
const REQUIREMENTS: &str = "/opt/zig/requirements.txt";
/// The prefix of the script paths.
pub(super) const PREFIX: &str = "/usr/local/bin/cross-";

/// The package that installs Zig; it is removed afterwards.
pub(super) const INSTALLER: &str = "python3-pip";

/// Parts that no target needs: headers and libraries of other systems, and documentation.
const UNNEEDED: &str = "doc lib/docs lib/libtsan lib/libc/darwin lib/libc/mingw \
                        lib/libc/include/any-windows-any lib/libc/include/any-macos-any";

/// The commands that install Zig.
pub(super) fn commands() -> Vec<String> {
    vec![
        format!(
            "python3 -m pip install --quiet --no-deps --no-cache-dir --no-compile \
             --root-user-action=ignore --require-hashes --target={DIRECTORY} \
             --requirement={REQUIREMENTS}"
        ),
        format!("cd {DIRECTORY}/ziglang && rm -rf {UNNEEDED}"),
        format!("apt-get purge --yes --quiet --auto-remove {INSTALLER}"),
    ]
}

/// The files that are needed to install and call Zig.
pub(super) fn files(zig: ZigTarget, libc: Libc, floor: Option<GlibcVersion>) -> Vec<RecipeFile> {
    let hashes: String = WHEELS
        .iter()
        .map(|hash| format!(" --hash=sha256:{hash}"))
        .collect();
    let requirements = format!("ziglang=={VERSION}{hashes}\n");
    let compiler = |name: &str, command: &str| {
        RecipeFile::program(
            format!("{PREFIX}{name}"),
            COMPILER
                .replace("@COMMAND@", &call(zig, floor, command))
                .replace("@DROPPED@", dropped(libc)),
        )
    };
    let tool = |name: &str| {
        let text = format!("#!/bin/sh\nexec {PROGRAM} {name} \"$@\"\n");
        RecipeFile::program(format!("{PREFIX}{name}"), text)
    };
    vec![
        RecipeFile::new(REQUIREMENTS, requirements),
        compiler("cc", "cc"),
        compiler("c++", "c++"),
        tool("ar"),
        tool("ranlib"),
    ]
}

/// Whether the file is only needed for the installation.
pub(super) fn is_for_installation(file: &RecipeFile) -> bool {
    file.path == REQUIREMENTS
}

/// The invocation of Zig with its constant arguments.
fn call(zig: ZigTarget, floor: Option<GlibcVersion>, command: &str) -> String {
    let floor = floor.map_or(String::new(), |version| format!(".{version}"));
    let cpu = zig.cpu.map_or(String::new(), |cpu| format!(" -mcpu={cpu}"));
    format!("{PROGRAM} {command} -target {}{floor}{cpu}", zig.target)
}

/// The libraries that Rust's `libc` crate links and Zig does not have. `std` does not use them; a
/// program that does gets a linker error about the missing function.
fn dropped(libc: Libc) -> &'static str {
    match libc {
        Libc::System => "-lkvm | -lmemstat | -lprocstat | -ldevstat",
        _ => "-lc",
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
    esac
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
