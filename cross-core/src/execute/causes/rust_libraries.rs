//! What Rust's own libraries lack for a target: all of `std`, or what cargo's tests need.

use super::Remedy;
use crate::model::toolchain::ToolchainSource;

impl Remedy<'_> {
    pub(super) fn no_std(&self) -> String {
        let triple = self.triple();
        let triple = triple
            .split_once('.')
            .filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
            .map_or(triple, |(triple, _)| triple);
        match &self.plan.toolchain.source {
            ToolchainSource::Host { name, .. } => format!(
                "the toolchain `{name}` has no `std` for {triple}: run `rustup target add \
                 --toolchain {name} {triple}`"
            ),
            ToolchainSource::Directory { sysroot } => format!(
                "the toolchain in `{}` has no `std` for {triple}: put `rust-std` for it there, or \
                 set `toolchain` to `host` or `image`",
                sysroot.display()
            ),
            ToolchainSource::Image => format!(
                "the environment's Rust has no `std` for {triple}: set `toolchain = \"host\"` in \
                 Cross.toml, for which rustup adds it, or build it with `build-std`"
            ),
        }
    }

    /// How to test where cargo's tests cannot: `why` is the end of a sentence about the target.
    pub(super) fn without_harness(&self, why: &str) -> String {
        format!(
            "{} {why}: test with `cargo test` on this machine what needs no target, and make the other \
             tests programs of their own (`harness = false` in the manifest)",
            self.triple()
        )
    }
}
