//! The variables of the caller that reach a run, by name. Everything else stays outside, unless the
//! key `env.passthrough` names it.

use crate::cargo::outer::GUARD;

/// Variables of these names.
const NAMES: [&str; 24] = [
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_RUSTDOCFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    // The scripts in images of the `cross` project print more with it.
    "CROSS_DEBUG",
    // A build script inside must not build within the build of another.
    GUARD,
    "LANG",
    "LC_ALL",
    "NO_COLOR",
    "QEMU_STRACE",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "RUST_LOG",
    "RUST_MIN_STACK",
    "RUST_TEST_NOCAPTURE",
    "RUST_TEST_SHUFFLE",
    "RUST_TEST_THREADS",
    "RUST_TEST_TIME_UNIT",
    "SOURCE_DATE_EPOCH",
    "TERM",
];

/// What follows `CARGO_TERM_`.
const TERM: [&str; 8] = [
    "COLOR",
    "HYPERLINKS",
    "PROGRESS_TERM_INTEGRATION",
    "PROGRESS_WHEN",
    "PROGRESS_WIDTH",
    "QUIET",
    "UNICODE",
    "VERBOSE",
];

/// What follows the name of a profile in `CARGO_PROFILE_<NAME>_`.
const PROFILE: [&str; 16] = [
    "CODEGEN_BACKEND",
    "CODEGEN_UNITS",
    "DEBUG",
    "DEBUG_ASSERTIONS",
    "HINT_MOSTLY_UNUSED",
    "INCREMENTAL",
    "INHERITS",
    "LTO",
    "OPT_LEVEL",
    "OVERFLOW_CHECKS",
    "PANIC",
    "RPATH",
    "RUSTFLAGS",
    "SPLIT_DEBUGINFO",
    "STRIP",
    "TRIM_PATHS",
];

/// What follows `CARGO_UNSTABLE_`: cargo's unstable features that change how something is compiled.
const UNSTABLE: [&str; 31] = [
    "ADVANCED_ENV",
    "AVOID_DEV_DEPS",
    "BINARY_DEP_DEPINFO",
    "BINDEPS",
    "BUILD_DIR",
    "BUILD_DIR_NEW_LAYOUT",
    "BUILD_STD",
    "BUILD_STD_FEATURES",
    "CHECKSUM_FRESHNESS",
    "CODEGEN_BACKEND",
    "CONFIG_INCLUDE",
    "DIRECT_MINIMAL_VERSIONS",
    "DOCTEST_IN_WORKSPACE",
    "DOCTEST_XCOMPILE",
    "DUAL_PROC_MACROS",
    "FEATURE_UNIFICATION",
    "FIX_EDITION",
    "GC",
    "HOST_CONFIG",
    "MINIMAL_VERSIONS",
    "MTIME_ON_USE",
    "MULTITARGET",
    "NO_INDEX_UPDATE",
    "PANIC_ABORT_TESTS",
    "PER_PACKAGE_TARGET",
    "PROFILE_RUSTFLAGS",
    "PUBLIC_DEPENDENCY",
    "RUSTDOC_MAP",
    "TARGET_APPLIES_TO_HOST",
    "TRIM_PATHS",
    "UNSTABLE_OPTIONS",
];

/// Whether a run sees the caller's variable `name`.
pub(crate) fn is_passed(name: &str) -> bool {
    let has = |prefix: &str, names: &[&str]| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| names.contains(&rest))
    };
    NAMES.contains(&name)
        || has("CARGO_TERM_", &TERM)
        || has("CARGO_UNSTABLE_", &UNSTABLE)
        || name
            .strip_prefix("CARGO_PROFILE_")
            .is_some_and(is_of_profile)
}

/// Whether `text` is the name of a profile and that of its setting.
fn is_of_profile(text: &str) -> bool {
    PROFILE.iter().any(|setting| {
        let rest = text.strip_suffix(setting);
        rest.and_then(|rest| rest.strip_suffix('_'))
            .is_some_and(|profile| !profile.is_empty())
    })
}

/// Whether the variable is the address of a registry's index.
pub(crate) fn is_index(name: &str) -> bool {
    let registry = name
        .strip_prefix("CARGO_REGISTRIES_")
        .and_then(|rest| rest.strip_suffix("_INDEX"));
    registry.is_some_and(|registry| !registry.is_empty())
}

/// The variables that programs of the target and compilers see, whoever starts them.
pub(crate) fn names() -> impl Iterator<Item = String> {
    NAMES.iter().map(|&name| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_passes_by_its_family() {
        for name in [
            "CROSS_TOKEN",
            "CROSS_",
            "CROSS_CACHE_DIR",
            "CARGO_TERM_TOKEN",
            "CARGO_PROFILE_TOKEN",
            "CARGO_PROFILE__LTO",
            "CARGO_PROFILE_LTO",
            "CARGO_UNSTABLE_TOKEN",
            "CARGO_UNSTABLE_REGISTRY_AUTH",
            "CARGO_REGISTRY_TOKEN",
            "RUST_TOKEN",
            "LC_TOKEN",
        ] {
            assert!(!is_passed(name), "{name}");
        }
    }

    #[test]
    fn what_says_how_to_compile_passes() {
        for name in [
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_PROFILE_MY_DIST_DEBUG_ASSERTIONS",
            "CARGO_PROFILE_DEV_BUILD_OVERRIDE_OPT_LEVEL",
            "CARGO_TERM_COLOR",
            "CARGO_UNSTABLE_BUILD_STD",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_ENCODED_RUSTDOCFLAGS",
            GUARD,
        ] {
            assert!(is_passed(name), "{name}");
        }
        assert!(is_index("CARGO_REGISTRIES_MINE_INDEX"));
        assert!(!is_index("CARGO_REGISTRIES_INDEX"));
        assert!(!is_index("CARGO_REGISTRIES_MINE_TOKEN"));
    }
}
