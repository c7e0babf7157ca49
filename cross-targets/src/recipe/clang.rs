//! Debian's clang and lld as compiler and linker for another operating system.

use super::file::RecipeFile;
use super::programs::{ONE_TARGET, Programs};
use crate::facts::sdk::{self, Sdk};
use crate::facts::target_facts::{Libc, TargetFacts};

/// The path at which clang expects the linker of Solaris.
const SOLARIS_LINKER: &str = "/usr/gnu/bin/ld";

/// Files of the suite's packages that are not needed: tools of LLVM developers, and the `std` of
/// other WebAssembly targets (250 MB).
pub(super) const UNNEEDED: [&str; 6] = [
    "/usr/lib/llvm-*/bin/llvm-exegesis",
    "/usr/lib/llvm-*/bin/llvm-tblgen",
    "/usr/lib/llvm-*/bin/*2*yaml",
    "/usr/lib/llvm-*/bin/yaml2obj",
    "/usr/lib/rustlib/wasm32-unknown-unknown/*",
    "/usr/lib/rustlib/wasm32-wasip2/*",
];

/// The path of the linker for WASI.
pub(super) const WASI_LINKER: &str = "/usr/local/bin/cross-wasm-ld";

/// Arguments of libclang for WASI: Debian's header directory, and default visibility, which
/// WebAssembly does not have by default.
pub(super) const WASI_BINDGEN: &str = "-fvisibility=default -isystem/usr/include/wasm32-wasi";

/// The programs that builds call.
pub(super) fn programs(prefix: &str) -> Programs {
    Programs {
        cc: format!("{prefix}cc"),
        cxx: format!("{prefix}c++"),
        ar: "llvm-ar".to_owned(),
        ranlib: "llvm-ranlib".to_owned(),
    }
}

/// The scripts for these programs. The paths begin with `prefix`.
pub(super) fn files(facts: &TargetFacts, prefix: &str) -> Vec<RecipeFile> {
    let compiler = |name: &str, program: &str, more: &str| {
        let text = match facts.sdk {
            Some(Sdk::Apple { .. }) => APPLE,
            _ => COMPILER,
        };
        let text = text
            .replace("@ONE_TARGET@", ONE_TARGET)
            .replace("@PROGRAM@", program)
            .replace("@OPTIONS@", &(options(facts) + more));
        RecipeFile::program(format!("{prefix}{name}"), text)
    };
    // WASI does not support exceptions.
    let cxx = if facts.libc == Libc::Wasi {
        " -fno-exceptions"
    } else {
        ""
    };
    let mut files = vec![compiler("cc", "clang", ""), compiler("c++", "clang++", cxx)];
    if facts.libc == Libc::Wasi {
        let linker = match facts.triple {
            "wasm32-wasip2" => COMPONENT_LINKER,
            _ => MODULE_LINKER,
        };
        let text = WASI.replace("@LINKER@", linker);
        files.push(RecipeFile::program(WASI_LINKER, text));
    }
    if let Some(emulation) = solaris_emulation(facts) {
        let text = SOLARIS
            .replace("@EMULATION@", emulation)
            .replace("@LIBRARIES@", solaris_libraries(facts));
        files.push(RecipeFile::program(SOLARIS_LINKER, text));
    }
    files
}

/// The constant arguments of clang.
fn options(facts: &TargetFacts) -> String {
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
            // Linker arguments are not unused-argument mistakes when clang only compiles.
            format!(
                "--target={clang_target} \"--sysroot=${sysroot}\" \
                 --start-no-unused-arguments {linker} --end-no-unused-arguments"
            )
        }
        // The variable names the SDK, to clang too.
        Some(Sdk::Apple { .. }) => format!(
            "--target={} --start-no-unused-arguments -fuse-ld=lld --end-no-unused-arguments",
            facts.c_triple
        ),
        // The build machine's headers are not the target's.
        _ if facts.libc == Libc::None => {
            format!("--target={} -ffreestanding -nostdlibinc", facts.c_triple)
        }
        _ => format!("--target={}", facts.c_triple),
    }
}

/// The lld emulation for Solaris or illumos.
fn solaris_emulation(facts: &TargetFacts) -> Option<&'static str> {
    match (facts.os, facts.arch) {
        ("solaris" | "illumos", "x86_64") => Some("elf_x86_64"),
        ("solaris", "sparc64") => Some("elf64_sparc"),
        _ => None,
    }
}

/// The library directory of the processor on Solaris, below `/usr/lib`.
fn solaris_libraries(facts: &TargetFacts) -> &'static str {
    match facts.arch {
        "sparc64" => "sparcv9",
        _ => "amd64",
    }
}

/// The compiler, which also links. It supports one target and ignores `--target` arguments.
const COMPILER: &str = r#"#!/bin/sh
# A C compiler and linker for one target. Made by cross-targets.
@ONE_TARGET@
exec @PROGRAM@ @OPTIONS@ "$@"
"#;

/// The same for a system of Apple's. The argument that names the target has the version of the
/// system.
const APPLE: &str = r#"#!/bin/sh
# A C compiler and linker for one target. Made by cross-targets.
exec @PROGRAM@ @OPTIONS@ "$@"
"#;

/// How [`WASI`] finds the linker of modules.
const MODULE_LINKER: &str = "lld=$(command -v rust-lld || command -v lld)";
/// How [`WASI`] finds the linker of components, which a Rust toolchain bundles. It calls the linker
/// of modules.
const COMPONENT_LINKER: &str = "lld=wasm-component-ld";

/// Uses the toolchain's own `rust-lld` if present (rustc puts it on `PATH`), otherwise LLVM's lld.
/// Rust bundles the C library of WASI; the C++ library, which cc-rs links only in part, is
/// Debian's.
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
@LINKER@
exec "$lld" "$@" -L/usr/lib/wasm32-wasi
"#;

/// clang calls the Solaris linker as if it were the system's or GNU's. The script translates the
/// emulation and the version script for LLVM's linker and sets the dynamic loader. It drops GCC's
/// runtime objects, which the system does not have and whose functions are available elsewhere.
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
