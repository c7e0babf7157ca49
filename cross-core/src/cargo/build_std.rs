//! The arguments that make cargo build `std` from source.

use std::borrow::Borrow;

use cross_config::{BuildStd, Settings, TargetConfig};
use cross_targets::{Recipe, StdSource, Target};

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::toolchain::{Toolchain, ToolchainSource};

/// The arguments, if the configuration asks to build `std` or the target has no other `std`;
/// otherwise none. Where the configuration names no crates, they are those of `target`.
pub(crate) fn arguments(
    config: &TargetConfig,
    settings: &Settings,
    target: Option<Target>,
    recipe: Option<&Recipe>,
    toolchain: &Toolchain,
) -> Result<Vec<String>> {
    let key = config.build_std.as_ref();
    let own = target.map_or(&[][..], Target::std_crates);
    let (argument, reason) = match (key.map(|key| &key.value), recipe.map(|recipe| recipe.std)) {
        (Some(BuildStd::Crates(crates)), _) => (of_crates(crates), "is requested"),
        (Some(BuildStd::Default), _) => (of_crates(own), "is requested"),
        (None, Some(StdSource::Source { crates, .. })) => {
            (of_crates(crates), "is required for this target")
        }
        _ => return Ok(Vec::new()),
    };
    let origin = key.map_or_else(String::new, |key| format!(" ({})", key.origin));
    if let Some((target, why)) = target.and_then(|it| Some((it, it.std_from_rustup_only()?))) {
        let message = format!("std cannot be built from source for {target}{origin}: {why}");
        return Err(Error::new(ErrorKind::Toolchain, message).with_help(
            "use a toolchain of rustup's (`toolchain = \"host\"`), and remove `build-std`",
        ));
    }
    // The user may declare which toolchain a custom toolchain is compatible with.
    let compatible = settings.custom_toolchain_compat.as_ref();
    let nightly = toolchain.is_nightly()
        || compatible.is_some_and(|setting| setting.value.starts_with("nightly"));
    if toolchain.source != ToolchainSource::Image && !nightly {
        return Err(Error::new(
            ErrorKind::Toolchain,
            format!(
                "building std from source {reason}{origin}, which needs a nightly toolchain, but the \
                 toolchain is {toolchain}"
            ),
        )
        .with_help(
            "set `toolchain = \"+nightly\"`, or `toolchain = \"image\"` to use the distribution's Rust",
        ));
    }
    Ok(vec![argument])
}

/// Whether the configuration asks to build `std`.
pub(crate) fn is_requested(config: &TargetConfig) -> bool {
    let key = config.build_std.as_ref();
    key.is_some_and(|key| matches!(key.value, BuildStd::Default | BuildStd::Crates(_)))
}

/// The manifest of the source of `std`, as a path in the environment.
pub(crate) fn manifest(recipe: Option<&Recipe>, toolchain: &Toolchain) -> String {
    let source = match (toolchain.sysroot(), recipe.map(|recipe| recipe.std)) {
        (Some(sysroot), _) => sysroot.join("lib/rustlib/src/rust").display().to_string(),
        (
            None,
            Some(StdSource::Source {
                path: Some(path), ..
            }),
        ) => path.to_owned(),
        (None, _) => "/usr/lib/rustlib/src/rust".to_owned(),
    };
    format!("{source}/library/Cargo.toml")
}

/// The argument that builds these crates of the standard library; without crates, cargo's default.
fn of_crates<T: Borrow<str>>(crates: &[T]) -> String {
    match crates {
        [] => "-Zbuild-std".to_owned(),
        crates => format!("-Zbuild-std={}", crates.join(",")),
    }
}
