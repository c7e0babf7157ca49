//! What families of targets have in common: processors, Debian's cross compilers, and a row of each
//! family from what differs within it.

use crate::facts::Std::{self, Prebuilt};
use crate::facts::Tier::{self, Two};
use crate::facts::{Emulator, Endian, Facts, Libc, Support, TestSupport};

/// What is true of a processor, however the target is named that uses it.
#[derive(Clone, Copy)]
pub(crate) struct Cpu {
    /// `target_arch`.
    arch: &'static str,
    endian: Endian,
    pointer_width: u32,
    /// What emulates its programs; `None` where no user mode of QEMU does.
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
pub(crate) const RISCV64: Cpu = little("riscv64", 64, "qemu-riscv64-static");
pub(crate) const S390X: Cpu = big("s390x", 64, "qemu-s390x-static");
pub(crate) const SPARC64: Cpu = big("sparc64", 64, "qemu-sparc64-static");
const WASM32: Cpu = Cpu {
    qemu: None,
    ..little("wasm32", 32, "")
};
pub(crate) const X86: Cpu = little("x86", 32, "qemu-i386-static");
pub(crate) const X86_64: Cpu = little("x86_64", 64, "qemu-x86_64-static");

/// What is true of a C toolchain that Debian packages.
#[derive(Clone, Copy)]
pub(crate) struct Gnu {
    c_triple: &'static str,
    debian_arch: Option<&'static str>,
    multiarch: Option<&'static str>,
    cross_packages: &'static [&'static str],
}

/// Debian's cross compiler for `$arch`, whose packages are called `$package`; its library directory
/// is named as the compiler unless `$multiarch` says otherwise.
macro_rules! debian {
    ($c_triple:literal, $package:literal, $arch:literal) => {
        debian!($c_triple, $package, $arch, $c_triple)
    };
    ($c_triple:literal, $package:literal, $arch:literal, $multiarch:literal) => {
        Gnu {
            c_triple: $c_triple,
            debian_arch: Some($arch),
            multiarch: Some($multiarch),
            cross_packages: &[
                concat!("gcc-", $package),
                concat!("g++-", $package),
                concat!("libc6-dev-", $arch, "-cross"),
            ],
        }
    };
}

pub(crate) const DEB_AMD64: Gnu = debian!("x86_64-linux-gnu", "x86-64-linux-gnu", "amd64");
pub(crate) const DEB_ARM64: Gnu = debian!("aarch64-linux-gnu", "aarch64-linux-gnu", "arm64");
pub(crate) const DEB_ARMEL: Gnu = debian!("arm-linux-gnueabi", "arm-linux-gnueabi", "armel");
pub(crate) const DEB_ARMHF: Gnu = debian!("arm-linux-gnueabihf", "arm-linux-gnueabihf", "armhf");
pub(crate) const DEB_I386: Gnu =
    debian!("i686-linux-gnu", "i686-linux-gnu", "i386", "i386-linux-gnu");
pub(crate) const DEB_MIPS: Gnu = debian!("mips-linux-gnu", "mips-linux-gnu", "mips");
pub(crate) const DEB_MIPS64: Gnu =
    debian!("mips64-linux-gnuabi64", "mips64-linux-gnuabi64", "mips64");
pub(crate) const DEB_MIPS64EL: Gnu = debian!(
    "mips64el-linux-gnuabi64",
    "mips64el-linux-gnuabi64",
    "mips64el"
);
pub(crate) const DEB_MIPSEL: Gnu = debian!("mipsel-linux-gnu", "mipsel-linux-gnu", "mipsel");
pub(crate) const DEB_POWERPC: Gnu = debian!("powerpc-linux-gnu", "powerpc-linux-gnu", "powerpc");
pub(crate) const DEB_PPC64: Gnu = debian!("powerpc64-linux-gnu", "powerpc64-linux-gnu", "ppc64");
pub(crate) const DEB_PPC64EL: Gnu =
    debian!("powerpc64le-linux-gnu", "powerpc64le-linux-gnu", "ppc64el");
pub(crate) const DEB_RISCV64: Gnu = debian!("riscv64-linux-gnu", "riscv64-linux-gnu", "riscv64");
pub(crate) const DEB_S390X: Gnu = debian!("s390x-linux-gnu", "s390x-linux-gnu", "s390x");
pub(crate) const DEB_SPARC64: Gnu = debian!("sparc64-linux-gnu", "sparc64-linux-gnu", "sparc64");
/// Debian's `armhf` is ARMv7; the ARMv6 hard float ABI of the first Raspberry Pi has the compiler's
/// name but none of Debian's libraries.
pub(crate) const ARMV6_HARD_FLOAT: Gnu = Gnu {
    debian_arch: None,
    multiarch: None,
    cross_packages: &[],
    ..DEB_ARMHF
};
/// In trixie; bookworm has nothing of it.
pub(crate) const DEB_LOONG64: Gnu =
    debian!("loongarch64-linux-gnu", "loongarch64-linux-gnu", "loong64");

/// A row that nothing is proven of, on the operating system `os`.
const fn row(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    libc: Libc,
    c_triple: &'static str,
    tier: Tier,
) -> Facts {
    Facts {
        triple,
        arch: cpu.arch,
        os,
        libc,
        endian: cpu.endian,
        pointer_width: cpu.pointer_width,
        c_triple,
        debian_arch: None,
        multiarch: None,
        cross_packages: &[],
        suite: None,
        std: Prebuilt,
        tier,
        emulator: None,
        support: Support::NotYet {
            why: "no recipe is proven for it yet",
        },
        tests: TestSupport::None,
    }
}

impl Facts {
    /// The row with its own reason why nothing is proven of it.
    pub(crate) const fn because(self, why: &'static str) -> Self {
        Self {
            support: Support::NotYet { why },
            ..self
        }
    }
}

/// Why: Debian has the compiler and libc to link with, but no libraries or `libc6:arch` package.
pub(crate) const PORT: &str = "Debian has a compiler for it, but its libraries are in no release";
/// Why: a recipe would have to run `-Z build-std` with a nightly and `rust-src`.
pub(crate) const NO_STD: &str = "rustup ships no std for it, and no recipe builds one yet";

const fn qemu(cpu: Cpu, qemu_cpu: Option<&'static str>) -> Option<Emulator> {
    match cpu.qemu {
        Some(program) => Some(Emulator::QemuUser {
            program,
            cpu: qemu_cpu,
        }),
        None => None,
    }
}

/// Linux with glibc.
pub(crate) const fn gnu(triple: &'static str, cpu: Cpu, gnu: Gnu, std: Std, tier: Tier) -> Facts {
    Facts {
        debian_arch: gnu.debian_arch,
        multiarch: gnu.multiarch,
        cross_packages: gnu.cross_packages,
        std,
        emulator: qemu(cpu, None),
        tests: TestSupport::Unproven,
        ..row(triple, cpu, "linux", Libc::Glibc, gnu.c_triple, tier)
    }
}

/// Linux with glibc, built and tested in the environment its recipe makes of `suite`.
pub(crate) const fn proven(
    triple: &'static str,
    cpu: Cpu,
    debian: Gnu,
    suite: &'static str,
    tier: Tier,
) -> Facts {
    Facts {
        suite: Some(suite),
        support: Support::Recipe,
        tests: TestSupport::Parallel,
        ..gnu(triple, cpu, debian, Prebuilt, tier)
    }
}

/// Linux with musl. Debian has musl's headers and a wrapper for its own architectures, no cross
/// compiler.
pub(crate) const fn musl(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    std: Std,
    tier: Tier,
) -> Facts {
    Facts {
        std,
        emulator: qemu(cpu, None),
        support: Support::NotYet {
            why: "Debian has no musl cross compiler, and no other recipe is proven for it yet",
        },
        tests: TestSupport::Unproven,
        ..row(triple, cpu, "linux", Libc::Musl, c_triple, tier)
    }
}

/// Android. Its programs need Android's loader and libraries besides the emulator.
pub(crate) const fn android(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    qemu_cpu: Option<&'static str>,
) -> Facts {
    Facts {
        emulator: qemu(cpu, qemu_cpu),
        support: Support::NotYet {
            why: "it needs Android's NDK, which no Debian suite has",
        },
        tests: TestSupport::Unproven,
        ..row(triple, cpu, "android", Libc::Bionic, c_triple, Two)
    }
}

/// Windows with the mingw-w64 tools.
pub(crate) const fn windows(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    cross_packages: &'static [&'static str],
    tier: Tier,
) -> Facts {
    Facts {
        cross_packages,
        emulator: Some(Emulator::Wine),
        tests: TestSupport::Unproven,
        ..row(triple, cpu, "windows", Libc::Mingw, c_triple, tier)
    }
}

/// A BSD, Solaris or illumos: nothing on Linux runs its programs.
pub(crate) const fn unix(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    c_triple: &'static str,
    std: Std,
    tier: Tier,
) -> Facts {
    Facts {
        std,
        support: Support::NotYet {
            why: "it needs a cross compiler and a system root that no Debian suite has",
        },
        ..row(triple, cpu, os, Libc::System, c_triple, tier)
    }
}

/// A Cortex-M without an operating system; `qemu_cpu` has its instructions.
pub(crate) const fn bare(triple: &'static str, qemu_cpu: &'static str) -> Facts {
    Facts {
        cross_packages: &[
            "gcc-arm-none-eabi",
            "libnewlib-arm-none-eabi",
            "libstdc++-arm-none-eabi-newlib",
        ],
        std: Std::None,
        emulator: Some(Emulator::QemuBareMetal {
            program: "qemu-arm-static",
            cpu: qemu_cpu,
        }),
        tests: TestSupport::Unproven,
        ..row(triple, ARM, "none", Libc::Newlib, "arm-none-eabi", Two)
    }
}

/// Emscripten: its tools are named `em…`, without a triple in front.
pub(crate) const fn emscripten(triple: &'static str) -> Facts {
    Facts {
        emulator: Some(Emulator::Node),
        support: Support::NotYet {
            why: "bookworm's Emscripten is older than Rust asks for",
        },
        tests: TestSupport::Unproven,
        ..row(
            triple,
            WASM32,
            "emscripten",
            Libc::Emscripten,
            "wasm32-unknown-emscripten",
            Two,
        )
    }
}

pub(crate) const MINGW32: &[&str] = &["gcc-mingw-w64-i686-posix", "g++-mingw-w64-i686-posix"];
pub(crate) const MINGW64: &[&str] = &["gcc-mingw-w64-x86-64-posix", "g++-mingw-w64-x86-64-posix"];

/// The oldest 32-bit x86 that Android runs on, and the newest instructions its 64-bit ABI has.
pub(crate) const ANDROID_X86: Option<&str> = Some("n270");
pub(crate) const ANDROID_X86_64: Option<&str> =
    Some("qemu64,+mmx,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt");
