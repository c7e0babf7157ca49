//! Constructors of rows for the systems of vendors: Apple's, Microsoft's and others, most of which
//! need an SDK to link programs.

use super::families::{AARCH64, Cpu, NVPTX64, row, zig};
use crate::facts::sdk::Sdk;
use crate::facts::target_facts::{
    CToolchain, Libc, StdAvailability, TargetEmulator, TargetFacts, Tier,
};

/// macOS, built with Zig, which has the interfaces of the system's C library and no frameworks;
/// with an SDK of Apple's, built with clang. Its programs do not run on Linux.
pub(crate) const fn macos(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    zig_target: &'static str,
    tier: Tier,
) -> TargetFacts {
    TargetFacts {
        zig: zig(zig_target),
        sdk: Some(Sdk::Apple { platform: "macosx" }),
        ..row(triple, cpu, "macos", Libc::System, c_triple, tier)
    }
    .proven(CToolchain::Zig, "bookworm")
}

/// macOS on several machines: the triples in `slices`, joined. The tier is the lowest of theirs.
pub(crate) const fn universal(
    triple: &'static str,
    slices: &'static [&'static str],
) -> TargetFacts {
    let (c_triple, zig_target) = ("arm64-apple-macosx", "aarch64-macos");
    let first = macos(triple, AARCH64, c_triple, zig_target, Tier::Two);
    TargetFacts { slices, ..first }
}

/// Another system of Apple's, or macOS's own for iOS programs: libraries without C; with an SDK of
/// Apple's for `platform`, programs too. `c_triple` is clang's.
pub(crate) const fn apple(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    c_triple: &'static str,
    platform: &'static str,
) -> TargetFacts {
    TargetFacts {
        sdk: Some(Sdk::Apple { platform }),
        ..row(triple, cpu, os, Libc::System, c_triple, Tier::Two)
    }
    .libraries_only("programs and C code for it need an SDK of Apple's, which is a part of Xcode")
}

/// Windows with LLVM's runtime libraries, built with Zig. `wine` runs its programs, if anything
/// does.
pub(crate) const fn gnullvm(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    zig_target: &'static str,
    wine: Option<&'static str>,
) -> TargetFacts {
    TargetFacts {
        zig: zig(zig_target),
        emulator: match wine {
            Some(program) => Some(TargetEmulator::Wine { program, dlls: "" }),
            None => None,
        },
        ..row(triple, cpu, "windows", Libc::Mingw, c_triple, Tier::Two)
    }
    .proven(CToolchain::Zig, "trixie")
}

/// Windows with Microsoft's runtime libraries: libraries without C, and programs with Microsoft's
/// SDK. `wine` runs them, if anything does.
pub(crate) const fn msvc(
    triple: &'static str,
    cpu: Cpu,
    arch: &'static str,
    wine: Option<&'static str>,
    why: &'static str,
) -> TargetFacts {
    TargetFacts {
        sdk: Some(Sdk::Windows { arch, wine }),
        ..row(triple, cpu, "windows", Libc::Msvc, triple, Tier::One)
    }
    .libraries_only(why)
}

/// Why Microsoft's targets link no programs by themselves.
macro_rules! needs_xwin {
    ($arch:literal) => {
        concat!(
            "programs and C code for it need Microsoft's SDK, which no distribution has: `cargo \
             install xwin --locked` and `xwin --accept-license --arch ",
            $arch,
            " splat --output DIR` make the directory that `sdk` or XWIN_CACHE_DIR names; the \
             targets that end in -gnu and -gnullvm need none"
        )
    };
}
pub(crate) const NEEDS_XWIN_X86_64: &str = needs_xwin!("x86_64");
pub(crate) const NEEDS_XWIN_X86: &str = needs_xwin!("x86");
pub(crate) const NEEDS_XWIN_AARCH64: &str = needs_xwin!("aarch64");

/// Windows programs that are ARM64 and call x86_64: libraries without C.
pub(crate) const fn arm64ec(triple: &'static str, cpu: Cpu) -> TargetFacts {
    row(triple, cpu, "windows", Libc::Msvc, triple, Tier::Two).libraries_only(
        "programs and C code for it need Microsoft's runtime library for ARM64EC, which `xwin` does \
         not write; aarch64-pc-windows-msvc takes its SDK",
    )
}

/// OpenHarmony: libraries without C.
pub(crate) const fn ohos(triple: &'static str, cpu: Cpu) -> TargetFacts {
    row(triple, cpu, "linux", Libc::System, triple, Tier::Two).libraries_only(
        "programs and C code for it need OpenHarmony's SDK, which no distribution has",
    )
}

/// Fuchsia: libraries without C.
pub(crate) const fn fuchsia(triple: &'static str, cpu: Cpu) -> TargetFacts {
    row(triple, cpu, "fuchsia", Libc::System, triple, Tier::Two)
        .libraries_only("programs and C code for it need Fuchsia's SDK, which no distribution has")
}

/// Redox: libraries without C.
pub(crate) const fn redox(triple: &'static str, cpu: Cpu) -> TargetFacts {
    row(triple, cpu, "redox", Libc::System, triple, Tier::Two).libraries_only(
        "programs and C code for it need Redox's own GCC and relibc, which no distribution has",
    )
}

/// Intel's SGX enclaves: libraries without C.
pub(crate) const fn sgx(triple: &'static str, cpu: Cpu) -> TargetFacts {
    row(triple, cpu, "unknown", Libc::None, triple, Tier::Two).libraries_only(
        "programs for it need the libunwind of rustup's `std`, and Fortanix's tools, which make \
         enclaves of them and start them on a processor with SGX; no distribution has either, and the \
         recipe has no compiler for C code",
    )
}

/// NVIDIA's CUDA: libraries without C.
pub(crate) const fn cuda(triple: &'static str) -> TargetFacts {
    TargetFacts {
        std: StdAvailability::None,
        ..row(triple, NVPTX64, "cuda", Libc::None, triple, Tier::Two)
    }
    .libraries_only(
        "its kernels need rustup's components llvm-bitcode-linker and llvm-tools (`rustup component \
         add llvm-bitcode-linker llvm-tools`), with which Rust links them itself, and the recipe has no \
         compiler for C code",
    )
}
