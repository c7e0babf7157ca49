//! Variables of `cross` for features that this version does not support. They are reported instead
//! of ignored.

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::text::flag;
use crate::variables::env::Env;

/// The variables of the remote mode of `cross`, which copies files to volumes of a remote engine.
pub(crate) const REMOTE_VARIABLES: &[&str] = &[
    "CROSS_REMOTE",
    "CROSS_REMOTE_COPY_CACHE",
    "CROSS_REMOTE_COPY_FULL_TARGET_DIR",
    "CROSS_REMOTE_COPY_REGISTRY",
    "CROSS_REMOTE_SKIP_BUILD_ARTIFACTS",
];

/// Reports those that are enabled.
pub(crate) fn read(env: &Env, problems: &mut Vec<Diagnostic>) {
    for name in REMOTE_VARIABLES {
        let Some(value) = env.get(name) else { continue };
        if value.to_str().and_then(flag::parse) != Some(false) {
            problems.push(diagnostic(name));
        }
    }
}

fn diagnostic(name: &str) -> Diagnostic {
    Diagnostic::error(
        DiagnosticCode::NotSupportedYet,
        "remote engines are not supported yet",
    )
    .help(format!("unset {name}, and use an engine on this machine"))
    .variable(name)
}
