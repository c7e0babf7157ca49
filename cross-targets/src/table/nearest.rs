//! Which row is the nearest to a target of rustc's that has none: the same processor, and the same
//! system or one like it.

/// The targets without a row, each with the nearest one that has one. Sorted.
const NEAREST: [(&str, &str); 44] = [
    (
        "aarch64-unknown-linux-gnu_ilp32",
        "aarch64-unknown-linux-gnu",
    ),
    ("aarch64-uwp-windows-msvc", "aarch64-pc-windows-msvc"),
    ("aarch64v8r-unknown-none", "aarch64-unknown-none"),
    (
        "aarch64v8r-unknown-none-softfloat",
        "aarch64-unknown-none-softfloat",
    ),
    ("arm64_32-apple-watchos", "aarch64-apple-watchos"),
    ("arm64e-apple-darwin", "aarch64-apple-darwin"),
    ("arm64e-apple-ios", "aarch64-apple-ios"),
    ("arm64e-apple-tvos", "aarch64-apple-tvos"),
    (
        "armv5te-unknown-linux-uclibceabi",
        "armv5te-unknown-linux-musleabi",
    ),
    (
        "armv7-unknown-linux-uclibceabi",
        "armv7-unknown-linux-musleabi",
    ),
    (
        "armv7-unknown-linux-uclibceabihf",
        "armv7-unknown-linux-musleabihf",
    ),
    ("armv7k-apple-watchos", "aarch64-apple-watchos"),
    ("i686-apple-darwin", "x86_64-apple-darwin"),
    ("i686-uwp-windows-gnu", "i686-pc-windows-gnu"),
    ("i686-uwp-windows-msvc", "i686-pc-windows-msvc"),
    ("i686-win7-windows-gnu", "i686-pc-windows-gnu"),
    ("i686-win7-windows-msvc", "i686-pc-windows-msvc"),
    ("mips-unknown-linux-uclibc", "mips-unknown-linux-musl"),
    (
        "mips64-openwrt-linux-musl",
        "mips64-unknown-linux-muslabi64",
    ),
    ("mipsel-unknown-linux-uclibc", "mipsel-unknown-linux-musl"),
    ("powerpc-unknown-linux-musl", "powerpc-unknown-linux-gnu"),
    ("riscv32ima-unknown-none-elf", "riscv32im-unknown-none-elf"),
    ("riscv32imac-esp-espidf", "riscv32imac-unknown-none-elf"),
    ("riscv32imafc-esp-espidf", "riscv32imafc-unknown-none-elf"),
    ("riscv32imc-esp-espidf", "riscv32imc-unknown-none-elf"),
    ("thumbv7a-none-eabi", "armv7a-none-eabi"),
    ("thumbv7a-none-eabihf", "armv7a-none-eabihf"),
    (
        "thumbv7neon-unknown-linux-musleabihf",
        "armv7-unknown-linux-musleabihf",
    ),
    ("thumbv7r-none-eabi", "armv7r-none-eabi"),
    ("thumbv7r-none-eabihf", "armv7r-none-eabihf"),
    ("thumbv8r-none-eabihf", "armv8r-none-eabihf"),
    ("wasm32-wali-linux-musl", "wasm32-wasip1"),
    ("wasm32-wasip3", "wasm32-wasip2"),
    ("wasm64-unknown-unknown", "wasm32-unknown-unknown"),
    ("x86_64-apple-tvos", "aarch64-apple-tvos-sim"),
    ("x86_64-apple-watchos-sim", "aarch64-apple-watchos-sim"),
    ("x86_64-pc-cygwin", "x86_64-pc-windows-gnu"),
    ("x86_64-unikraft-linux-musl", "x86_64-unknown-linux-musl"),
    ("x86_64-unknown-linux-none", "x86_64-unknown-linux-musl"),
    ("x86_64-uwp-windows-gnu", "x86_64-pc-windows-gnu"),
    ("x86_64-uwp-windows-msvc", "x86_64-pc-windows-msvc"),
    ("x86_64-win7-windows-gnu", "x86_64-pc-windows-gnu"),
    ("x86_64-win7-windows-msvc", "x86_64-pc-windows-msvc"),
    ("x86_64h-apple-darwin", "x86_64-apple-darwin"),
];

/// The nearest target with a row. `None` if no row is near: its programs would have to be built for
/// another processor or another system.
pub(crate) fn nearest(triple: &str) -> Option<&'static str> {
    let at = NEAREST.binary_search_by_key(&triple, |(other, _)| other);
    at.ok().map(|at| NEAREST[at].1)
}

/// The sanitizer of a target whose `std` only rustup's nightly toolchains have, as the value of
/// rustc's `-Zsanitizer`.
pub(crate) fn sanitizer(triple: &str) -> Option<&'static str> {
    match triple {
        "x86_64-unknown-linux-gnumsan" => Some("memory"),
        "x86_64-unknown-linux-gnutsan" => Some("thread"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Target, is_rustc_target};

    #[test]
    fn the_nearest_has_a_row_and_the_target_has_none() {
        assert!(NEAREST.is_sorted_by_key(|(other, _)| other));
        for (other, near) in NEAREST {
            assert!(is_rustc_target(other), "{other}");
            assert!(Target::parse(other).is_err(), "{other} has a row");
            assert_eq!(nearest(other), Some(near));
            assert!(Target::parse(near).is_ok(), "{near} has no row");
        }
        assert_eq!(nearest("aarch64-unknown-nuttx"), None);
    }
}
