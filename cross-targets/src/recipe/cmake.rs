//! CMake toolchain files, which describe the target system.

use super::clang_cl;
use super::file::RecipeFile;
use super::programs::Programs;
use crate::facts::sdk::{self, Sdk};
use crate::facts::target_facts::{CToolchain, Endian, Libc, TargetFacts};

/// The path of the toolchain file without its ending.
const PATH: &str = "/usr/local/share/cross/toolchain";
/// The path of Emscripten's own toolchain file.
const EMSCRIPTEN: &str = "/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake";

/// The path of the target's toolchain file. `slice` is the name of one of several processors that
/// the recipe builds for.
pub(super) fn path(facts: &TargetFacts, slice: Option<&str>) -> String {
    match (facts.c_toolchain, slice) {
        (CToolchain::Emscripten, _) => EMSCRIPTEN.to_owned(),
        (_, None) => format!("{PATH}.cmake"),
        (_, Some(slice)) => format!("{PATH}-{slice}.cmake"),
    }
}

/// The toolchain file, if the target needs a generated one.
pub(super) fn file(
    facts: &TargetFacts,
    programs: &Programs,
    slice: Option<&str>,
) -> Option<RecipeFile> {
    if facts.c_toolchain == CToolchain::Emscripten {
        return None;
    }
    if let Some(Sdk::Ndk { abi, .. }) = facts.sdk {
        return Some(RecipeFile::new(path(facts, slice), ndk(facts, abi)));
    }
    let Programs {
        cc,
        cxx,
        ar,
        ranlib,
    } = programs;
    let mut text = format!(
        "# How to build for {triple}. Made by cross-targets.\n\
         set(CMAKE_SYSTEM_NAME {system})\n\
         set(CMAKE_SYSTEM_PROCESSOR {processor})\n\
         set(CMAKE_C_COMPILER {cc})\n\
         set(CMAKE_CXX_COMPILER {cxx})\n\
         set(CMAKE_AR {ar} CACHE FILEPATH \"\")\n\
         set(CMAKE_RANLIB {ranlib} CACHE FILEPATH \"\")\n",
        triple = facts.triple,
        system = system(facts),
        processor = processor(facts),
    );
    for part in ["C", "CXX"] {
        if !facts.c_flags.is_empty() {
            text += &format!("set(CMAKE_{part}_FLAGS_INIT \"{}\")\n", facts.c_flags);
        }
    }
    if matches!(facts.libc, Libc::Newlib | Libc::None) {
        // Programs, including those of CMake's checks, do not link without a linker script.
        text += "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n";
    }
    if let Some(Sdk::Windows { .. }) = facts.sdk {
        text += &format!(
            "set(CMAKE_LINKER {})\n\
             set(CMAKE_RC_COMPILER llvm-rc)\n\
             set(CMAKE_MT llvm-mt)\n\
             # The SDK usually lacks the libraries for debugging.\n\
             set(CMAKE_TRY_COMPILE_CONFIGURATION Release)\n\
             set(CMAKE_MSVC_RUNTIME_LIBRARY MultiThreadedDLL CACHE STRING \"\")\n",
            clang_cl::LINKER
        );
    }
    if let Some(Sdk::Sysroot { .. }) = facts.sdk {
        text += &format!("set(CMAKE_SYSROOT \"$ENV{{{}}}\")\n", sdk::SYSROOT);
    }
    if let Some(Sdk::Apple { .. }) = facts.sdk {
        // CMake looks for it with Apple's own programs otherwise.
        text += &format!("set(CMAKE_OSX_SYSROOT \"$ENV{{{}}}\")\n", sdk::APPLE);
    }
    // Programs to run are those of the build machine.
    text += "set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)\n";
    if let Some(multiarch) = facts.multiarch {
        text += &format!("set(CMAKE_LIBRARY_ARCHITECTURE {multiarch})\n");
    }
    Some(RecipeFile::new(path(facts, slice), text))
}

/// The NDK's own toolchain file, configured with the ABI and the API level.
fn ndk(facts: &TargetFacts, abi: &str) -> String {
    format!(
        "# How to build for {triple}. Made by cross-targets.\n\
         set(ANDROID_ABI {abi})\n\
         set(ANDROID_PLATFORM android-$ENV{{{api}}})\n\
         include(\"$ENV{{{ndk}}}/build/cmake/android.toolchain.cmake\")\n",
        triple = facts.triple,
        api = sdk::API,
        ndk = sdk::NDK,
    )
}

/// CMake's name of the operating system.
fn system(facts: &TargetFacts) -> &'static str {
    match facts.os {
        "linux" => "Linux",
        "windows" => "Windows",
        "freebsd" => "FreeBSD",
        "netbsd" => "NetBSD",
        "dragonfly" => "DragonFly",
        // CMake uses this name for illumos too, after `uname -s`.
        "solaris" | "illumos" => "SunOS",
        "wasi" => "WASI",
        "macos" => "Darwin",
        "ios" => "iOS",
        "tvos" => "tvOS",
        "watchos" => "watchOS",
        "visionos" => "visionOS",
        _ => "Generic",
    }
}

/// The processor as `uname -m` names it on the target system, which projects compare with.
fn processor(facts: &TargetFacts) -> &'static str {
    match (facts.arch, facts.os, facts.endian) {
        ("x86_64", "windows", _) => "AMD64",
        ("aarch64", "windows", _) => "ARM64",
        ("aarch64", _, _) if facts.triple.contains("-apple-") => "arm64",
        ("x86_64", "solaris" | "illumos", _) => "i386",
        ("sparc64", "solaris", _) => "sparc",
        ("x86_64", "freebsd" | "netbsd" | "dragonfly", _) => "amd64",
        ("x86", "linux", _) => "i686",
        ("powerpc", ..) => "ppc",
        ("powerpc64", _, Endian::Little) => "ppc64le",
        ("powerpc64", _, Endian::Big) => "ppc64",
        (arch, ..) => arch,
    }
}
