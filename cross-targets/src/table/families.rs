//! Constructors of rows for each family of targets, from the facts that differ within the family.

use super::debian_gcc::Gnu;
use crate::facts::glibc::GlibcVersion;
use crate::facts::sdk::Sdk;
use crate::facts::target_facts::{
    CToolchain, Endian, Libc, StdAvailability, SupportLevel, TargetEmulator, TargetFacts,
    TestSupport, Tier, ZigTarget,
};
use crate::facts::uefi_machine::UefiMachine;

/// Facts about a processor that do not depend on the triple.
#[derive(Clone, Copy)]
pub(crate) struct Cpu {
    /// `target_arch`.
    arch: &'static str,
    endian: Endian,
    pointer_width: u32,
    /// The QEMU user mode emulator; `None` if QEMU has none.
    qemu: Option<&'static str>,
}

const fn little(arch: &'static str, pointer_width: u32, qemu: &'static str) -> Cpu {
    Cpu {
        arch,
        endian: Endian::Little,
        pointer_width,
        qemu: Some(qemu),
    }
}

const fn big(arch: &'static str, pointer_width: u32, qemu: &'static str) -> Cpu {
    Cpu {
        endian: Endian::Big,
        ..little(arch, pointer_width, qemu)
    }
}

pub(crate) const AARCH64: Cpu = little("aarch64", 64, "qemu-aarch64-static");
pub(crate) const ARM: Cpu = little("arm", 32, "qemu-arm-static");
pub(crate) const LOONG64: Cpu = little("loongarch64", 64, "qemu-loongarch64-static");
pub(crate) const MIPS: Cpu = big("mips", 32, "qemu-mips-static");
pub(crate) const MIPS64: Cpu = big("mips64", 64, "qemu-mips64-static");
pub(crate) const MIPS64EL: Cpu = little("mips64", 64, "qemu-mips64el-static");
pub(crate) const MIPSEL: Cpu = little("mips", 32, "qemu-mipsel-static");
pub(crate) const PPC: Cpu = big("powerpc", 32, "qemu-ppc-static");
pub(crate) const PPC64: Cpu = big("powerpc64", 64, "qemu-ppc64-static");
pub(crate) const PPC64LE: Cpu = little("powerpc64", 64, "qemu-ppc64le-static");
pub(crate) const ARM64EC: Cpu = Cpu {
    qemu: None,
    ..little("arm64ec", 64, "")
};
pub(super) const NVPTX64: Cpu = Cpu {
    qemu: None,
    ..little("nvptx64", 64, "")
};
pub(crate) const RISCV32: Cpu = little("riscv32", 32, "qemu-riscv32-static");
pub(crate) const RISCV64: Cpu = little("riscv64", 64, "qemu-riscv64-static");
pub(crate) const S390X: Cpu = big("s390x", 64, "qemu-s390x-static");
pub(crate) const SPARC64: Cpu = big("sparc64", 64, "qemu-sparc64-static");
pub(crate) const WASM32: Cpu = Cpu {
    qemu: None,
    ..little("wasm32", 32, "")
};
pub(crate) const X86: Cpu = little("x86", 32, "qemu-i386-static");
pub(crate) const X86_64: Cpu = little("x86_64", 64, "qemu-x86_64-static");
/// x86_64 with 32-bit pointers. QEMU's user mode does not know its system calls.
pub(crate) const X32: Cpu = Cpu {
    qemu: None,
    ..little("x86_64", 32, "")
};

/// A row without a proven recipe, for the operating system `os`.
pub(super) const fn row(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    libc: Libc,
    c_triple: &'static str,
    tier: Tier,
) -> TargetFacts {
    TargetFacts {
        triple,
        slices: &[],
        arch: cpu.arch,
        os,
        libc,
        endian: cpu.endian,
        pointer_width: cpu.pointer_width,
        c_triple,
        debian_arch: None,
        multiarch: None,
        cross_packages: &[],
        c_toolchain: CToolchain::None,
        zig: None,
        c_flags: "",
        sysroot: "/",
        suite: None,
        // rustup ships `std` for all tiers but the third.
        std: match tier {
            Tier::Three => StdAvailability::BuildStd,
            _ => StdAvailability::Prebuilt,
        },
        tier,
        sdk: None,
        emulator: None,
        support: SupportLevel::NotYet {
            why: "no recipe is proven for it yet",
        },
        tests: TestSupport::None,
    }
}

impl TargetFacts {
    /// Marks the row as proven, with this C toolchain and the suite of its recipe.
    pub(super) const fn proven(self, c_toolchain: CToolchain, suite: &'static str) -> Self {
        Self {
            c_toolchain,
            suite: Some(suite),
            support: SupportLevel::Recipe,
            tests: match (self.emulator, self.std) {
                (None, _) => TestSupport::None,
                (Some(_), StdAvailability::None) => TestSupport::Programs,
                (Some(_), _) => TestSupport::Parallel,
            },
            ..self
        }
    }

    /// Marks the row as without a recipe, with the reason.
    pub(crate) const fn without_recipe(self, why: &'static str) -> Self {
        Self {
            c_toolchain: CToolchain::None,
            suite: None,
            support: SupportLevel::NotYet { why },
            tests: match self.emulator {
                Some(_) => TestSupport::Unproven,
                None => TestSupport::None,
            },
            ..self
        }
    }

    /// Marks the row as one whose libraries its recipe builds, with the reason why it links no
    /// programs.
    pub(super) const fn libraries_only(self, why: &'static str) -> Self {
        Self {
            c_toolchain: CToolchain::None,
            suite: Some("bookworm"),
            support: SupportLevel::Libraries { why },
            tests: TestSupport::None,
            ..self
        }
    }

    /// Sets the Debian suite, where the usual one lacks something.
    pub(crate) const fn suite(self, suite: &'static str) -> Self {
        Self {
            suite: Some(suite),
            ..self
        }
    }

    /// Sets the processor for QEMU's user mode.
    pub(crate) const fn qemu_cpu(self, cpu: &'static str) -> Self {
        Self {
            emulator: match self.emulator {
                Some(TargetEmulator::QemuUser { program, .. }) => Some(TargetEmulator::QemuUser {
                    program,
                    cpu: Some(cpu),
                }),
                other => other,
            },
            ..self
        }
    }

    /// Sets additional C compiler flags.
    pub(crate) const fn c_flags(self, c_flags: &'static str) -> Self {
        Self { c_flags, ..self }
    }

    /// Sets the processor for Zig.
    pub(crate) const fn zig_cpu(self, cpu: &'static str) -> Self {
        Self {
            zig: match self.zig {
                Some(zig) => Some(ZigTarget {
                    cpu: Some(cpu),
                    ..zig
                }),
                None => None,
            },
            ..self
        }
    }

    /// Uses Zig although Debian has a GCC, whose libraries are built for a newer processor.
    pub(crate) const fn with_zig(self) -> Self {
        Self {
            c_toolchain: CToolchain::Zig,
            ..self
        }
    }
}

const fn qemu(cpu: Cpu, qemu_cpu: Option<&'static str>) -> Option<TargetEmulator> {
    match cpu.qemu {
        Some(program) => Some(TargetEmulator::QemuUser {
            program,
            cpu: qemu_cpu,
        }),
        None => None,
    }
}

pub(super) const fn zig(target: &'static str) -> Option<ZigTarget> {
    Some(ZigTarget {
        target,
        cpu: None,
        oldest_glibc: None,
    })
}

/// Zig's options for a target with glibc, whose oldest version is `2.minor`.
const fn zig_with_glibc(target: Option<&'static str>, minor: u16) -> Option<ZigTarget> {
    match target {
        Some(target) => Some(ZigTarget {
            target,
            cpu: None,
            oldest_glibc: Some(GlibcVersion::new(2, minor)),
        }),
        None => None,
    }
}

/// Linux with glibc, built with Debian's GCC.
pub(crate) const fn gnu(triple: &'static str, cpu: Cpu, gnu: Gnu, tier: Tier) -> TargetFacts {
    TargetFacts {
        debian_arch: Some(gnu.debian_arch),
        multiarch: Some(gnu.multiarch),
        cross_packages: gnu.cross_packages,
        zig: zig_with_glibc(gnu.zig, gnu.oldest_glibc),
        sysroot: gnu.sysroot,
        emulator: qemu(cpu, None),
        ..row(triple, cpu, "linux", Libc::Glibc, gnu.c_triple, tier)
    }
    .proven(CToolchain::Gcc, gnu.suite)
}

/// Linux with musl, built with Zig. Debian has musl for its own architectures only, and no cross
/// compiler for it.
pub(crate) const fn musl(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    zig_target: &'static str,
    tier: Tier,
) -> TargetFacts {
    TargetFacts {
        zig: zig(zig_target),
        emulator: qemu(cpu, None),
        ..row(triple, cpu, "linux", Libc::Musl, c_triple, tier)
    }
    .proven(CToolchain::Zig, "bookworm")
}

/// A BSD whose libc Zig can link with. Its programs do not run on Linux.
pub(crate) const fn bsd(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    c_triple: &'static str,
    zig_target: &'static str,
) -> TargetFacts {
    TargetFacts {
        zig: zig(zig_target),
        ..row(triple, cpu, os, Libc::System, c_triple, Tier::Two)
    }
    .proven(CToolchain::Zig, "bookworm")
}

/// Facts about a mingw-w64 compiler, and the Wine that runs its programs.
#[derive(Clone, Copy)]
pub(crate) struct Mingw {
    c_triple: &'static str,
    packages: &'static [&'static str],
    wine: TargetEmulator,
}

macro_rules! mingw {
    ($c_triple:literal, $package:literal, $wine:literal) => {
        Mingw {
            c_triple: $c_triple,
            packages: &[
                concat!("gcc-mingw-w64-", $package, "-posix"),
                concat!("g++-mingw-w64-", $package, "-posix"),
            ],
            wine: TargetEmulator::Wine {
                program: concat!("/usr/lib/wine/", $wine),
                dlls: concat!(
                    r"Z:\usr\lib\gcc\",
                    $c_triple,
                    r"\14-posix;Z:\usr\",
                    $c_triple,
                    r"\lib"
                ),
            },
        }
    };
}

pub(crate) const MINGW32: Mingw = mingw!("i686-w64-mingw32", "i686", "wine");
pub(crate) const MINGW64: Mingw = mingw!("x86_64-w64-mingw32", "x86-64", "wine64");

/// Windows with mingw-w64. Requires trixie: the Wine of bookworm lacks a DLL that Rust's `std`
/// needs (`bcryptprimitives.dll`).
pub(crate) const fn windows(
    triple: &'static str,
    cpu: Cpu,
    mingw: Mingw,
    tier: Tier,
) -> TargetFacts {
    TargetFacts {
        cross_packages: mingw.packages,
        emulator: Some(mingw.wine),
        ..row(triple, cpu, "windows", Libc::Mingw, mingw.c_triple, tier)
    }
    .proven(CToolchain::Mingw, "trixie")
}

/// A bare-metal Cortex-M; `qemu_cpu` names a processor with its instructions. Requires trixie: the
/// QEMU of bookworm fails to start such programs.
pub(crate) const fn bare_metal(
    triple: &'static str,
    qemu_cpu: &'static str,
    multilib: &'static str,
    c_flags: &'static str,
) -> TargetFacts {
    TargetFacts {
        cross_packages: &[
            "gcc-arm-none-eabi",
            "libnewlib-arm-none-eabi",
            "libstdc++-arm-none-eabi-newlib",
        ],
        c_flags,
        std: StdAvailability::None,
        emulator: Some(TargetEmulator::QemuBareMetal {
            program: "qemu-arm-static",
            cpu: qemu_cpu,
        }),
        ..row(
            triple,
            ARM,
            "none",
            Libc::Newlib,
            "arm-none-eabi",
            Tier::Two,
        )
    }
    .proven(CToolchain::Newlib { multilib }, "trixie")
}

/// Emscripten, whose tools are named `em…` without a triple. Rust's `std` uses WebAssembly
/// exceptions instead of JavaScript exceptions, so C++ code has to as well.
pub(crate) const fn emscripten(triple: &'static str) -> TargetFacts {
    TargetFacts {
        c_flags: "-fwasm-exceptions",
        emulator: Some(TargetEmulator::Node),
        ..row(
            triple,
            WASM32,
            "emscripten",
            Libc::Emscripten,
            "wasm32-unknown-emscripten",
            Tier::Two,
        )
    }
    .proven(CToolchain::Emscripten, "trixie")
}

/// WASI. Neither its clang nor Rust's `std` supports unwinding, so C++ is compiled without
/// exceptions. Requires trixie, the first suite whose Rust uses this name of the target.
pub(crate) const fn wasi(triple: &'static str) -> TargetFacts {
    TargetFacts {
        cross_packages: &[
            "clang",
            "lld",
            "llvm",
            "wasi-libc",
            "libclang-rt-dev-wasm32",
            "libc++-dev-wasm32",
        ],
        emulator: Some(TargetEmulator::NodeWasi),
        ..row(triple, WASM32, "wasi", Libc::Wasi, "wasm32-wasi", Tier::Two)
    }
    .proven(CToolchain::Clang, "trixie")
}

/// WASI's components, which Node.js does not run.
pub(crate) const fn wasi_component(triple: &'static str) -> TargetFacts {
    TargetFacts {
        emulator: Some(TargetEmulator::Wasmtime),
        ..wasi(triple)
    }
}

/// Android. Besides the emulator, its programs need Android's loader and libraries.
pub(crate) const fn android(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    abi: Abi,
    qemu_cpu: Option<&'static str>,
) -> TargetFacts {
    TargetFacts {
        sdk: Some(Sdk::Ndk {
            clang: abi.clang,
            abi: abi.name,
        }),
        emulator: qemu(cpu, qemu_cpu),
        ..row(triple, cpu, "android", Libc::Bionic, c_triple, Tier::Two)
    }
    .without_recipe("it needs Android's NDK, which no Debian suite has")
}

/// An Android ABI, as the NDK names it.
#[derive(Clone, Copy)]
pub(crate) struct Abi {
    /// The prefix of the compiler's name.
    clang: &'static str,
    /// CMake's name of the ABI.
    name: &'static str,
}

const fn abi(clang: &'static str, name: &'static str) -> Abi {
    Abi { clang, name }
}

pub(crate) const ABI_ARM64: Abi = abi("aarch64-linux-android", "arm64-v8a");
/// The NDK has not supported processors older than ARMv7 since its release 17.
pub(crate) const ABI_ARM: Abi = abi("armv7a-linux-androideabi", "armeabi-v7a");
pub(crate) const ABI_X86: Abi = abi("i686-linux-android", "x86");
pub(crate) const ABI_X86_64: Abi = abi("x86_64-linux-android", "x86_64");

/// Solaris, illumos or DragonFly BSD. Their programs do not run on Linux.
pub(crate) const fn unix(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    c_triple: &'static str,
    clang_target: &'static str,
    tier: Tier,
) -> TargetFacts {
    TargetFacts {
        sdk: Some(Sdk::Sysroot { clang_target }),
        ..row(triple, cpu, os, Libc::System, c_triple, tier)
    }
    .without_recipe("it needs the libraries of its system, which neither Debian nor Zig has")
}

/// Processors for QEMU: the oldest 32-bit x86 that Android supports, and the instruction set of its
/// 64-bit ABI.
pub(crate) const ANDROID_X86: Option<&str> = Some("n270");
pub(crate) const ANDROID_X86_64: Option<&str> =
    Some("qemu64,+mmx,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt");

/// A system without an environment, or none: Debian's clang compiles, and Rust's own linker links.
/// There is no C library.
pub(crate) const fn freestanding(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    clang_target: &'static str,
    c_flags: &'static str,
) -> TargetFacts {
    let row = row(triple, cpu, os, Libc::None, clang_target, Tier::Two);
    TargetFacts {
        cross_packages: &["clang", "lld", "llvm"],
        c_flags,
        std: match os.as_bytes() {
            b"none" => StdAvailability::None,
            _ => row.std,
        },
        ..row
    }
    .proven(CToolchain::Clang, "trixie")
}

impl TargetFacts {
    /// Runs the programs of a bare-metal row under QEMU's user mode, with this processor.
    pub(crate) const fn runs_on(self, cpu: Cpu, qemu_cpu: &'static str) -> Self {
        Self {
            emulator: match cpu.qemu {
                Some(program) => Some(TargetEmulator::QemuBareMetal {
                    program,
                    cpu: qemu_cpu,
                }),
                None => None,
            },
            tests: TestSupport::Programs,
            ..self
        }
    }

    /// Runs the programs of UEFI in this machine. libtest starts threads, which Rust's `std` does
    /// not have there.
    pub(crate) const fn boots(self, machine: UefiMachine) -> Self {
        Self {
            emulator: Some(TargetEmulator::Uefi(machine)),
            tests: TestSupport::Programs,
            ..self
        }
    }
}
