//! What families of targets have in common: processors, Debian's cross compilers, and a row of each
//! family from what differs within it.

use crate::facts::sdk::Sdk;
use crate::facts::target_facts::{
    Emulator, Endian, Facts, Libc, Std, Support, TestSupport, Tier, Tools, Zig,
};

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

/// What is true of a GCC that Debian packages, with glibc.
#[derive(Clone, Copy)]
pub(crate) struct Gnu {
    c_triple: &'static str,
    debian_arch: &'static str,
    multiarch: &'static str,
    cross_packages: &'static [&'static str],
    /// The oldest suite that has it all.
    suite: &'static str,
    sysroot: &'static str,
    zig: &'static str,
}

/// Debian's cross compiler for `$arch`, whose packages are called `$package`, and Zig's name of the
/// target. Bookworm has it, and libraries in a directory named as the compiler, unless a row says
/// otherwise.
macro_rules! debian {
    ($c_triple:literal, $package:literal, $arch:literal, $zig:literal) => {
        Gnu {
            c_triple: $c_triple,
            debian_arch: $arch,
            multiarch: $c_triple,
            cross_packages: &[
                concat!("gcc-", $package),
                concat!("g++-", $package),
                concat!("libc6-dev-", $arch, "-cross"),
            ],
            suite: "bookworm",
            sysroot: "/",
            zig: $zig,
        }
    };
}

/// As [`debian!`], for an architecture whose packages are in no release: what a program starts with
/// is the cross compiler's own libc.
macro_rules! port {
    ($c_triple:literal, $arch:literal, $zig:literal) => {
        Gnu {
            sysroot: concat!("/usr/", $c_triple),
            ..debian!($c_triple, $c_triple, $arch, $zig)
        }
    };
}

#[rustfmt::skip]
mod debian {
    use super::Gnu;

    pub(crate) const AMD64: Gnu = debian!("x86_64-linux-gnu", "x86-64-linux-gnu", "amd64", "x86_64-linux-gnu");
    pub(crate) const ARM64: Gnu = debian!("aarch64-linux-gnu", "aarch64-linux-gnu", "arm64", "aarch64-linux-gnu");
    pub(crate) const ARMEL: Gnu = debian!("arm-linux-gnueabi", "arm-linux-gnueabi", "armel", "arm-linux-gnueabi");
    pub(crate) const ARMHF: Gnu = debian!("arm-linux-gnueabihf", "arm-linux-gnueabihf", "armhf", "arm-linux-gnueabihf");
    pub(crate) const I386: Gnu = Gnu {
        multiarch: "i386-linux-gnu",
        ..debian!("i686-linux-gnu", "i686-linux-gnu", "i386", "x86-linux-gnu")
    };
    pub(crate) const LOONG64: Gnu = Gnu {
        suite: "trixie",
        ..port!("loongarch64-linux-gnu", "loong64", "loongarch64-linux-gnu")
    };
    pub(crate) const MIPS: Gnu = port!("mips-linux-gnu", "mips", "mips-linux-gnueabihf");
    pub(crate) const MIPS64: Gnu = port!("mips64-linux-gnuabi64", "mips64", "mips64-linux-gnuabi64");
    pub(crate) const MIPS64EL: Gnu = debian!("mips64el-linux-gnuabi64", "mips64el-linux-gnuabi64", "mips64el", "mips64el-linux-gnuabi64");
    pub(crate) const MIPSEL: Gnu = debian!("mipsel-linux-gnu", "mipsel-linux-gnu", "mipsel", "mipsel-linux-gnueabihf");
    pub(crate) const POWERPC: Gnu = port!("powerpc-linux-gnu", "powerpc", "powerpc-linux-gnueabihf");
    pub(crate) const PPC64: Gnu = port!("powerpc64-linux-gnu", "ppc64", "powerpc64-linux-gnu");
    pub(crate) const PPC64EL: Gnu = debian!("powerpc64le-linux-gnu", "powerpc64le-linux-gnu", "ppc64el", "powerpc64le-linux-gnu");
    pub(crate) const RISCV64: Gnu = Gnu {
        suite: "trixie",
        ..debian!("riscv64-linux-gnu", "riscv64-linux-gnu", "riscv64", "riscv64-linux-gnu")
    };
    pub(crate) const S390X: Gnu = debian!("s390x-linux-gnu", "s390x-linux-gnu", "s390x", "s390x-linux-gnu");
    pub(crate) const SPARC64: Gnu = port!("sparc64-linux-gnu", "sparc64", "sparc64-linux-gnu");
}
pub(crate) use debian::{
    AMD64 as DEB_AMD64, ARM64 as DEB_ARM64, ARMEL as DEB_ARMEL, ARMHF as DEB_ARMHF,
    I386 as DEB_I386, LOONG64 as DEB_LOONG64, MIPS as DEB_MIPS, MIPS64 as DEB_MIPS64,
    MIPS64EL as DEB_MIPS64EL, MIPSEL as DEB_MIPSEL, POWERPC as DEB_POWERPC, PPC64 as DEB_PPC64,
    PPC64EL as DEB_PPC64EL, RISCV64 as DEB_RISCV64, S390X as DEB_S390X, SPARC64 as DEB_SPARC64,
};

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
        tools: Tools::None,
        zig: None,
        c_flags: "",
        sysroot: "/",
        suite: None,
        // rustup ships what the Rust project builds, which is all but tier 3.
        std: match tier {
            Tier::Three => Std::BuildStd,
            _ => Std::Prebuilt,
        },
        tier,
        sdk: None,
        emulator: None,
        support: Support::NotYet {
            why: "no recipe is proven for it yet",
        },
        tests: TestSupport::None,
    }
}

impl Facts {
    /// The row, proven: built with `tools` in the environment its recipe makes of `suite`.
    const fn made(self, tools: Tools, suite: &'static str) -> Self {
        Self {
            tools,
            suite: Some(suite),
            support: Support::Recipe,
            tests: match (self.emulator, self.std) {
                (None, _) => TestSupport::None,
                (Some(_), Std::None) => TestSupport::Programs,
                (Some(_), _) => TestSupport::Parallel,
            },
            ..self
        }
    }

    /// The row that no recipe serves, and why.
    pub(crate) const fn because(self, why: &'static str) -> Self {
        Self {
            tools: Tools::None,
            suite: None,
            support: Support::NotYet { why },
            tests: match self.emulator {
                Some(_) => TestSupport::Unproven,
                None => TestSupport::None,
            },
            ..self
        }
    }

    /// The row with what its C compiler has to be told.
    pub(crate) const fn c_flags(self, c_flags: &'static str) -> Self {
        Self { c_flags, ..self }
    }

    /// The row with the processor that Zig has to be told.
    pub(crate) const fn zig_cpu(self, cpu: &'static str) -> Self {
        Self {
            zig: match self.zig {
                Some(zig) => Some(Zig {
                    cpu: Some(cpu),
                    ..zig
                }),
                None => None,
            },
            ..self
        }
    }

    /// The row made with Zig although there is a GCC, whose libraries are for a newer processor.
    pub(crate) const fn by_zig(self) -> Self {
        Self {
            tools: Tools::Zig,
            ..self
        }
    }
}

const fn qemu(cpu: Cpu, qemu_cpu: Option<&'static str>) -> Option<Emulator> {
    match cpu.qemu {
        Some(program) => Some(Emulator::QemuUser {
            program,
            cpu: qemu_cpu,
        }),
        None => None,
    }
}

const fn zig(target: &'static str) -> Option<Zig> {
    Some(Zig { target, cpu: None })
}

/// Linux with glibc, by Debian's GCC.
pub(crate) const fn gnu(triple: &'static str, cpu: Cpu, gnu: Gnu, tier: Tier) -> Facts {
    Facts {
        debian_arch: Some(gnu.debian_arch),
        multiarch: Some(gnu.multiarch),
        cross_packages: gnu.cross_packages,
        zig: zig(gnu.zig),
        sysroot: gnu.sysroot,
        emulator: qemu(cpu, None),
        ..row(triple, cpu, "linux", Libc::Glibc, gnu.c_triple, tier)
    }
    .made(Tools::Gcc, gnu.suite)
}

/// Linux with musl, by Zig: Debian has musl for its own architectures and no cross compiler.
pub(crate) const fn musl(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    zig_target: &'static str,
    tier: Tier,
) -> Facts {
    Facts {
        zig: zig(zig_target),
        emulator: qemu(cpu, None),
        ..row(triple, cpu, "linux", Libc::Musl, c_triple, tier)
    }
    .made(Tools::Zig, "bookworm")
}

/// A BSD whose libc Zig can link with. Nothing on Linux runs its programs.
pub(crate) const fn bsd(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    c_triple: &'static str,
    zig_target: &'static str,
) -> Facts {
    Facts {
        zig: zig(zig_target),
        ..row(triple, cpu, os, Libc::System, c_triple, Tier::Two)
    }
    .made(Tools::Zig, "bookworm")
}

/// What is true of a mingw-w64 compiler, and of the Wine for what it makes.
#[derive(Clone, Copy)]
pub(crate) struct Mingw {
    c_triple: &'static str,
    packages: &'static [&'static str],
    wine: Emulator,
}

macro_rules! mingw {
    ($c_triple:literal, $package:literal, $wine:literal) => {
        Mingw {
            c_triple: $c_triple,
            packages: &[
                concat!("gcc-mingw-w64-", $package, "-posix"),
                concat!("g++-mingw-w64-", $package, "-posix"),
            ],
            wine: Emulator::Wine {
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

/// Windows with the mingw-w64 tools. Of trixie, because Rust's `std` needs a DLL that the Wine of
/// bookworm lacks (`bcryptprimitives.dll`).
pub(crate) const fn windows(triple: &'static str, cpu: Cpu, mingw: Mingw, tier: Tier) -> Facts {
    Facts {
        cross_packages: mingw.packages,
        emulator: Some(mingw.wine),
        ..row(triple, cpu, "windows", Libc::Mingw, mingw.c_triple, tier)
    }
    .made(Tools::Mingw, "trixie")
}

/// A Cortex-M without an operating system; `qemu_cpu` has its instructions. Of trixie, because the
/// QEMU of bookworm fails to start such programs.
pub(crate) const fn bare(
    triple: &'static str,
    qemu_cpu: &'static str,
    multilib: &'static str,
    c_flags: &'static str,
) -> Facts {
    Facts {
        cross_packages: &[
            "gcc-arm-none-eabi",
            "libnewlib-arm-none-eabi",
            "libstdc++-arm-none-eabi-newlib",
        ],
        c_flags,
        std: Std::None,
        emulator: Some(Emulator::QemuBareMetal {
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
    .made(Tools::Newlib { multilib }, "trixie")
}

/// Emscripten: its tools are named `em…`, without a triple in front. Rust's `std` throws as
/// WebAssembly does and not by way of JavaScript, and all code of a program has to do the same.
pub(crate) const fn emscripten(triple: &'static str) -> Facts {
    Facts {
        c_flags: "-fwasm-exceptions",
        emulator: Some(Emulator::Node),
        ..row(
            triple,
            WASM32,
            "emscripten",
            Libc::Emscripten,
            "wasm32-unknown-emscripten",
            Tier::Two,
        )
    }
    .made(Tools::Emscripten, "trixie")
}

/// WASI. Its clang throws no exceptions and Rust's `std` for it unwinds nothing, so C++ is compiled
/// without them. Of trixie, the first suite whose Rust calls the target by this name.
pub(crate) const fn wasi(triple: &'static str) -> Facts {
    Facts {
        cross_packages: &[
            "clang",
            "lld",
            "llvm",
            "wasi-libc",
            "libclang-rt-dev-wasm32",
            "libc++-dev-wasm32",
        ],
        emulator: Some(Emulator::NodeWasi),
        ..row(triple, WASM32, "wasi", Libc::Wasi, "wasm32-wasi", Tier::Two)
    }
    .made(Tools::Clang, "trixie")
}

/// Android. Its programs need Android's loader and libraries besides the emulator.
pub(crate) const fn android(
    triple: &'static str,
    cpu: Cpu,
    c_triple: &'static str,
    abi: Abi,
    qemu_cpu: Option<&'static str>,
) -> Facts {
    Facts {
        sdk: Some(Sdk::Ndk {
            clang: abi.clang,
            abi: abi.name,
        }),
        emulator: qemu(cpu, qemu_cpu),
        ..row(triple, cpu, "android", Libc::Bionic, c_triple, Tier::Two)
    }
    .because("it needs Android's NDK, which no Debian suite has")
}

/// What Android and its NDK call a processor.
#[derive(Clone, Copy)]
pub(crate) struct Abi {
    /// What the compiler's name starts with.
    clang: &'static str,
    /// For CMake.
    name: &'static str,
}

const fn abi(clang: &'static str, name: &'static str) -> Abi {
    Abi { clang, name }
}

pub(crate) const ABI_ARM64: Abi = abi("aarch64-linux-android", "arm64-v8a");
/// The NDK has compiled for nothing older than ARMv7 since its release 17.
pub(crate) const ABI_ARM: Abi = abi("armv7a-linux-androideabi", "armeabi-v7a");
pub(crate) const ABI_X86: Abi = abi("i686-linux-android", "x86");
pub(crate) const ABI_X86_64: Abi = abi("x86_64-linux-android", "x86_64");

/// Solaris, illumos or DragonFly BSD. Nothing on Linux runs their programs.
pub(crate) const fn unix(
    triple: &'static str,
    cpu: Cpu,
    os: &'static str,
    c_triple: &'static str,
    clang_target: &'static str,
    tier: Tier,
) -> Facts {
    Facts {
        sdk: Some(Sdk::Sysroot { clang_target }),
        ..row(triple, cpu, os, Libc::System, c_triple, tier)
    }
    .because("it needs the libraries of its system, which neither Debian nor Zig has")
}

/// The oldest 32-bit x86 that Android runs on, and the newest instructions its 64-bit ABI has.
pub(crate) const ANDROID_X86: Option<&str> = Some("n270");
pub(crate) const ANDROID_X86_64: Option<&str> =
    Some("qemu64,+mmx,+sse,+sse2,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt");
