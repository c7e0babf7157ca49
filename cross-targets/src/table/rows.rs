//! The rows of the table: the facts about each known triple.
//!
//! Each row is one line, built by the constructors in [`families`](super::families). Sources:
//! `rustc --print cfg` (checked by a test), the platform support page and release manifest of Rust
//! 1.95 (tier, `std`), and Debian's package lists.

use super::debian_gcc::*;
use super::families::*;
use super::other_systems::*;
use crate::facts::target_facts::TargetFacts;
use crate::facts::target_facts::Tier::{One, Three, Two};
use crate::facts::uefi_machine::{UEFI_AARCH64, UEFI_X86, UEFI_X86_64};

/// GCC flags that select the processor Rust targets, where it is not GCC's default.
const V5TE: &str = "-march=armv5te -marm -mfloat-abi=soft";
const V6: &str = "-march=armv6 -marm -mfloat-abi=soft";
const V7: &str = "-march=armv7-a -mfloat-abi=soft";
const THUMB_NEON: &str = "-march=armv7-a -mthumb -mfpu=neon-vfpv4 -mfloat-abi=hard";
const V6M: &str = "-mthumb -march=armv6s-m";
const V7M: &str = "-mthumb -march=armv7-m";
const V7EM: &str = "-mthumb -march=armv7e-m";
const V7EM_FP: &str = "-mthumb -march=armv7e-m -mfloat-abi=hard -mfpu=fpv4-sp-d16";
const V8M_BASE: &str = "-mthumb -march=armv8-m.base";
const V8M: &str = "-mthumb -march=armv8-m.main";
const V8M_FP: &str = "-mthumb -march=armv8-m.main -mfloat-abi=hard -mfpu=fpv5-sp-d16";

const V7A: &str = "-march=armv7-a -marm -mfloat-abi=soft";
const V7A_FP: &str = "-march=armv7-a -marm -mfloat-abi=hard -mfpu=vfpv3-d16";
const V7R: &str = "-march=armv7-r -marm -mfloat-abi=soft";
const V7R_FP: &str = "-march=armv7-r -marm -mfloat-abi=hard -mfpu=vfpv3-d16";
const V8R_FP: &str = "-march=armv8-r -marm -mfloat-abi=hard -mfpu=fp-armv8";

/// clang's flags for UEFI's firmware. On x86, Rust passes floats in general registers.
const UEFI: &str = "-fshort-wchar -fno-stack-protector";
const UEFI_X86_FLAGS: &str = "-fshort-wchar -fno-stack-protector -mno-stack-arg-probe \
                        -mno-red-zone -msoft-float -mno-mmx -mno-sse";
/// Rust returns floats in general registers, and clang in the coprocessor's if it has one.
const UEFI_I686_FLAGS: &str = "-fshort-wchar -fno-stack-protector -mno-stack-arg-probe \
                        -mno-red-zone -msoft-float -mno-80387 -mno-mmx -mno-sse";

/// The same for Zig. (`arm1176jzf_s` is the processor of the first Raspberry Pi.)
const ZIG_V5TE: &str = "arm926ej_s";
const ZIG_V6: &str = "arm1136j_s";
const ZIG_V6_FP: &str = "arm1176jzf_s";
const ZIG_V7: &str = "generic+v7a";
const ZIG_V7_FP: &str = "generic+v7a+vfp3d16";
const ZIG_V7_NEON: &str = "generic+v7a+neon";

/// All known triples, ordered by name. [`Target`](crate::Target) holds an index into it.
#[rustfmt::skip]
pub(crate) static ROWS: &[TargetFacts] = &[
    macos("aarch64-apple-darwin",            AARCH64, "arm64-apple-macosx", "aarch64-macos", One),
    apple("aarch64-apple-ios",               AARCH64, "ios", "arm64-apple-ios", "iphoneos"),
    apple("aarch64-apple-ios-macabi",        AARCH64, "ios", "arm64-apple-ios-macabi", "macosx"),
    apple("aarch64-apple-ios-sim",           AARCH64, "ios", "arm64-apple-ios-simulator", "iphonesimulator"),
    apple("aarch64-apple-tvos",              AARCH64, "tvos", "arm64-apple-tvos", "appletvos"),
    apple("aarch64-apple-tvos-sim",          AARCH64, "tvos", "arm64-apple-tvos-simulator", "appletvsimulator"),
    apple("aarch64-apple-visionos",          AARCH64, "visionos", "arm64-apple-xros", "xros"),
    apple("aarch64-apple-visionos-sim",      AARCH64, "visionos", "arm64-apple-xros-simulator", "xrsimulator"),
    apple("aarch64-apple-watchos",           AARCH64, "watchos", "arm64-apple-watchos", "watchos"),
    apple("aarch64-apple-watchos-sim",       AARCH64, "watchos", "arm64-apple-watchos-simulator", "watchsimulator"),
    android("aarch64-linux-android",         AARCH64, "aarch64-linux-android", ABI_ARM64, None),
    gnullvm("aarch64-pc-windows-gnullvm",    AARCH64, "aarch64-w64-mingw32", "aarch64-windows-gnu", None),
    msvc("aarch64-pc-windows-msvc",          AARCH64, "aarch64", None, NEEDS_XWIN_AARCH64),
    fuchsia("aarch64-unknown-fuchsia",       AARCH64),
    gnu("aarch64-unknown-linux-gnu",         AARCH64, DEB_ARM64, One),
    musl("aarch64-unknown-linux-musl",       AARCH64, "aarch64-linux-musl", "aarch64-linux-musl", Two),
    ohos("aarch64-unknown-linux-ohos",       AARCH64),
    freestanding("aarch64-unknown-none",          AARCH64, "none", "aarch64-none-elf", "").runs_on(AARCH64, "cortex-a53"),
    freestanding("aarch64-unknown-none-softfloat", AARCH64, "none", "aarch64-none-elf", "-march=armv8-a+nofp+nosimd -mabi=aapcs-soft").runs_on(AARCH64, "cortex-a53"),
    freestanding("aarch64-unknown-uefi",          AARCH64, "uefi", "aarch64-unknown-windows-gnu", UEFI).boots(UEFI_AARCH64),
    android("arm-linux-androideabi",         ARM, "arm-linux-androideabi", ABI_ARM, None),
    gnu("arm-unknown-linux-gnueabi",         ARM, DEB_ARMEL, Two).c_flags(V6).zig_cpu(ZIG_V6),
    gnu("arm-unknown-linux-gnueabihf",       ARM, DEB_ARMHF, Two).zig_cpu(ZIG_V6_FP).with_zig(),
    musl("arm-unknown-linux-musleabi",       ARM, "arm-linux-musleabi", "arm-linux-musleabi", Two).zig_cpu(ZIG_V6),
    musl("arm-unknown-linux-musleabihf",     ARM, "arm-linux-musleabihf", "arm-linux-musleabihf", Two).zig_cpu(ZIG_V6_FP),
    arm64ec("arm64ec-pc-windows-msvc",       ARM64EC),
    gnu("armv5te-unknown-linux-gnueabi",     ARM, DEB_ARMEL, Two).c_flags(V5TE).zig_cpu(ZIG_V5TE),
    musl("armv5te-unknown-linux-musleabi",   ARM, "arm-linux-musleabi", "arm-linux-musleabi", Two).zig_cpu(ZIG_V5TE),
    android("armv7-linux-androideabi",       ARM, "arm-linux-androideabi", ABI_ARM, None),
    gnu("armv7-unknown-linux-gnueabi",       ARM, DEB_ARMEL, Two).c_flags(V7).zig_cpu(ZIG_V7),
    gnu("armv7-unknown-linux-gnueabihf",     ARM, DEB_ARMHF, Two).zig_cpu(ZIG_V7_FP),
    musl("armv7-unknown-linux-musleabi",     ARM, "arm-linux-musleabi", "arm-linux-musleabi", Two).zig_cpu(ZIG_V7),
    musl("armv7-unknown-linux-musleabihf",   ARM, "arm-linux-musleabihf", "arm-linux-musleabihf", Two).zig_cpu(ZIG_V7_FP),
    ohos("armv7-unknown-linux-ohos",         ARM),
    bare_metal("armv7a-none-eabi",           "cortex-a9", "thumb/v7-a/nofp", V7A),
    bare_metal("armv7a-none-eabihf",         "cortex-a9", "thumb/v7-a+fp/hard", V7A_FP),
    bare_metal("armv7r-none-eabi",           "cortex-r5", "thumb/v7/nofp", V7R),
    bare_metal("armv7r-none-eabihf",         "cortex-r5f", "thumb/v7-r+fp.sp/hard", V7R_FP),
    bare_metal("armv8r-none-eabihf",         "cortex-r52", "thumb/v8-a+simd/hard", V8R_FP),
    gnu("i586-unknown-linux-gnu",            X86, DEB_I386, Two).c_flags("-march=pentium").zig_cpu("pentium"),
    musl("i586-unknown-linux-musl",          X86, "i586-linux-musl", "x86-linux-musl", Two).zig_cpu("pentium"),
    android("i686-linux-android",            X86, "i686-linux-android", ABI_X86, ANDROID_X86),
    windows("i686-pc-windows-gnu",           X86, MINGW32, Two),
    gnullvm("i686-pc-windows-gnullvm",       X86, "i686-w64-mingw32", "x86-windows-gnu", Some("/usr/lib/wine/wine")),
    msvc("i686-pc-windows-msvc",             X86, "x86", Some("/usr/lib/wine/wine"), NEEDS_XWIN_X86),
    bsd("i686-unknown-freebsd",              X86, "freebsd", "i686-unknown-freebsd13", "x86-freebsd"),
    gnu("i686-unknown-linux-gnu",            X86, DEB_I386, One),
    musl("i686-unknown-linux-musl",          X86, "i686-linux-musl", "x86-linux-musl", Two),
    freestanding("i686-unknown-uefi",             X86, "uefi", "i686-unknown-windows-gnu", UEFI_I686_FLAGS).boots(UEFI_X86),
    gnu("loongarch64-unknown-linux-gnu",     LOONG64, DEB_LOONG64, Two),
    musl("loongarch64-unknown-linux-musl",   LOONG64, "loongarch64-linux-musl", "loongarch64-linux-musl", Two).suite("trixie"),
    freestanding("loongarch64-unknown-none",      LOONG64, "none", "loongarch64-unknown-none", "-mabi=lp64d"),
    freestanding("loongarch64-unknown-none-softfloat", LOONG64, "none", "loongarch64-unknown-none", "-mabi=lp64s -mfpu=none"),
    gnu("mips-unknown-linux-gnu",            MIPS, DEB_MIPS, Three),
    musl("mips-unknown-linux-musl",          MIPS, "mips-linux-muslsf", "mips-linux-musleabi", Three).zig_cpu("mips32r2"),
    gnu("mips64-unknown-linux-gnuabi64",     MIPS64, DEB_MIPS64, Three),
    musl("mips64-unknown-linux-muslabi64",   MIPS64, "mips64-linux-musl", "mips64-linux-muslabi64", Three).zig_cpu("mips64r2"),
    gnu("mips64el-unknown-linux-gnuabi64",   MIPS64EL, DEB_MIPS64EL, Three),
    musl("mips64el-unknown-linux-muslabi64", MIPS64EL, "mips64el-linux-musl", "mips64el-linux-muslabi64", Three).zig_cpu("mips64r2"),
    gnu("mipsel-unknown-linux-gnu",          MIPSEL, DEB_MIPSEL, Three),
    musl("mipsel-unknown-linux-musl",        MIPSEL, "mipsel-linux-muslsf", "mipsel-linux-musleabi", Three).zig_cpu("mips32r2"),
    cuda("nvptx64-nvidia-cuda"),
    gnu("powerpc-unknown-linux-gnu",         PPC, DEB_POWERPC, Two),
    gnu("powerpc64-unknown-linux-gnu",       PPC64, DEB_PPC64, Two),
    musl("powerpc64-unknown-linux-musl",     PPC64, "powerpc64-linux-musl", "powerpc64-linux-musl", Two),
    gnu("powerpc64le-unknown-linux-gnu",     PPC64LE, DEB_PPC64EL, Two),
    musl("powerpc64le-unknown-linux-musl",   PPC64LE, "powerpc64le-linux-musl", "powerpc64le-linux-musl", Two),
    freestanding("riscv32i-unknown-none-elf",     RISCV32, "none", "riscv32-none-elf", "-march=rv32i -mabi=ilp32").runs_on(RISCV32, "rv32"),
    freestanding("riscv32im-unknown-none-elf",    RISCV32, "none", "riscv32-none-elf", "-march=rv32im -mabi=ilp32").runs_on(RISCV32, "rv32"),
    freestanding("riscv32imac-unknown-none-elf",  RISCV32, "none", "riscv32-none-elf", "-march=rv32imac -mabi=ilp32").runs_on(RISCV32, "rv32"),
    freestanding("riscv32imafc-unknown-none-elf", RISCV32, "none", "riscv32-none-elf", "-march=rv32imafc -mabi=ilp32f").runs_on(RISCV32, "rv32"),
    freestanding("riscv32imc-unknown-none-elf",   RISCV32, "none", "riscv32-none-elf", "-march=rv32imc -mabi=ilp32").runs_on(RISCV32, "rv32"),
    gnu("riscv64a23-unknown-linux-gnu",      RISCV64, DEB_RISCV64, Two).qemu_cpu("max"),
    gnu("riscv64gc-unknown-linux-gnu",       RISCV64, DEB_RISCV64, Two),
    musl("riscv64gc-unknown-linux-musl",     RISCV64, "riscv64-linux-musl", "riscv64-linux-musl", Two),
    freestanding("riscv64gc-unknown-none-elf",    RISCV64, "none", "riscv64-none-elf", "-march=rv64gc -mabi=lp64d -mcmodel=medany").runs_on(RISCV64, "rv64"),
    freestanding("riscv64imac-unknown-none-elf",  RISCV64, "none", "riscv64-none-elf", "-march=rv64imac -mabi=lp64 -mcmodel=medany").runs_on(RISCV64, "rv64"),
    gnu("s390x-unknown-linux-gnu",           S390X, DEB_S390X, Two),
    musl("s390x-unknown-linux-musl",         S390X, "s390x-linux-musl", "s390x-linux-musl", Three),
    gnu("sparc64-unknown-linux-gnu",         SPARC64, DEB_SPARC64, Two),
    unix("sparcv9-sun-solaris",              SPARC64, "solaris", "sparcv9-sun-solaris2.10", "sparcv9-sun-solaris", Two),
    bare_metal("thumbv6m-none-eabi",         "cortex-m0", "thumb/v6-m/nofp", V6M),
    bare_metal("thumbv7em-none-eabi",        "cortex-m4", "thumb/v7e-m/nofp", V7EM),
    bare_metal("thumbv7em-none-eabihf",      "cortex-m4", "thumb/v7e-m+fp/hard", V7EM_FP),
    bare_metal("thumbv7m-none-eabi",         "cortex-m3", "thumb/v7-m/nofp", V7M),
    android("thumbv7neon-linux-androideabi", ARM, "arm-linux-androideabi", ABI_ARM, None),
    gnu("thumbv7neon-unknown-linux-gnueabihf", ARM, DEB_ARMHF, Two).c_flags(THUMB_NEON).zig_cpu(ZIG_V7_NEON),
    bare_metal("thumbv8m.base-none-eabi",    "cortex-m33", "thumb/v8-m.base/nofp", V8M_BASE),
    bare_metal("thumbv8m.main-none-eabi",    "cortex-m33", "thumb/v8-m.main/nofp", V8M),
    bare_metal("thumbv8m.main-none-eabihf",  "cortex-m33", "thumb/v8-m.main+fp/hard", V8M_FP),
    universal("universal2-apple-darwin",     &["aarch64-apple-darwin", "x86_64-apple-darwin"]),
    emscripten("wasm32-unknown-emscripten"),
    freestanding("wasm32-unknown-unknown",        WASM32, "unknown", "wasm32-unknown-unknown", ""),
    wasi("wasm32-wasip1"),
    wasi("wasm32-wasip1-threads").c_flags("-pthread -matomics -mbulk-memory"),
    wasi_component("wasm32-wasip2"),
    freestanding("wasm32v1-none",                 WASM32, "none", "wasm32-unknown-unknown", "-mcpu=mvp -mmutable-globals"),
    macos("x86_64-apple-darwin",             X86_64, "x86_64-apple-macosx", "x86_64-macos", Two),
    apple("x86_64-apple-ios",                X86_64, "ios", "x86_64-apple-ios-simulator", "iphonesimulator"),
    apple("x86_64-apple-ios-macabi",         X86_64, "ios", "x86_64-apple-ios-macabi", "macosx"),
    sgx("x86_64-fortanix-unknown-sgx",       X86_64),
    android("x86_64-linux-android",          X86_64, "x86_64-linux-android", ABI_X86_64, ANDROID_X86_64),
    unix("x86_64-pc-solaris",                X86_64, "solaris", "x86_64-pc-solaris2.10", "x86_64-pc-solaris", Two),
    windows("x86_64-pc-windows-gnu",         X86_64, MINGW64, One),
    gnullvm("x86_64-pc-windows-gnullvm",     X86_64, "x86_64-w64-mingw32", "x86_64-windows-gnu", Some("/usr/lib/wine/wine64")),
    msvc("x86_64-pc-windows-msvc",           X86_64, "x86_64", Some("/usr/lib/wine/wine64"), NEEDS_XWIN_X86_64),
    unix("x86_64-unknown-dragonfly",         X86_64, "dragonfly", "x86_64-unknown-dragonfly", "x86_64-unknown-dragonfly", Three),
    bsd("x86_64-unknown-freebsd",            X86_64, "freebsd", "x86_64-unknown-freebsd13", "x86_64-freebsd"),
    fuchsia("x86_64-unknown-fuchsia",        X86_64),
    unix("x86_64-unknown-illumos",           X86_64, "illumos", "x86_64-unknown-illumos", "x86_64-pc-solaris", Two),
    gnu("x86_64-unknown-linux-gnu",          X86_64, DEB_AMD64, One),
    gnu("x86_64-unknown-linux-gnuasan",      X86_64, DEB_AMD64, Two),
    gnu("x86_64-unknown-linux-gnux32",       X32, DEB_X32, Two),
    musl("x86_64-unknown-linux-musl",        X86_64, "x86_64-linux-musl", "x86_64-linux-musl", Two),
    ohos("x86_64-unknown-linux-ohos",        X86_64),
    bsd("x86_64-unknown-netbsd",             X86_64, "netbsd", "x86_64-unknown-netbsd", "x86_64-netbsd"),
    freestanding("x86_64-unknown-none",           X86_64, "none", "x86_64-unknown-none-elf", "-msoft-float -mno-mmx -mno-sse -mno-red-zone -fPIE"),
    redox("x86_64-unknown-redox",            X86_64),
    freestanding("x86_64-unknown-uefi",           X86_64, "uefi", "x86_64-unknown-windows-gnu", UEFI_X86_FLAGS).boots(UEFI_X86_64),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::target_facts::{
        CToolchain, Endian, Libc, StdAvailability, SupportLevel, TargetEmulator, TestSupport,
    };

    #[test]
    fn rows_are_unique_and_ordered() {
        assert_eq!(ROWS.len(), 119);
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
                row.emulator.map(TargetEmulator::program),
            ];
            let mut texts = names
                .into_iter()
                .chain(options.into_iter().flatten())
                .chain(row.cross_packages.iter().copied());
            assert!(texts.all(|text| !text.trim().is_empty()), "{row:#?}");
            if let Some(why) = row.lacks() {
                assert!(
                    why.len() > 10 && !why.ends_with('.'),
                    "{}: say why",
                    row.triple
                );
            }
        }
    }

    #[test]
    fn what_no_recipe_serves_is_few_and_says_why() {
        let unserved: Vec<_> = ROWS
            .iter()
            .filter(|row| matches!(row.support, SupportLevel::NotYet { .. }))
            .map(|row| row.triple)
            .collect();
        assert_eq!(
            unserved,
            [
                "aarch64-linux-android",
                "arm-linux-androideabi",
                "armv7-linux-androideabi",
                "i686-linux-android",
                "sparcv9-sun-solaris",
                "thumbv7neon-linux-androideabi",
                "x86_64-linux-android",
                "x86_64-pc-solaris",
                "x86_64-unknown-dragonfly",
                "x86_64-unknown-illumos",
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
            let refused = matches!(row.support, SupportLevel::NotYet { .. });
            assert_eq!(row.suite.is_none(), refused, "{triple}");
            assert_eq!(
                row.tests == TestSupport::None,
                row.emulator.is_none(),
                "{triple}"
            );
            assert_eq!(
                row.tests == TestSupport::Unproven,
                refused && row.emulator.is_some(),
                "{triple}"
            );
            let runs = row.emulator.is_some() && !refused;
            // The harness starts threads.
            let is_harnessed = row.std != StdAvailability::None && row.os != "uefi";
            assert_eq!(
                row.tests == TestSupport::Programs,
                runs && !is_harnessed,
                "{triple}"
            );
            assert_eq!(
                row.c_toolchain == CToolchain::None,
                row.support != SupportLevel::Recipe,
                "{triple}"
            );
            assert_eq!(
                row.std == StdAvailability::BuildStd,
                row.tier == Three,
                "{triple}: rustup ships what is of tier 1 or 2"
            );
            assert_eq!(
                row.std == StdAvailability::None,
                matches!(row.os, "none" | "cuda"),
                "{triple}"
            );
            match row.c_toolchain {
                CToolchain::Gcc => assert!(
                    row.debian_arch.is_some() && row.cross_packages.len() == 3,
                    "{triple}"
                ),
                CToolchain::Zig => assert!(row.zig.is_some(), "{triple}"),
                CToolchain::None => assert!(row.lacks().is_some(), "{triple}"),
                _ => {}
            }
            let links =
                !["powerpc64", "sparc64"].contains(&row.arch) || row.endian == Endian::Little;
            assert_eq!(
                row.zig.is_some(),
                row.libc == Libc::Glibc && links || row.c_toolchain == CToolchain::Zig,
                "{triple}: a floor is made with Zig"
            );
            assert_eq!(
                row.zig.and_then(|zig| zig.oldest_glibc).is_some(),
                row.libc == Libc::Glibc && links,
                "{triple}"
            );
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
