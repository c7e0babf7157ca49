//! The engine `host`: a target's tools on this machine, without isolation.
//!
//! The table of targets lists the candidates (`cross_targets::Toolset`), with the variables that
//! name them to cargo. `search` chooses among them, and `probe` tries them.

#[cfg(feature = "host-engine")]
mod context;
#[cfg(feature = "host-engine")]
mod keys;
#[cfg(feature = "host-engine")]
mod missing;
#[cfg(feature = "host-engine")]
mod named;
#[cfg(feature = "host-engine")]
mod probe;
#[cfg(feature = "host-engine")]
mod search;
#[cfg(feature = "host-engine")]
mod toolset;

use cross_config::{Origin, TargetConfig};
use cross_engine::{Network, Root, RunSpec};

#[cfg(feature = "host-engine")]
pub(crate) use context::ToolSearchContext;
#[cfg(feature = "host-engine")]
pub(crate) use keys::check as check_keys;
#[cfg(feature = "host-engine")]
pub(crate) use toolset::find_toolset;

use crate::target::name::TargetName;

/// The engine's name in configuration and on command lines.
pub(crate) const NAME: &str = "host";

/// The run as the engine carries it out. On the host, it needs no mounts and has the host's
/// network.
pub(crate) fn without_isolation(mut spec: RunSpec) -> RunSpec {
    if spec.root == Root::Host {
        spec.mounts.clear();
        spec.network = Network::Host;
    }
    spec
}

/// Whether the configuration names this engine.
pub(crate) fn is_requested(config: &TargetConfig) -> bool {
    requested_by(config).is_some()
}

/// What names this engine.
pub(crate) fn requested_by(config: &TargetConfig) -> Option<&Origin> {
    let engine = config.engine.as_ref().filter(|it| it.value == NAME);
    engine.map(|engine| &engine.origin)
}

/// Whether a target without a row of the table is one that rustc links with its own linker, without
/// a C library.
fn needs_no_c_toolchain(target: &TargetName) -> bool {
    let triple = target.triple();
    let is_freestanding = triple.contains("-none") || triple == "wasm32-unknown-unknown";
    target.known().is_none() && target.argument() == triple && is_freestanding
}

/// The triples whose `std` rustup may have to install.
pub(crate) fn rustup_targets(target: &TargetName) -> Vec<&str> {
    match target.known().is_some() || needs_no_c_toolchain(target) {
        true => target.slices(),
        false => Vec::new(),
    }
}
