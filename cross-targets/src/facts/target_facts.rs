//! The facts that are recorded about each target.

use crate::facts::glibc::GlibcVersion;
use crate::facts::sdk::Sdk;
use crate::facts::system_version::SystemVersion;
use crate::facts::uefi_machine::UefiMachine;

/// Facts about one triple, independent of the build machine.
///
/// The values of `arch`, `os`, `endian` and `pointer_width` are those of `rustc --print cfg`; a
/// test compares every row with the installed compiler. Tier and `std` are those of Rust 1.95.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetFacts {
    /// The Rust target triple, as in `rustc --print target-list`, or the name of
    /// [`slices`](TargetFacts::slices).
    pub triple: &'static str,
    /// The triples that are built for this target, and whose files are joined into one that runs on
    /// all their machines: those of `universal2-apple-darwin`. Empty for a triple of rustc's.
    /// `arch` is that of the first.
    pub slices: &'static [&'static str],
    /// `target_arch`, such as `arm` for every `thumbv7m…` and `armv7…` triple.
    pub arch: &'static str,
    /// `target_os`; `none` for bare metal.
    pub os: &'static str,
    /// The C library that programs of the target link with.
    pub libc: Libc,
    /// Byte order.
    pub endian: Endian,
    /// Width of a pointer in bits.
    pub pointer_width: u32,
    /// The triple that GNU tools and Debian use, and the prefix of the cross compiler:
    /// `aarch64-linux-gnu` in `aarch64-linux-gnu-gcc`. It does not end with a hyphen.
    pub c_triple: &'static str,
    /// The Debian architecture whose packages run on the target, ports included (`ppc64`). `None`
    /// where Debian has no packages with the target's ABI.
    pub debian_arch: Option<&'static str>,
    /// Debian's library directory below `/usr/lib` for [`TargetFacts::debian_arch`]. It differs
    /// from [`TargetFacts::c_triple`] on 32-bit x86: `i386-linux-gnu`.
    pub multiarch: Option<&'static str>,
    /// The packages that cross-compile C and C++ for the target. They are from Debian bookworm, or
    /// from trixie where bookworm has none. Empty if Debian has none.
    pub cross_packages: &'static [&'static str],
    /// The C toolchain in the environment of the target's recipe.
    pub c_toolchain: CToolchain,
    /// Zig's options for the target, if Zig supports it. Zig is used to link for a minimum glibc
    /// version.
    pub zig: Option<ZigTarget>,
    /// Additional C compiler flags that make C code use the same processor features and calling
    /// convention as Rust code. Empty if the compiler's defaults match.
    pub c_flags: &'static str,
    /// The directory of the loader and libraries that the target's programs start with. `/` where
    /// Debian has packages of the target's architecture; otherwise the cross compiler's own
    /// directory.
    pub sysroot: &'static str,
    /// The Debian suite of the recipe; `None` if there is no recipe.
    pub suite: Option<&'static str>,
    /// Where the standard library comes from.
    pub std: StdAvailability,
    /// The Rust project's support tier.
    pub tier: Tier,
    /// The SDK that the user has to provide for a recipe, if the target needs one that no
    /// distribution ships.
    pub sdk: Option<Sdk>,
    /// The emulator for machines that cannot run the target's programs natively.
    pub emulator: Option<TargetEmulator>,
    /// How far this project supports the target.
    pub support: SupportLevel,
    /// How the target's tests can be run.
    pub tests: TestSupport,
}

/// A toolchain that compiles C and C++ for a target, and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CToolchain {
    /// Debian's GCC for the target: `aarch64-linux-gnu-gcc`.
    Gcc,
    /// GCC with mingw-w64, in its variant with POSIX threads: `x86_64-w64-mingw32-gcc-posix`.
    Mingw,
    /// GCC with newlib: `arm-none-eabi-gcc`. Rust's own linker links.
    #[non_exhaustive]
    Newlib {
        /// The GCC multilib directory that matches the target: `thumb/v7-m/nofp`.
        multilib: &'static str,
    },
    /// Zig, a C and C++ compiler that ships the C libraries of many systems.
    Zig,
    /// Emscripten's `emcc`.
    Emscripten,
    /// Debian's clang and lld, for any system whose libraries are installed.
    Clang,
    /// Debian's clang as `clang-cl`, and LLVM's linker as `lld-link`, with Microsoft's libraries.
    ClangCl,
    /// The clang of Android's NDK.
    Ndk,
    /// No toolchain that a recipe can install.
    None,
}

/// Zig's options for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ZigTarget {
    /// The value of `-target`: `arm-linux-musleabi`.
    pub target: &'static str,
    /// The value of `-mcpu`; `None` if Zig's default is the processor that Rust targets.
    pub cpu: Option<&'static str>,
    /// The oldest glibc that Zig links Rust's programs with; `None` if the target does not use glibc.
    /// Zig has none that is older, or it lacks functions that `std` calls.
    pub oldest_glibc: Option<GlibcVersion>,
}

impl ZigTarget {
    /// The newest glibc that the proven release of Zig links with.
    pub const NEWEST_GLIBC: GlibcVersion = GlibcVersion::new(2, 42);
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Libc {
    /// The GNU C library. It is linked dynamically, so a binary needs at least the version it was
    /// linked with.
    Glibc,
    /// musl. Rust links it statically by default.
    Musl,
    /// Android's libc.
    Bionic,
    /// The C runtime of mingw-w64.
    Mingw,
    /// Newlib, for C on bare metal. Rust's `core` does not need it.
    Newlib,
    /// Emscripten's C library, based on musl, which calls JavaScript.
    Emscripten,
    /// The C library of WASI, based on musl, which calls the WebAssembly System Interface.
    Wasi,
    /// Microsoft's Universal C Runtime.
    Msvc,
    /// The operating system's own C library: the BSDs, Solaris, illumos, Apple's systems.
    System,
    /// There is none.
    None,
}

impl Libc {
    /// The name in lower case: `glibc`, `musl`, `mingw`; `system` for the operating system's own C
    /// library, `none` if there is no C library.
    pub const fn as_str(self) -> &'static str {
        match self {
            Libc::Glibc => "glibc",
            Libc::Musl => "musl",
            Libc::Bionic => "bionic",
            Libc::Mingw => "mingw",
            Libc::Newlib => "newlib",
            Libc::Emscripten => "emscripten",
            Libc::Wasi => "wasi",
            Libc::Msvc => "msvc",
            Libc::System => "system",
            Libc::None => "none",
        }
    }
}

/// Byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    /// The value of `target_endian`: `little` or `big`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Endian::Little => "little",
            Endian::Big => "big",
        }
    }
}

/// How the standard library of a target is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StdAvailability {
    /// `rustup target add` installs it.
    Prebuilt,
    /// rustup does not ship it; `-Z build-std` of a nightly toolchain builds it.
    BuildStd,
    /// The target has no `std`. rustup ships `core` and `alloc` only.
    None,
}

/// A support tier of the Rust project: <https://doc.rust-lang.org/rustc/platform-support.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// Guaranteed to work; tested on every change.
    One,
    /// Guaranteed to build.
    Two,
    /// Present in the source, but neither built nor tested.
    Three,
}

/// An emulator that runs programs of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetEmulator {
    /// QEMU's user mode: emulates one process and translates its system calls.
    #[non_exhaustive]
    QemuUser {
        /// The program: `qemu-aarch64-static`.
        program: &'static str,
        /// The value of `-cpu`; `None` for the default.
        cpu: Option<&'static str>,
    },
    /// QEMU's user mode for a bare-metal program, which exits through semihosting.
    #[non_exhaustive]
    QemuBareMetal {
        /// The program: `qemu-arm-static`.
        program: &'static str,
        /// The value of `-cpu`: a processor with the target's instructions.
        cpu: &'static str,
    },
    /// Wine, for Windows programs.
    #[non_exhaustive]
    Wine {
        /// The program: `/usr/lib/wine/wine64`.
        program: &'static str,
        /// The directories of the C and C++ runtime DLLs, for `WINEPATH`.
        dlls: &'static str,
    },
    /// QEMU's system mode with UEFI firmware.
    Uefi(UefiMachine),
    /// Node.js, for Emscripten's JavaScript and WebAssembly.
    Node,
    /// Node.js, for WebAssembly that calls WASI, with threads or without.
    NodeWasi,
    /// Wasmtime, for WebAssembly components and modules that call WASI.
    Wasmtime,
}

impl TargetEmulator {
    /// The name or path of the emulator: `qemu-aarch64-static`, `/usr/lib/wine/wine64`, `node`.
    pub const fn program(self) -> &'static str {
        match self {
            TargetEmulator::QemuUser { program, .. }
            | TargetEmulator::QemuBareMetal { program, .. }
            | TargetEmulator::Wine { program, .. } => program,
            TargetEmulator::Uefi(machine) => machine.program,
            TargetEmulator::Node | TargetEmulator::NodeWasi => "node",
            TargetEmulator::Wasmtime => "wasmtime",
        }
    }
}

/// How far this project supports a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SupportLevel {
    /// Builds in the environment of its recipe, C and C++ included, and its programs run there if
    /// it has an emulator. `docs/targets.md` has the proof, or says that there is none yet.
    Recipe,
    /// The recipe builds what is not linked: libraries, `check`, `clippy` and documentation,
    /// without C. A program fails to link, with the reason as its message.
    #[non_exhaustive]
    Libraries {
        /// The reason why no programs are linked: a clause without a full stop.
        why: &'static str,
    },
    /// The facts are known, but no recipe is proven.
    #[non_exhaustive]
    NotYet {
        /// The reason, as the end of a sentence that starts with the name of the target.
        why: &'static str,
    },
}

/// The most that this project does for a target, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Its tests run.
    Tests,
    /// Its programs run; it has no `std` to test with, or one without threads.
    Programs,
    /// Its programs are built.
    Builds,
    /// Its libraries are built, without C.
    Libraries,
    /// It needs a directory of the user's: [`TargetFacts::sdk`].
    Sdk,
    /// It needs an image or a Dockerfile of the user's.
    Image,
}

impl Level {
    /// The name: `tests`, `programs`, `builds`, `libraries`, `sdk` or `image`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Tests => "tests",
            Level::Programs => "programs",
            Level::Builds => "builds",
            Level::Libraries => "libraries",
            Level::Sdk => "sdk",
            Level::Image => "image",
        }
    }
}

impl TargetFacts {
    /// The variable by which compilers are told the oldest version of the target's system that
    /// programs have to support. `None` if it is no system of Apple's.
    pub fn deployment_variable(&self) -> Option<&'static str> {
        if !self.triple.contains("-apple-") {
            return None;
        }
        Some(match self.os {
            "ios" => "IPHONEOS_DEPLOYMENT_TARGET",
            "tvos" => "TVOS_DEPLOYMENT_TARGET",
            "watchos" => "WATCHOS_DEPLOYMENT_TARGET",
            "visionos" => "XROS_DEPLOYMENT_TARGET",
            _ => "MACOSX_DEPLOYMENT_TARGET",
        })
    }

    /// The oldest version of one of Apple's systems that there is for the target's processor, if
    /// the system had been there for others before. Programs that ask for an older one get it.
    pub fn oldest_system(&self) -> Option<SystemVersion> {
        let is_catalyst = self.triple.ends_with("-macabi");
        let is_simulated = self.triple.ends_with("-sim");
        let (major, minor) = match (self.arch, self.os) {
            ("aarch64", "macos") => (11, 0),
            ("aarch64", "ios") if is_catalyst => (14, 0),
            (_, "ios") if is_catalyst => (13, 1),
            ("aarch64", "ios" | "tvos") if is_simulated => (14, 0),
            ("aarch64", "watchos") if is_simulated => (7, 0),
            ("aarch64", "watchos") => (26, 0),
            _ => return None,
        };
        Some(SystemVersion::new(major, minor, 0))
    }

    /// The oldest version of one of Apple's systems that rustc compiles for, whatever it is asked
    /// for: it is what `std` needs. `None` if it is no system of Apple's.
    pub fn oldest_of_rust(&self) -> Option<SystemVersion> {
        let (major, minor) = match self.deployment_variable()? {
            "IPHONEOS_DEPLOYMENT_TARGET" | "TVOS_DEPLOYMENT_TARGET" => (10, 0),
            "WATCHOS_DEPLOYMENT_TARGET" => (5, 0),
            "XROS_DEPLOYMENT_TARGET" => (1, 0),
            _ => (10, 12),
        };
        Some(SystemVersion::new(major, minor, 0))
    }

    /// The most that this project does for the target.
    pub const fn level(&self) -> Level {
        match (self.support, self.tests) {
            (SupportLevel::Recipe, TestSupport::Parallel) => Level::Tests,
            (SupportLevel::Recipe, TestSupport::Programs) => Level::Programs,
            (SupportLevel::Recipe, _) => Level::Builds,
            (SupportLevel::Libraries { .. }, _) => Level::Libraries,
            (SupportLevel::NotYet { .. }, _) if self.sdk.is_some() => Level::Sdk,
            (SupportLevel::NotYet { .. }, _) => Level::Image,
        }
    }

    /// What the target lacks, as a clause: why it has no recipe, or why it links no programs.
    /// `None` if it lacks nothing.
    pub const fn lacks(&self) -> Option<&'static str> {
        match self.support {
            SupportLevel::Recipe => None,
            SupportLevel::Libraries { why } | SupportLevel::NotYet { why } => Some(why),
        }
    }
}

/// How the tests of a target can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestSupport {
    /// Natively or under the emulator, several at a time.
    Parallel,
    /// Programs run under the emulator, but cargo's tests cannot be built without `std`.
    Programs,
    /// An emulator exists, but running tests is not proven.
    Unproven,
    /// Programs of the target cannot be run.
    None,
}

impl TestSupport {
    /// The name: `parallel`, `programs`, `unproven` or `none`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TestSupport::Parallel => "parallel",
            TestSupport::Programs => "programs",
            TestSupport::Unproven => "unproven",
            TestSupport::None => "none",
        }
    }
}
