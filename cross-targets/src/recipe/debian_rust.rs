//! Debian's own packages of Rust.

use crate::facts::target_facts::Facts;

/// What a suite calls its Rust.
pub(super) struct DebianRust {
    pub(super) rustc: &'static str,
    pub(super) cargo: &'static str,
    /// The standard library; one package for each architecture.
    pub(super) std: &'static str,
    /// Its source.
    pub(super) source: &'static str,
}

/// Where [`DebianRust::source`] puts the source, or a link to it.
pub(super) const SOURCE: &str = "/usr/lib/rustlib/src/rust";

/// The package of the standard library for WebAssembly systems, which are no architecture of
/// Debian's. Bookworm's has another name for WASI.
pub(super) const WASM_STD: &str = "libstd-rust-dev-wasm32";

/// The triples that Debian builds its standard library for: one for each architecture, so its
/// `armhf` package is of no use for `thumbv7neon`.
const WITH_STD: [&str; 8] = [
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "i686-unknown-linux-gnu",
    "powerpc64le-unknown-linux-gnu",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "wasm32-wasip1",
    "x86_64-unknown-linux-gnu",
];

impl DebianRust {
    pub(super) fn of(suite: &str) -> Self {
        match suite {
            // Bookworm's own Rust is 1.63; Debian keeps a newer one for browsers. It is pinned
            // because an update may reach the architectures on different days.
            "bookworm" => Self {
                rustc: "rustc-web=1.85*",
                cargo: "cargo-web=1.85*",
                std: "libstd-rust-web-dev=1.85*",
                source: "rust-web-src=1.85*",
            },
            _ => Self {
                rustc: "rustc",
                cargo: "cargo",
                std: "libstd-rust-dev",
                source: "rust-src",
            },
        }
    }
}

/// Whether one of the packages is the target's standard library.
pub(super) fn has_std(facts: &Facts) -> bool {
    WITH_STD.contains(&facts.triple)
}
