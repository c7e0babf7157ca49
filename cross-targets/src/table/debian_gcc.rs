//! Debian's cross compilers for Linux with glibc, and what Zig calls the same targets.

/// Facts about a GCC with glibc that Debian packages.
#[derive(Clone, Copy)]
pub(crate) struct Gnu {
    pub(super) c_triple: &'static str,
    pub(super) debian_arch: &'static str,
    pub(super) multiarch: &'static str,
    pub(super) cross_packages: &'static [&'static str],
    /// The oldest suite that has all packages.
    pub(super) suite: &'static str,
    pub(super) sysroot: &'static str,
    /// Zig's name of the target; `None` if no program starts that Zig links for it.
    pub(super) zig: Option<&'static str>,
    /// The oldest glibc that Zig links with, as the minor version: the oldest that Zig has for the
    /// target, or the oldest that Rust's `std` supports.
    pub(super) oldest_glibc: u16,
}

/// Debian's cross compiler for `$arch`, with package names that end in `$package`, and Zig's name
/// of the target. By default, bookworm has the packages and the library directory is named like the
/// compiler.
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
            zig: Some($zig),
            oldest_glibc: 17,
        }
    };
}

/// Like [`debian!`], for a Debian port without a release. Programs start with the cross compiler's
/// own libc.
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
        oldest_glibc: 36,
        ..port!("loongarch64-linux-gnu", "loong64", "loongarch64-linux-gnu")
    };
    pub(crate) const MIPS: Gnu = port!("mips-linux-gnu", "mips", "mips-linux-gnueabihf");
    pub(crate) const MIPS64: Gnu = port!("mips64-linux-gnuabi64", "mips64", "mips64-linux-gnuabi64");
    pub(crate) const MIPS64EL: Gnu = debian!("mips64el-linux-gnuabi64", "mips64el-linux-gnuabi64", "mips64el", "mips64el-linux-gnuabi64");
    pub(crate) const MIPSEL: Gnu = debian!("mipsel-linux-gnu", "mipsel-linux-gnu", "mipsel", "mipsel-linux-gnueabihf");
    pub(crate) const POWERPC: Gnu = port!("powerpc-linux-gnu", "powerpc", "powerpc-linux-gnueabihf");
    // Zig makes programs with the second version of the ABI; Rust and Debian's libc have the first.
    pub(crate) const PPC64: Gnu = Gnu {
        zig: None,
        ..port!("powerpc64-linux-gnu", "ppc64", "powerpc64-linux-gnu")
    };
    pub(crate) const PPC64EL: Gnu = Gnu {
        oldest_glibc: 19,
        ..debian!("powerpc64le-linux-gnu", "powerpc64le-linux-gnu", "ppc64el", "powerpc64le-linux-gnu")
    };
    pub(crate) const RISCV64: Gnu = Gnu {
        suite: "trixie",
        oldest_glibc: 27,
        ..debian!("riscv64-linux-gnu", "riscv64-linux-gnu", "riscv64", "riscv64-linux-gnu")
    };
    pub(crate) const S390X: Gnu = debian!("s390x-linux-gnu", "s390x-linux-gnu", "s390x", "s390x-linux-gnu");
    // Zig's linker does not know all relocations of this processor.
    pub(crate) const SPARC64: Gnu = Gnu {
        zig: None,
        ..port!("sparc64-linux-gnu", "sparc64", "sparc64-linux-gnu")
    };
    pub(crate) const X32: Gnu = Gnu {
        cross_packages: &["gcc-x86-64-linux-gnux32", "g++-x86-64-linux-gnux32", "libc6-dev-x32-cross"],
        ..port!("x86_64-linux-gnux32", "x32", "x86_64-linux-gnux32")
    };
}
pub(crate) use debian::{
    AMD64 as DEB_AMD64, ARM64 as DEB_ARM64, ARMEL as DEB_ARMEL, ARMHF as DEB_ARMHF,
    I386 as DEB_I386, LOONG64 as DEB_LOONG64, MIPS as DEB_MIPS, MIPS64 as DEB_MIPS64,
    MIPS64EL as DEB_MIPS64EL, MIPSEL as DEB_MIPSEL, POWERPC as DEB_POWERPC, PPC64 as DEB_PPC64,
    PPC64EL as DEB_PPC64EL, RISCV64 as DEB_RISCV64, S390X as DEB_S390X, SPARC64 as DEB_SPARC64,
    X32 as DEB_X32,
};
