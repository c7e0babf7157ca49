//! Debian's clang and lld as the compiler and linker for another system.

use super::file::File;
use super::programs::Programs;
use crate::facts::sdk::{self, Sdk};
use crate::facts::target_facts::{Facts, Libc};

/// What the scripts' names start with.
const PREFIX: &str = "/usr/local/bin/cross-";

/// Where clang looks for the linker of Solaris.
const SOLARIS_LINKER: &str = "/usr/gnu/bin/ld";

/// What the suite's packages have and nobody calls: tools of LLVM's own developers, and the `std` of
/// other WebAssembly systems (250 MB).
pub(super) const UNNEEDED: [&str; 6] = [
    "/usr/lib/llvm-*/bin/llvm-exegesis",
    "/usr/lib/llvm-*/bin/llvm-tblgen",
    "/usr/lib/llvm-*/bin/*2*yaml",
    "/usr/lib/llvm-*/bin/yaml2obj",
    "/usr/lib/rustlib/wasm32-unknown-unknown/*",
    "/usr/lib/rustlib/wasm32-wasip2/*",
];

/// The linker of WASI's programs.
pub(super) const WASI_LINKER: &str = "/usr/local/bin/cross-wasm-ld";

/// What clang's library is told for WASI: where Debian has the headers, and that what is declared
/// can be seen, which is not so for WebAssembly by itself.
pub(super) const WASI_BINDGEN: &str = "-fvisibility=default -isystem/usr/include/wasm32-wasi";

/// The programs that a build calls.
pub(super) fn programs() -> Programs {
    Programs {
        cc: format!("{PREFIX}cc"),
        cxx: format!("{PREFIX}c++"),
        ar: "llvm-ar".to_owned(),
        ranlib: "llvm-ranlib".to_owned(),
    }
}

/// The scripts that are these programs.
pub(super) fn files(facts: &Facts) -> Vec<File> {
    let compiler = |name: &str, program: &str, more: &str| {
        let text = COMPILER
            .replace("@PROGRAM@", program)
            .replace("@OPTIONS@", &(options(facts) + more));
        File::program(format!("{PREFIX}{name}"), text)
    };
    // WASI has no way to throw.
    let cxx = if facts.libc == Libc::Wasi {
        " -fno-exceptions"
    } else {
        ""
    };
    let mut files = vec![compiler("cc", "clang", ""), compiler("c++", "clang++", cxx)];
    if facts.libc == Libc::Wasi {
        files.push(File::program(WASI_LINKER, WASI));
    }
    if let Some(emulation) = solaris_emulation(facts) {
        let text = SOLARIS
            .replace("@EMULATION@", emulation)
            .replace("@LIBRARIES@", solaris_libraries(facts));
        files.push(File::program(SOLARIS_LINKER, text));
    }
    files
}

/// What clang is always told.
fn options(facts: &Facts) -> String {
    match facts.sdk {
        Some(Sdk::Sysroot { clang_target }) => {
            let sysroot = sdk::SYSROOT;
            let linker = match solaris_emulation(facts) {
                Some(_) => format!(
                    "-fuse-ld=bfd \"-L${sysroot}/usr/lib/{}\" \"-L${sysroot}/usr/lib\"",
                    solaris_libraries(facts)
                ),
                None => "-fuse-ld=lld".to_owned(),
            };
            // What only matters for linking is no mistake where nothing is linked.
            format!(
                "--target={clang_target} \"--sysroot=${sysroot}\" \
                 --start-no-unused-arguments {linker} --end-no-unused-arguments"
            )
        }
        _ => format!("--target={}", facts.c_triple),
    }
}

/// How lld is told the processor of a Solaris or illumos.
fn solaris_emulation(facts: &Facts) -> Option<&'static str> {
    match (facts.os, facts.arch) {
        ("solaris" | "illumos", "x86_64") => Some("elf_x86_64"),
        ("solaris", "sparc64") => Some("elf64_sparc"),
        _ => None,
    }
}

/// Solaris' directory of the processor's libraries, below `/usr/lib`.
fn solaris_libraries(facts: &Facts) -> &'static str {
    match facts.arch {
        "sparc64" => "sparcv9",
        _ => "amd64",
    }
}

/// The compiler, which is the linker too. It has one target, whatever others call it.
const COMPILER: &str = r#"#!/bin/sh
# A C compiler and linker for one target. Made by cross-targets.
for argument; do
    shift
    case $argument in
    --target=*) continue ;;
    esac
    set -- "$@" "$argument"
done
exec @PROGRAM@ @OPTIONS@ "$@"
"#;

/// Rust's own linker where the toolchain has one (rustc then puts it on PATH), else LLVM's. Rust
/// brings WASI's C library; C++'s, of which cc-rs names but the half, is Debian's.
const WASI: &str = r#"#!/bin/sh
# The linker for WASI. Made by cross-targets.
before=
for argument; do
    shift
    set -- "$@" "$argument"
    case $before$argument in
    -lc++) set -- "$@" -lc++abi ;;
    esac
    before=$argument
done
lld=$(command -v rust-lld || command -v lld)
exec "$lld" "$@" -L/usr/lib/wasm32-wasi
"#;

/// Clang takes Solaris' linker to be the system's own or GNU's. LLVM's has another name for the
/// processor and for the list of exported symbols, and is told the loader; what GCC has besides its
/// library (which has the same functions) is not part of the system.
const SOLARIS: &str = r#"#!/bin/sh
# GNU ld for Solaris, as clang and rustc call it, by LLVM's. Made by cross-targets.
before=
for argument; do
    shift
    case $before$argument in
    -m*_sol2) argument=@EMULATION@ ;;
    -M) argument=--version-script ;;
    -zignore | -zrecord) argument=nokeep-text-section-prefix ;; # as it is anyway
    -lgcc | crtbegin.o | crtend.o) continue ;;
    esac
    case $argument in
    -m | -z) before=$argument ;;
    *) before= ;;
    esac
    set -- "$@" "$argument"
done
exec ld.lld --dynamic-linker=/lib/@LIBRARIES@/ld.so.1 "$@"
"#;
