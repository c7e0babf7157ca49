//! The facts that are recorded about each target.

use crate::facts::sdk::Sdk;

/// Facts about one triple, independent of the build machine.
///
/// The values of `arch`, `os`, `endian` and `pointer_width` are those of `rustc --print cfg`; a
/// test compares every row with the installed compiler. Tier and `std` are those of Rust 1.95.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetFacts {
    /// The Rust target triple, as in `rustc --print target-list`.
    pub triple: &'static str,
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
    /// Debian's library directory below `/usr/lib` for [`TargetFacts::debian_arch`]. It differs from
    /// [`TargetFacts::c_triple`] on 32-bit x86: `i386-linux-gnu`.
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
    /// The operating system's own C library: the BSDs, Solaris, illumos.
    System,
}

impl Libc {
    /// The name in lower case: `glibc`, `musl`, `mingw`; `system` for the operating system's own C
    /// library.
    pub const fn as_str(self) -> &'static str {
        match self {
            Libc::Glibc => "glibc",
            Libc::Musl => "musl",
            Libc::Bionic => "bionic",
            Libc::Mingw => "mingw",
            Libc::Newlib => "newlib",
            Libc::Emscripten => "emscripten",
            Libc::Wasi => "wasi",
            Libc::System => "system",
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
    /// Node.js, for Emscripten's JavaScript and WebAssembly.
    Node,
    /// Node.js, for WebAssembly that calls WASI.
    NodeWasi,
}

impl TargetEmulator {
    /// The name or path of the emulator: `qemu-aarch64-static`, `/usr/lib/wine/wine64`, `node`.
    pub const fn program(self) -> &'static str {
        match self {
            TargetEmulator::QemuUser { program, .. }
            | TargetEmulator::QemuBareMetal { program, .. }
            | TargetEmulator::Wine { program, .. } => program,
            TargetEmulator::Node | TargetEmulator::NodeWasi => "node",
        }
    }
}

/// How far this project supports a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SupportLevel {
    /// Proven: builds in the environment of its recipe, C and C++ included, and its programs run
    /// there if it has an emulator.
    Recipe,
    /// The facts are known, but no recipe is proven.
    #[non_exhaustive]
    NotYet {
        /// The reason, as the end of a sentence that starts with the name of the target.
        why: &'static str,
    },
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
