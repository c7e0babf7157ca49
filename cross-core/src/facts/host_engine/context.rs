//! What a search of tools depends on.

use cross_config::TargetConfig;
use cross_engine::Host;

use super::rustup_targets;
use crate::cargo::build_std;
use crate::host::toolchain;
use crate::model::toolchain::Toolchain;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// The facts that decide which tools are searched.
pub(crate) struct ToolSearchContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) target: &'a TargetName,
    pub(crate) config: &'a TargetConfig,
    pub(crate) toolchain: &'a Toolchain,
    /// Whether rustup may complete the toolchain.
    pub(crate) completes: bool,
    pub(crate) host: &'a Host,
}

/// The arguments of the rustup command that installs the target's `std`, if it is not installed.
pub(super) fn lacking_std(context: &ToolSearchContext<'_>) -> Option<Vec<String>> {
    let needs = toolchain::ToolchainNeeds {
        triples: &rustup_targets(context.target),
        build_std: build_std::is_requested(context.config),
        clippy: false,
    };
    let missing = context.toolchain.missing(&needs);
    missing.into_iter().next().map(|command| command.arguments)
}
