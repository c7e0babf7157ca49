//! What makes cargo build `std` from its source.

use cross_config::{BuildStd, Settings, TargetConfig};
use cross_targets::{Recipe, StdSource};

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::toolchain::{Toolchain, ToolchainSource};

/// The arguments, where the configuration wants `std` built or nothing else provides it; none where
/// neither does.
pub(crate) fn arguments(
    config: &TargetConfig,
    settings: &Settings,
    recipe: Option<&Recipe>,
    toolchain: &Toolchain,
) -> Result<Vec<String>> {
    let asked = config.build_std.as_ref();
    let (argument, why) = match (asked.map(|it| &it.value), recipe.map(|it| it.std)) {
        (Some(BuildStd::Crates(crates)), _) => (of_crates(crates), "is asked for"),
        (Some(BuildStd::Default), _) => ("-Zbuild-std".to_owned(), "is asked for"),
        (None, Some(StdSource::Source { crates, .. })) => {
            let crates: Vec<_> = crates.iter().map(|&name| name.to_owned()).collect();
            (of_crates(&crates), "is the only way to one for this target")
        }
        _ => return Ok(Vec::new()),
    };
    let origin = asked.map_or_else(String::new, |it| format!(" ({})", it.origin));
    // A toolchain of the user's own may say what it is like.
    let like = settings.custom_toolchain_compat.as_ref();
    let nightly = toolchain.is_nightly() || like.is_some_and(|it| it.value.starts_with("nightly"));
    if toolchain.source != ToolchainSource::Image && !nightly {
        return Err(Error::new(
            ErrorKind::Toolchain,
            format!(
                "building std from source {why}{origin}: it needs a nightly toolchain, and this is \
                 {toolchain}"
            ),
        )
        .with_help(
            "set `toolchain = \"+nightly\"`, or `toolchain = \"image\"` to use the distribution's Rust",
        ));
    }
    Ok(vec![argument])
}

/// Whether the configuration wants `std` built.
pub(crate) fn is_asked(config: &TargetConfig) -> bool {
    let asked = config.build_std.as_ref();
    asked.is_some_and(|it| matches!(it.value, BuildStd::Default | BuildStd::Crates(_)))
}

/// The manifest of the source of `std`, inside.
pub(crate) fn manifest(recipe: Option<&Recipe>, toolchain: &Toolchain) -> String {
    let source = match (toolchain.sysroot(), recipe.map(|it| it.std)) {
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

fn of_crates(crates: &[String]) -> String {
    match crates {
        [] => "-Zbuild-std".to_owned(),
        crates => format!("-Zbuild-std={}", crates.join(",")),
    }
}
