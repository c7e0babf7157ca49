//! The table of what `cross` reads and this version does not: said, never silently ignored.
//!
//! A key that becomes served moves from here to the table of keys.

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::keys::Level;

/// A key of `cross`'s configuration that is not served.
pub(crate) struct Unserved {
    /// Its name below the table, with dots.
    pub(crate) name: &'static str,
    /// Where it may stand.
    pub(crate) levels: &'static [Level],
    /// Its variables for `[build]`.
    pub(crate) build_variables: &'static [&'static str],
    /// The suffixes of its variables for `[target.<triple>]`.
    pub(crate) target_suffixes: &'static [&'static str],
}

const BOTH: &[Level] = &[Level::Build, Level::Target];
const TARGET: &[Level] = &[Level::Target];

/// Every such key.
pub(crate) static UNSERVED: &[Unserved] = &[
    Unserved {
        name: "build-std",
        levels: BOTH,
        build_variables: &["CROSS_BUILD_STD"],
        target_suffixes: &["BUILD_STD"],
    },
    Unserved {
        name: "zig",
        levels: BOTH,
        build_variables: &[
            "CROSS_BUILD_ZIG",
            "CROSS_BUILD_ZIG_VERSION",
            "CROSS_BUILD_ZIG_IMAGE",
            "CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN",
        ],
        target_suffixes: &["ZIG", "ZIG_VERSION", "ZIG_IMAGE", "ZIG_IMAGE_TOOLCHAIN"],
    },
    Unserved {
        name: "pre-build",
        levels: BOTH,
        build_variables: &["CROSS_BUILD_PRE_BUILD"],
        target_suffixes: &["PRE_BUILD"],
    },
    Unserved {
        name: "dockerfile",
        levels: BOTH,
        build_variables: &["CROSS_BUILD_DOCKERFILE", "CROSS_BUILD_DOCKERFILE_CONTEXT"],
        target_suffixes: &["DOCKERFILE", "DOCKERFILE_CONTEXT"],
    },
    Unserved {
        name: "env.volumes",
        levels: BOTH,
        build_variables: &["CROSS_BUILD_ENV_VOLUMES"],
        target_suffixes: &["ENV_VOLUMES"],
    },
    Unserved {
        name: "image",
        levels: TARGET,
        build_variables: &[],
        target_suffixes: &["IMAGE", "IMAGE_TOOLCHAIN"],
    },
    Unserved {
        name: "xargo",
        levels: BOTH,
        build_variables: &[],
        target_suffixes: &[],
    },
];

/// Variables of `cross` that belong to no key. What would change the result is an error; what only
/// tunes how an engine is driven is a warning. Those of its command line's own policy
/// (`CROSS_DEBUG`, `CROSS_NO_WARNINGS`, …) mean nothing in a library and are left alone.
#[rustfmt::skip]
pub(crate) static UNSERVED_VARIABLES: &[(&str, Severity)] = &[
    ("CROSS_CONTAINER_OPTS", Severity::Error),
    ("DOCKER_OPTS", Severity::Warning), // Also read by other tools, so it may not be meant for us.
    ("CROSS_BUILD_OPTS", Severity::Error),
    ("CROSS_BUILD_PROGRESS", Severity::Warning),
    ("CROSS_CONTAINER_ENGINE_NO_BUILDKIT", Severity::Warning),
    ("CROSS_ROOTLESS_CONTAINER_ENGINE", Severity::Warning),
    ("CROSS_CONTAINER_USER_NAMESPACE", Severity::Error),
    ("CROSS_CONTAINER_UID", Severity::Error),
    ("CROSS_CONTAINER_GID", Severity::Error),
    ("CROSS_CONTAINER_IN_CONTAINER", Severity::Error),
    ("CROSS_DOCKER_IN_DOCKER", Severity::Error),
    ("CROSS_REMOTE", Severity::Error),
    ("CROSS_CUSTOM_TOOLCHAIN", Severity::Warning),
];

impl Unserved {
    /// The key with this dotted name that may stand at `level`.
    pub(crate) fn find(name: &str, level: Level) -> Option<&'static Self> {
        UNSERVED
            .iter()
            .find(|key| key.name == name && key.levels.contains(&level))
    }

    /// The key that a variable for `[build]` belongs to.
    pub(crate) fn of_build_variable(variable: &str) -> Option<&'static Self> {
        UNSERVED
            .iter()
            .find(|key| key.build_variables.contains(&variable))
    }

    /// What is said about it.
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        diagnostic(self.name, Severity::Error)
    }
}

/// Says that `name`, a key or a variable, is not served.
pub(crate) fn diagnostic(name: &str, severity: Severity) -> Diagnostic {
    let message = format!("`{name}` is not supported yet");
    let help = format!(
        "cross-core does not serve `{name}` yet: remove it, or build with `cross` meanwhile"
    );
    Diagnostic {
        severity,
        ..Diagnostic::error(Code::NotSupportedYet, message)
    }
    .help(help)
}

/// Whether a variable's text says "off", which is what not serving it does.
pub(crate) fn is_off(text: &str) -> bool {
    matches!(text.trim(), "" | "0" | "false" | "auto")
}
