//! Debian's clang as `clang-cl` and LLVM's linker as `lld-link`, with Microsoft's SDK.

use super::file::RecipeFile;
use super::programs::{ONE_TARGET, Programs};
use crate::facts::sdk::{Sdk, WINDOWS, WINDOWS_HEADERS, WINDOWS_LIBRARIES};
use crate::facts::target_facts::TargetFacts;

/// The path of the compiler, by whose name cc-rs knows its options.
const COMPILER_PATH: &str = "/usr/local/bin/cross-clang-cl";
/// The path of the linker.
pub(super) const LINKER: &str = "/usr/local/bin/cross-lld-link";

/// The programs that builds call.
pub(super) fn programs() -> Programs {
    Programs {
        cc: COMPILER_PATH.to_owned(),
        cxx: COMPILER_PATH.to_owned(),
        ar: "llvm-lib".to_owned(),
        ranlib: "llvm-ranlib".to_owned(),
    }
}

/// The scripts for the compiler and the linker.
pub(super) fn files(facts: &TargetFacts) -> Vec<RecipeFile> {
    let headers = WINDOWS_HEADERS.map(|headers| format!(" /imsvc \"${WINDOWS}/{headers}\""));
    let compiler = COMPILER
        .replace("@ONE_TARGET@", ONE_TARGET)
        .replace("@TARGET@", facts.c_triple)
        .replace("@HEADERS@", &headers.concat());
    let linker = LINKER_SCRIPT.replace("@LIBRARIES@", &libraries(facts));
    vec![
        RecipeFile::program(COMPILER_PATH, compiler),
        RecipeFile::program(LINKER, linker),
    ]
}

/// The linker's options for the directories of libraries. It passes over those that are not there.
fn libraries(facts: &TargetFacts) -> String {
    let Some(sdk @ Sdk::Windows { .. }) = facts.sdk else {
        return String::new();
    };
    let paths = sdk.required_paths().iter().copied().flatten();
    let options: Vec<_> = paths
        .filter(|path| {
            WINDOWS_LIBRARIES
                .iter()
                .any(|libraries| path.starts_with(libraries))
        })
        .map(|path| format!("\"/libpath:${WINDOWS}/{path}\""))
        .collect();
    options.join(" ")
}

/// The compiler. It supports one target and ignores `--target` arguments.
const COMPILER: &str = r#"#!/bin/sh
# clang-cl for one target. Made by cross-targets.
@ONE_TARGET@
exec clang --driver-mode=cl --target=@TARGET@ -fuse-ld=lld -Wno-unused-command-line-argument@HEADERS@ "$@"
"#;

/// The linker. It is the toolchain's own `rust-lld` if present (rustc puts it on `PATH`), which
/// reads what that rustc's LLVM writes, otherwise Debian's.
const LINKER_SCRIPT: &str = r#"#!/bin/sh
# lld-link for one target. Made by cross-targets.
if command -v rust-lld >/dev/null; then
    set -- rust-lld -flavor link "$@"
else
    set -- lld-link "$@"
fi
exec "$@" @LIBRARIES@
"#;
