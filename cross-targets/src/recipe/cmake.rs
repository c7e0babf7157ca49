//! CMake's toolchain file: what it can't find out about a system it doesn't run on.

use super::file::File;
use super::programs::Programs;
use crate::facts::sdk::{self, Sdk};
use crate::facts::target_facts::{Endian, Facts, Tools};

/// Where the file is.
const PATH: &str = "/usr/local/share/cross/toolchain.cmake";
/// Emscripten has its own.
const EMSCRIPTEN: &str = "/usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake";

/// Where CMake finds the toolchain file of a target.
pub(super) fn path(facts: &Facts) -> &'static str {
    match facts.tools {
        Tools::Emscripten => EMSCRIPTEN,
        _ => PATH,
    }
}

/// The toolchain file, where it isn't there already.
pub(super) fn file(facts: &Facts, programs: &Programs) -> Option<File> {
    if facts.tools == Tools::Emscripten {
        return None;
    }
    if let Some(Sdk::Ndk { abi, .. }) = facts.sdk {
        return Some(File::new(PATH, ndk(facts, abi)));
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
    if facts.os == "none" {
        // Nothing links without a linker script, so CMake's trial programs don't either.
        text += "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\n";
    }
    if let Some(Sdk::Sysroot { .. }) = facts.sdk {
        text += &format!("set(CMAKE_SYSROOT \"$ENV{{{}}}\")\n", sdk::SYSROOT);
    }
    // Programs are the build machine's.
    text += "set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)\n";
    if let Some(multiarch) = facts.multiarch {
        text += &format!("set(CMAKE_LIBRARY_ARCHITECTURE {multiarch})\n");
    }
    Some(File::new(PATH, text))
}

/// The NDK has a toolchain file of its own, which has to be told the processor and the version.
fn ndk(facts: &Facts, abi: &str) -> String {
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
fn system(facts: &Facts) -> &'static str {
    match facts.os {
        "linux" => "Linux",
        "windows" => "Windows",
        "freebsd" => "FreeBSD",
        "netbsd" => "NetBSD",
        "dragonfly" => "DragonFly",
        // CMake's name of illumos too, as its `uname -s` says.
        "solaris" | "illumos" => "SunOS",
        "wasi" => "WASI",
        _ => "Generic",
    }
}

/// The processor as `uname -m` calls it on such a system, which is what projects compare it with.
fn processor(facts: &Facts) -> &'static str {
    match (facts.arch, facts.os, facts.endian) {
        ("x86_64", "windows", _) => "AMD64",
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
