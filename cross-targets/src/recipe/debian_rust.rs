//! Debian's Rust packages.

use crate::facts::target_facts::TargetFacts;

/// The names of a suite's Rust packages.
pub(super) struct DebianRust {
    pub(super) rustc: &'static str,
    pub(super) cargo: &'static str,
    /// The standard library; one package per architecture.
    pub(super) std: &'static str,
    /// The source of the standard library.
    pub(super) source: &'static str,
}

/// The directory of the source that [`DebianRust::source`] installs, or of a link to it.
pub(super) const SOURCE: &str = "/usr/lib/rustlib/src/rust";

/// The package of the standard library for WebAssembly, which is not a Debian architecture. The
/// package in bookworm uses another name for WASI.
pub(super) const WASM_STD: &str = "libstd-rust-dev-wasm32";

/// The triples that Debian builds the standard library for. There is one per architecture, so the
/// `armhf` package does not support `thumbv7neon`.
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
            // Bookworm's own Rust is 1.63; Debian maintains a newer one for browsers. The version
            // is pinned because updates may reach architectures on different days.
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

/// Whether Debian packages the standard library of the target.
pub(super) fn has_std(facts: &TargetFacts) -> bool {
    WITH_STD.contains(&facts.triple)
}
