//! The libraries that Zig has as source: compiled once, with the environment.
//!
//! Zig compiles the C++ library, musl and its compiler's runtime when it first links with them, and
//! again for each of its cache directories. A cache that builds can write to must not be shared by
//! builds, so that this would happen for every target directory, and twice: with symbols for
//! debuggers and without.

use super::file::RecipeFile;
use crate::facts::target_facts::{Libc, TargetFacts};

/// The script that compiles the libraries.
const MAKER: &str = "/opt/zig/make-parts.sh";

/// What a static program of musl needs besides the C++ library.
const OF_MUSL: &str = "libc.a libunwind.a libcompiler_rt.a crt1.o rcrt1.o";

/// The command that makes the libraries, if there are any.
pub(super) fn command(facts: &TargetFacts) -> Option<String> {
    is_served(facts).then(|| format!("sh {MAKER} && rm {MAKER}"))
}

/// The script of this command. `cxx` is the C++ compiler.
pub(super) fn maker(facts: &TargetFacts, cxx: &str) -> Option<RecipeFile> {
    let (kind, others) = match facts.libc {
        Libc::Musl => (kind(facts.arch), OF_MUSL),
        _ => ("-pie", ""),
    };
    let (stand_ins, source) = match lacks_atomics(facts) {
        true => (STAND_INS, " -x c atomics.c"),
        false => ("", ""),
    };
    let text = MAKE
        .replace("@CXX@", cxx)
        .replace("@KIND@", kind)
        .replace("@STAND_INS@", stand_ins)
        .replace("@SOURCE@", source)
        .replace("@OTHERS@", others);
    is_served(facts).then(|| RecipeFile::new(MAKER, text))
}

/// The part of the compiler's script that links without Zig's driver.
pub(super) fn link(facts: &TargetFacts) -> &'static str {
    match facts.libc {
        Libc::Musl => LINK,
        _ => "",
    }
}

/// Whether the C++ library is an archive that LLVM's linker for ELF can link.
fn is_served(facts: &TargetFacts) -> bool {
    !matches!(facts.os, "macos" | "windows")
}

/// Whether the file is only needed for the installation.
pub(super) fn is_for_installation(file: &RecipeFile) -> bool {
    file.path == MAKER
}

/// The kind of programs that rustc links by default, if the code is independent of its position.
/// The start files of this kind are kept.
fn kind(arch: &str) -> &'static str {
    match arch {
        "aarch64" | "arm" | "x86" => "-static",
        _ => "-pie",
    }
}

/// Whether LLVM calls functions for atomic operations, as for processors of ARM before version 6, that
/// Zig has nowhere. A program in Rust has them from Rust's `compiler_builtins`.
fn lacks_atomics(facts: &TargetFacts) -> bool {
    facts.triple.starts_with("armv5")
}

/// Writes functions that take their place in the program that is linked to make the libraries, and
/// that nothing starts.
const STAND_INS: &str = r#"
for operation in fetch_and_add fetch_and_sub fetch_and_and fetch_and_nand fetch_and_or fetch_and_xor \
    fetch_and_max fetch_and_min fetch_and_umax fetch_and_umin lock_test_and_set val_compare_and_swap; do
    for size in 1 2 4; do
        name=${operation}_$size
        echo "void $name(void) __asm__(\"__sync_$name\"); void $name(void) {}"
    done
done >atomics.c"#;

/// Compiles a program that needs every library, and keeps the libraries. Without symbols for
/// debuggers they have a third of the size.
const MAKE: &str = r#"# Compiles the libraries that programs are linked with. Made by cross-targets.
set -e
parts=/opt/zig/parts
work=$(mktemp -d)
cd "$work"
cat >program.cpp <<'END'
#include <iostream>
#include <stdexcept>
int main() {
    try { throw std::runtime_error("thrown"); }
    catch (std::exception &error) { std::cout << error.what() << '\n'; }
}
END@STAND_INS@
ZIG_GLOBAL_CACHE_DIR=$work/cache @CXX@ @KIND@ -fPIC -Wl,--strip-debug program.cpp@SOURCE@ -o program
mkdir "$parts"
for part in libc++.a libc++abi.a @OTHERS@; do
    find cache/o -name "$part" -exec cp {} "$parts/" \;
done
# Both libraries in one archive, which takes the place of `-lstdc++`.
cd "$parts"
mv libc++.a libc++std.a
printf '%s\n' 'create libc++.a' 'addlib libc++std.a' 'addlib libc++abi.a' save end | /opt/zig/ziglang/zig ar -M
rm -r libc++std.a libc++abi.a "$work"
"#;

/// The part of the compiler's script that links what rustc links. (`-nodefaultlibs` is rustc's
/// word.) The musl is Rust's own if rustc names it, and the linker is Rust's if it is on `PATH`.
/// What is not understood, or cannot be linked in this way, is left to Zig.
const LINK: &str = r#"
# Links a static program. Fails if this does not suffice.
link() {
    bundled= start=
    case " $* " in
    *"/self-contained/"*crt1.o*) bundled=1 ;;
    *) [ -e "$parts/libc.a" ] || return 1 ;;
    esac
    for argument; do
        shift
        case $argument in
        -Wl,*)
            set -f
            IFS=,
            # shellcheck disable=SC2086 # The commas separate arguments.
            set -- "$@" ${argument#-Wl,}
            unset IFS
            set +f
            ;;
        -static-pie | -pie)
            start=rcrt1.o
            set -- "$@" -static -pie --no-dynamic-linker -z text
            ;;
        -static)
            start=crt1.o
            set -- "$@" -static
            ;;
        -lstdc++ | -lc++)
            [ -e "$parts/libc++.a" ] || return 1
            set -- "$@" "$parts/libc++.a"
            ;;
        # The names that parts of a C library have elsewhere, and what comes last.
        -lc | -lm | -lpthread | -ldl | -lrt | -lutil | -lcrypt | -lresolv | -lc++abi) ;;
        -lgcc | -lgcc_eh | -lgcc_s | -lunwind) ;;
        -m32 | -m64 | -march=* | -mfpu=* | --target=* | -fuse-ld=* | -B*) ;;
        -nostartfiles | -nodefaultlibs | -no-pie | -O?) ;;
        -o | -L* | -l* | -u | -z | -s) set -- "$@" "$argument" ;;
        -* | @*) return 1 ;;
        *) set -- "$@" "$argument" ;;
        esac
    done
    case $bundled$start in
    1*) set -- "$@" -lunwind -lc ;;
    *crt1.o)
        [ -e "$parts/$start" ] || return 1
        set -- "$parts/$start" "$@" "$parts/libunwind.a" "$parts/libc.a"
        ;;
    *) return 1 ;;
    esac
    [ ! -e "$parts/libcompiler_rt.a" ] || set -- "$@" "$parts/libcompiler_rt.a"
    # Zig's size of a stack.
    set -- -z stack-size=16777216 "$@"
    if command -v rust-lld >/dev/null; then
        rust-lld -flavor gnu "$@"
    else
        "$zig" ld.lld "$@"
    fi 2>/dev/null
}
case " $* " in
*" -nodefaultlibs "*) ! link "$@" || exit 0 ;;
esac
"#;
