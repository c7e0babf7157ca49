//! The rows: what is true of each known triple.
//!
//! One line a row; the functions that make them ([`family`](crate::family)) say once what a family
//! has in common. Sources: `rustc --print cfg` (a test compares), the platform support page of
//! Rust 1.95 and its release manifest (tier, `std`), and Debian's package lists.

use crate::facts::Facts;
use crate::facts::Std::{BuildStd, Prebuilt};
use crate::facts::Tier::{One, Three, Two};
use crate::family::*;

/// Every known triple, ordered by name: [`Target`](crate::Target) is an index into it.
#[rustfmt::skip]
pub(crate) static ROWS: &[Facts] = &[
    android("aarch64-linux-android",                   AARCH64, "aarch64-linux-android", None),
    proven("aarch64-unknown-linux-gnu",                AARCH64, DEB_ARM64, "bookworm", One),
    musl("aarch64-unknown-linux-musl",                 AARCH64, "aarch64-linux-musl", Prebuilt, Two),
    android("arm-linux-androideabi",                   ARM, "arm-linux-androideabi", None),
    gnu("arm-unknown-linux-gnueabi",                   ARM, DEB_ARMEL, Prebuilt, Two),
    gnu("arm-unknown-linux-gnueabihf",                 ARM, ARMV6_HARD_FLOAT, Prebuilt, Two).because("Debian's hard float packages are for ARMv7, this is ARMv6"),
    musl("arm-unknown-linux-musleabi",                 ARM, "arm-linux-musleabi", Prebuilt, Two),
    musl("arm-unknown-linux-musleabihf",               ARM, "arm-linux-musleabihf", Prebuilt, Two),
    gnu("armv5te-unknown-linux-gnueabi",               ARM, DEB_ARMEL, Prebuilt, Two),
    musl("armv5te-unknown-linux-musleabi",             ARM, "arm-linux-musleabi", Prebuilt, Two),
    android("armv7-linux-androideabi",                 ARM, "arm-linux-androideabi", None),
    gnu("armv7-unknown-linux-gnueabi",                 ARM, DEB_ARMEL, Prebuilt, Two),
    proven("armv7-unknown-linux-gnueabihf",            ARM, DEB_ARMHF, "bookworm", Two),
    musl("armv7-unknown-linux-musleabi",               ARM, "arm-linux-musleabi", Prebuilt, Two),
    musl("armv7-unknown-linux-musleabihf",             ARM, "arm-linux-musleabihf", Prebuilt, Two),
    gnu("i586-unknown-linux-gnu",                      X86, DEB_I386, Prebuilt, Two).because("Debian's 32-bit x86 packages need an i686"),
    musl("i586-unknown-linux-musl",                    X86, "i586-linux-musl", Prebuilt, Two),
    android("i686-linux-android",                      X86, "i686-linux-android", ANDROID_X86),
    windows("i686-pc-windows-gnu",                     X86, "i686-w64-mingw32", MINGW32, Two),
    unix("i686-unknown-freebsd",                       X86, "freebsd", "i686-unknown-freebsd13", Prebuilt, Two),
    proven("i686-unknown-linux-gnu",                   X86, DEB_I386, "bookworm", One),
    gnu("loongarch64-unknown-linux-gnu",               LOONG64, DEB_LOONG64, Prebuilt, Two).because(PORT),
    gnu("mips-unknown-linux-gnu",                      MIPS, DEB_MIPS, BuildStd, Three).because(NO_STD),
    musl("mips-unknown-linux-musl",                    MIPS, "mips-linux-muslsf", BuildStd, Three),
    gnu("mips64-unknown-linux-gnuabi64",               MIPS64, DEB_MIPS64, BuildStd, Three).because(NO_STD),
    musl("mips64-unknown-linux-muslabi64",             MIPS64, "mips64-linux-musl", BuildStd, Three),
    gnu("mips64el-unknown-linux-gnuabi64",             MIPS64EL, DEB_MIPS64EL, BuildStd, Three).because(NO_STD),
    musl("mips64el-unknown-linux-muslabi64",           MIPS64EL, "mips64el-linux-musl", BuildStd, Three),
    gnu("mipsel-unknown-linux-gnu",                    MIPSEL, DEB_MIPSEL, BuildStd, Three).because(NO_STD),
    musl("mipsel-unknown-linux-musl",                  MIPSEL, "mipsel-linux-muslsf", BuildStd, Three),
    gnu("powerpc-unknown-linux-gnu",                   PPC, DEB_POWERPC, Prebuilt, Two).because(PORT),
    gnu("powerpc64-unknown-linux-gnu",                 PPC64, DEB_PPC64, Prebuilt, Two).because(PORT),
    proven("powerpc64le-unknown-linux-gnu",            PPC64LE, DEB_PPC64EL, "bookworm", Two),
    proven("riscv64gc-unknown-linux-gnu",              RISCV64, DEB_RISCV64, "trixie", Two),
    proven("s390x-unknown-linux-gnu",                  S390X, DEB_S390X, "bookworm", Two),
    gnu("sparc64-unknown-linux-gnu",                   SPARC64, DEB_SPARC64, Prebuilt, Two).because(PORT),
    unix("sparcv9-sun-solaris",                        SPARC64, "solaris", "sparcv9-sun-solaris2.10", Prebuilt, Two),
    bare("thumbv6m-none-eabi", "cortex-m0"),
    bare("thumbv7em-none-eabi", "cortex-m4"),
    bare("thumbv7em-none-eabihf", "cortex-m4"),
    bare("thumbv7m-none-eabi", "cortex-m3"),
    android("thumbv7neon-linux-androideabi",           ARM, "arm-linux-androideabi", None),
    gnu("thumbv7neon-unknown-linux-gnueabihf",         ARM, DEB_ARMHF, Prebuilt, Two),
    bare("thumbv8m.base-none-eabi", "cortex-m33"),
    bare("thumbv8m.main-none-eabi", "cortex-m33"),
    bare("thumbv8m.main-none-eabihf", "cortex-m33"),
    emscripten("wasm32-unknown-emscripten"),
    android("x86_64-linux-android",                    X86_64, "x86_64-linux-android", ANDROID_X86_64),
    unix("x86_64-pc-solaris",                          X86_64, "solaris", "x86_64-pc-solaris2.10", Prebuilt, Two),
    windows("x86_64-pc-windows-gnu",                   X86_64, "x86_64-w64-mingw32", MINGW64, One),
    unix("x86_64-unknown-dragonfly",                   X86_64, "dragonfly", "x86_64-unknown-dragonfly", BuildStd, Three),
    unix("x86_64-unknown-freebsd",                     X86_64, "freebsd", "x86_64-unknown-freebsd13", Prebuilt, Two),
    unix("x86_64-unknown-illumos",                     X86_64, "illumos", "x86_64-unknown-illumos", Prebuilt, Two),
    proven("x86_64-unknown-linux-gnu",                 X86_64, DEB_AMD64, "bookworm", One),
    musl("x86_64-unknown-linux-musl",                  X86_64, "x86_64-linux-musl", Prebuilt, Two),
    unix("x86_64-unknown-netbsd",                      X86_64, "netbsd", "x86_64-unknown-netbsd", Prebuilt, Two),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Emulator, Libc, Std, Support, TestSupport};

    #[test]
    fn rows_are_unique_and_ordered() {
        assert_eq!(ROWS.len(), 56);
        for pair in ROWS.windows(2) {
            assert!(
                pair[0].triple < pair[1].triple,
                "{} before {}",
                pair[0].triple,
                pair[1].triple
            );
        }
    }

    #[test]
    fn no_row_has_an_empty_fact() {
        for row in ROWS {
            let names = [row.triple, row.arch, row.os, row.c_triple];
            let options = [
                row.debian_arch,
                row.multiarch,
                row.suite,
                row.emulator.map(Emulator::program),
            ];
            let mut texts = names
                .into_iter()
                .chain(options.into_iter().flatten())
                .chain(row.cross_packages.iter().copied());
            assert!(texts.all(|text| !text.trim().is_empty()), "{row:#?}");
            if let Support::NotYet { why } = row.support {
                assert!(why.len() > 10, "{}: say why", row.triple);
            }
        }
    }

    #[test]
    fn the_proven_rows_are_those_of_the_design() {
        let proven: Vec<_> = ROWS
            .iter()
            .filter(|row| row.support == Support::Recipe)
            .map(|row| row.triple)
            .collect();
        assert_eq!(
            proven,
            [
                "aarch64-unknown-linux-gnu",
                "armv7-unknown-linux-gnueabihf",
                "i686-unknown-linux-gnu",
                "powerpc64le-unknown-linux-gnu",
                "riscv64gc-unknown-linux-gnu",
                "s390x-unknown-linux-gnu",
                "x86_64-unknown-linux-gnu",
            ]
        );
    }

    #[test]
    fn facts_of_one_row_agree() {
        for row in ROWS {
            let triple = row.triple;
            assert_eq!(
                row.debian_arch.is_some(),
                row.multiarch.is_some(),
                "{triple}"
            );
            assert_eq!(
                row.suite.is_some(),
                row.support == Support::Recipe,
                "{triple}"
            );
            assert_eq!(
                row.tests == TestSupport::None,
                row.emulator.is_none(),
                "{triple}"
            );
            assert_eq!(
                row.tests == TestSupport::Parallel,
                row.support == Support::Recipe,
                "{triple}"
            );
            assert_eq!(
                row.std == BuildStd,
                row.tier == Three,
                "{triple}: rustup ships what is of tier 1 or 2"
            );
            assert_eq!(row.std == Std::None, row.os == "none", "{triple}");
            if row.support == Support::Recipe {
                assert!(
                    row.debian_arch.is_some() && row.cross_packages.len() == 3,
                    "{triple}"
                );
            }
        }
    }

    #[test]
    fn the_compiler_package_is_named_as_the_compiler() {
        for row in ROWS
            .iter()
            .filter(|row| row.libc == Libc::Glibc && !row.cross_packages.is_empty())
        {
            let package = format!("gcc-{}", row.c_triple.replace('_', "-"));
            assert_eq!(row.cross_packages[0], package, "{}", row.triple);
        }
    }
}
