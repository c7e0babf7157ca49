//! What `cross` reads and this version does not serve: said, never silently ignored.

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::text::flag;
use crate::variables::env::Env;

/// The variables of `cross`'s remote mode, where files are copied to an engine's volumes.
pub(crate) const REMOTE: &[&str] = &[
    "CROSS_REMOTE",
    "CROSS_REMOTE_COPY_CACHE",
    "CROSS_REMOTE_COPY_FULL_TARGET_DIR",
    "CROSS_REMOTE_COPY_REGISTRY",
    "CROSS_REMOTE_SKIP_BUILD_ARTIFACTS",
];

/// Says which of them are on.
pub(crate) fn read(env: &Env, problems: &mut Vec<Diagnostic>) {
    for name in REMOTE {
        let Some(value) = env.get(name) else { continue };
        if value.to_str().and_then(flag::read) != Some(false) {
            problems.push(diagnostic(name));
        }
    }
}

fn diagnostic(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::NotSupportedYet,
        "an engine on another machine is not supported yet",
    )
    .help(format!(
        "unset {name}, and use an engine that can mount this machine's files"
    ))
    .variable(name)
}
