//! The types of a row: what is recorded of each target, and in which words.

use crate::facts::sdk::Sdk;

/// What is true of one triple, whatever builds for it and wherever.
///
/// The values of `arch`, `os`, `endian` and `pointer_width` are those of `rustc --print cfg`; a test
/// compares every row with the installed compiler. Tier and `std` are those of Rust 1.95.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The Rust target triple, as in `rustc --print target-list`.
    pub triple: &'static str,
    /// `target_arch`, for instance `arm` for every `thumbv7m…` and `armv7…` triple.
    pub arch: &'static str,
    /// `target_os`; `none` for bare metal.
    pub os: &'static str,
    /// The C library programs of the target are linked with.
    pub libc: Libc,
    /// Byte order.
    pub endian: Endian,
    /// Width of a pointer in bits.
    pub pointer_width: u32,
    /// The name GNU tools and Debian use, which prefixes the cross compiler: `aarch64-linux-gnu` of
    /// `aarch64-linux-gnu-gcc`. Without the hyphen at the end.
    pub c_triple: &'static str,
    /// The Debian architecture whose packages run on the target, ports included (`ppc64`). `None`
    /// where Debian has no packages with the target's ABI.
    pub debian_arch: Option<&'static str>,
    /// Debian's library directory below `/usr/lib` for [`Facts::debian_arch`]. It differs from
    /// [`Facts::c_triple`] on 32-bit x86: `i386-linux-gnu`.
    pub multiarch: Option<&'static str>,
    /// The packages of Debian bookworm, or where that has none of trixie, that cross compile C and
    /// C++ for the target on a machine of another architecture. Empty where Debian has none.
    pub cross_packages: &'static [&'static str],
    /// What compiles the target's C and C++, and links, in the environment of its recipe.
    pub tools: Tools,
    /// How Zig is told to compile for the target, where it can: what a glibc floor is made with.
    pub zig: Option<Zig>,
    /// What the target's C compiler has to be told besides, so that C code and Rust code need the
    /// same processor and call each other the same way. Empty where it does by itself.
    pub c_flags: &'static str,
    /// Where the loader and the libraries are that a program of the target starts with: `/` where
    /// Debian has packages of the target's architecture, which are in their ordinary places, else
    /// the cross compiler's own directory.
    pub sysroot: &'static str,
    /// The Debian suite the recipe is made of; `None` where there is no recipe.
    pub suite: Option<&'static str>,
    /// Where the standard library comes from.
    pub std: Std,
    /// How much the Rust project promises.
    pub tier: Tier,
    /// The directory of a user's that a recipe can be completed with, where no distribution has
    /// what it takes; `None` elsewhere.
    pub sdk: Option<Sdk>,
    /// What runs a program of the target on a machine that can't run it by itself.
    pub emulator: Option<Emulator>,
    /// How far this project supports the target.
    pub support: Support,
    /// How the target's tests can be run.
    pub tests: TestSupport,
}

/// What compiles C and C++ for a target, and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tools {
    /// Debian's GCC for the target: `aarch64-linux-gnu-gcc`.
    Gcc,
    /// GCC with mingw-w64, in the flavour that has threads: `x86_64-w64-mingw32-gcc-posix`.
    Mingw,
    /// GCC with newlib: `arm-none-eabi-gcc`. Rust's own linker links.
    Newlib {
        /// The one set of libraries that fits the target, as a directory of GCC's: `thumb/v7-m/nofp`.
        multilib: &'static str,
    },
    /// Zig, which is a C and C++ compiler with the libc of many systems in its package.
    Zig,
    /// Emscripten's `emcc`.
    Emscripten,
    /// Debian's clang and lld, which compile for any system whose libraries are there.
    Clang,
    /// The clang of Android's NDK.
    Ndk,
    /// None that a recipe could install.
    None,
}

/// How Zig is told to compile for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Zig {
    /// Its name of the target, for `-target`: `arm-linux-musleabi`.
    pub target: &'static str,
    /// The processor, for `-mcpu`; `None` where its default is the one that Rust takes.
    pub cpu: Option<&'static str>,
}

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Libc {
    /// GNU libc: dynamic, so a binary needs at least the version it was linked with.
    Glibc,
    /// musl: Rust links it statically by default.
    Musl,
    /// Android's libc.
    Bionic,
    /// The C runtime of mingw-w64.
    Mingw,
    /// Newlib: for C on bare metal; Rust's `core` needs no libc there.
    Newlib,
    /// Emscripten's libc, a musl that calls JavaScript.
    Emscripten,
    /// The C library of WASI, a musl that calls the WebAssembly System Interface.
    Wasi,
    /// The libc that is part of the operating system: the BSDs, Solaris, illumos.
    System,
}

impl Libc {
    /// Its name in lower case: `glibc`, `musl`, `mingw`; `system` for the operating system's own.
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
    /// As `target_endian` spells it: `little` or `big`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Endian::Little => "little",
            Endian::Big => "big",
        }
    }
}

/// Where the standard library of a target comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Std {
    /// `rustup target add` installs it.
    Prebuilt,
    /// It exists and rustup doesn't ship it: a nightly's `-Z build-std` builds it.
    BuildStd,
    /// There is none: rustup ships `core` and `alloc` only.
    None,
}

/// The promise of the Rust project: <https://doc.rust-lang.org/rustc/platform-support.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// Guaranteed to work: tested on every change.
    One,
    /// Guaranteed to build.
    Two,
    /// In the source, neither built nor tested.
    Three,
}

/// What runs a program of the target on a machine that can't run it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Emulator {
    /// QEMU's user mode: one process, the kernel's calls translated.
    QemuUser {
        /// The program: `qemu-aarch64-static`.
        program: &'static str,
        /// The `-cpu` it needs; `None` for its default.
        cpu: Option<&'static str>,
    },
    /// QEMU's user mode with a bare metal program, which leaves by semihosting.
    QemuBareMetal {
        /// The program: `qemu-arm-static`.
        program: &'static str,
        /// The `-cpu` whose instructions the target has.
        cpu: &'static str,
    },
    /// Wine, for Windows programs.
    Wine {
        /// The program: `/usr/lib/wine/wine64`.
        program: &'static str,
        /// Where the DLLs of the C and C++ runtime are, for `WINEPATH`.
        dlls: &'static str,
    },
    /// Node.js, for Emscripten's JavaScript and WebAssembly.
    Node,
    /// Node.js, for WebAssembly that calls WASI.
    NodeWasi,
}

impl Emulator {
    /// The program that emulates: `qemu-aarch64-static`, `/usr/lib/wine/wine64`, `node`.
    pub const fn program(self) -> &'static str {
        match self {
            Emulator::QemuUser { program, .. }
            | Emulator::QemuBareMetal { program, .. }
            | Emulator::Wine { program, .. } => program,
            Emulator::Node | Emulator::NodeWasi => "node",
        }
    }
}

/// How far this project supports a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Support {
    /// Builds in the environment of its recipe, C and C++ included, and its programs ran there where
    /// it has an emulator; this was proven.
    Recipe,
    /// Its facts are known; no recipe of ours was proven for it.
    NotYet {
        /// What is missing, as the end of a sentence that starts with the target's name.
        why: &'static str,
    },
}

/// How the tests of a target can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestSupport {
    /// Natively or under the emulator, several at once, as on any machine.
    Parallel,
    /// Programs run under the emulator; there is no `std`, so cargo's tests can't be built.
    Programs,
    /// There is an emulator that should run them; not proven here.
    Unproven,
    /// Nothing runs the target's programs here.
    None,
}

impl TestSupport {
    /// In one word: `parallel`, `programs`, `unproven`, `none`.
    pub const fn as_str(self) -> &'static str {
        match self {
            TestSupport::Parallel => "parallel",
            TestSupport::Programs => "programs",
            TestSupport::Unproven => "unproven",
            TestSupport::None => "none",
        }
    }
}
