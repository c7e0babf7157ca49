//! The variables of the caller that reach a run, by name. Everything else stays outside, unless the
//! key `env.passthrough` names it.

use crate::cargo::outer::GUARD;

/// Variables of these names: those that cargo, rustc, std and libtest document, and those of the
/// test libraries that most projects use. docs/environments.md lists them.
const NAMES: [&str; 61] = [
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_RUSTDOCFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_ENCODED_RUSTDOCFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_LOG",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    // A build script inside must not build within the build of another.
    GUARD,
    // The scripts in images of the `cross` project print more with it.
    "CROSS_DEBUG",
    "FORCE_COLOR",
    "GIT_CEILING_DIRECTORIES",
    "INSTA_FORCE_PASS",
    "INSTA_OUTPUT",
    "INSTA_UPDATE",
    "LANG",
    "LC_ALL",
    "LLVM_PROFILE_FILE",
    "LOOM_MAX_BRANCHES",
    "LOOM_MAX_PREEMPTIONS",
    "MACOSX_DEPLOYMENT_TARGET",
    "MIRIFLAGS",
    "NEXTEST_FAILURE_OUTPUT",
    "NEXTEST_FINAL_STATUS_LEVEL",
    "NEXTEST_PROFILE",
    "NEXTEST_RETRIES",
    "NEXTEST_STATUS_LEVEL",
    "NEXTEST_SUCCESS_OUTPUT",
    "NEXTEST_TEST_THREADS",
    "NO_COLOR",
    "PROPTEST_CASES",
    "PROPTEST_MAX_SHRINK_ITERS",
    "PROPTEST_RNG_SEED",
    "QEMU_STRACE",
    "QUICKCHECK_GENERATOR_SIZE",
    "QUICKCHECK_MAX_TESTS",
    "QUICKCHECK_MIN_TESTS_PASSED",
    "QUICKCHECK_TESTS",
    "RUSTC_BOOTSTRAP",
    "RUSTC_LOG",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "RUST_LOG",
    "RUST_MIN_STACK",
    "RUST_TEST_NOCAPTURE",
    "RUST_TEST_SHUFFLE",
    "RUST_TEST_SHUFFLE_SEED",
    "RUST_TEST_THREADS",
    "RUST_TEST_TIME_DOCTEST",
    "RUST_TEST_TIME_INTEGRATION",
    "RUST_TEST_TIME_UNIT",
    "SNAPSHOTS",
    "SOURCE_DATE_EPOCH",
    "TERM",
    "TRYBUILD",
    "TRYCMD",
    "TZ",
    "UPDATE_EXPECT",
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

/// Returns why the caller's variable `name` stays outside, and the remedy, if it tells cargo or a
/// compiler what to do. `target` is the target's name as in `CARGO_TARGET_<NAME>_…`.
pub(crate) fn left_out(name: &str, target: &str) -> Option<(&'static str, &'static str)> {
    let compilers = [
        "CARGO_BUILD_RUSTC",
        "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "CARGO_BUILD_RUSTDOC",
        "RUSTC",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
    ];
    let of_target = name
        .strip_prefix("CARGO_TARGET_")
        .and_then(|rest| rest.strip_prefix(target));
    match of_target {
        Some("_LINKER") => Some((
            "the environment has a linker of its own",
            "name the variable in `env.passthrough` to use a linker that is in the environment",
        )),
        Some("_RUNNER") => Some((
            "the environment has a runner of its own",
            "`runner` in Cross.toml sets the runner of an environment",
        )),
        _ if name == "CARGO_BUILD_BUILD_DIR" => Some((
            "the environment keeps what it compiles in the target directory",
            "`CARGO_TARGET_DIR` sets the target directory",
        )),
        _ if compilers.contains(&name) => Some((
            "the environment has a compiler of its own",
            "a toolchain is chosen by `toolchain` in Cross.toml; wrappers of rustc are not used",
        )),
        _ if is_tool_of_target(name, target) => Some((
            "the environment has its own tools and libraries for the target",
            "name the variable in `env.passthrough` if its value holds in the environment",
        )),
        _ => None,
    }
}

/// What build scripts read for one target, by the conventions of cc, pkg-config, CMake and bindgen:
/// `CFLAGS_<triple>`, with `_` or `-` in the triple, or `TARGET_CFLAGS`.
const TOOLS: [&str; 13] = [
    "AR",
    "ARFLAGS",
    "BINDGEN_EXTRA_CLANG_ARGS",
    "CC",
    "CFLAGS",
    "CMAKE_TOOLCHAIN_FILE",
    "CXX",
    "CXXFLAGS",
    "PKG_CONFIG",
    "PKG_CONFIG_LIBDIR",
    "PKG_CONFIG_PATH",
    "PKG_CONFIG_SYSROOT_DIR",
    "RANLIB",
];

/// Whether the variable names a tool for the target, or says how one is used.
fn is_tool_of_target(name: &str, target: &str) -> bool {
    let plain = name.replace('-', "_");
    let suffix = format!("_{}", target.to_ascii_lowercase());
    let tool = plain.strip_suffix(&suffix);
    let tool = tool.or_else(|| name.strip_prefix("TARGET_"));
    tool.is_some_and(|tool| TOOLS.contains(&tool))
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
    fn each_name_is_in_the_documentation() {
        let page = include_str!("../../../docs/environments.md");
        assert!(NAMES.is_sorted());
        for name in NAMES.iter().filter(|name| **name != GUARD) {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn what_stays_outside_and_tells_what_to_do_has_a_reason() {
        let target = "AARCH64_UNKNOWN_LINUX_GNU";
        for name in [
            "RUSTC_WRAPPER",
            "CARGO_BUILD_RUSTC",
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
            "CC_aarch64_unknown_linux_gnu",
            "CFLAGS_aarch64-unknown-linux-gnu",
            "TARGET_AR",
            "PKG_CONFIG_PATH_aarch64_unknown_linux_gnu",
        ] {
            assert!(left_out(name, target).is_some(), "{name}");
            assert!(!is_passed(name), "{name}");
        }
        for name in [
            "CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER",
            "CC_armv7_unknown_linux_gnueabihf",
            "CFLAGS",
            "CC",
            "HOME",
        ] {
            assert_eq!(left_out(name, target), None, "{name}");
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
