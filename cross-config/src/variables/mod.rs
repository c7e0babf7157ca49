//! The registry of variables: every variable this crate reads, each named once.
//!
//! The name of a key's variable follows one rule: `CROSS_BUILD_<KEY>` for `[build]` and
//! `CROSS_TARGET_<TRIPLE>_<KEY>` for `[target.<triple>]`, upper-cased, with `_` for `-` and `.`
//! (see [`for_target`]). Each constant says which key it is of, or what it means; how its text is read
//! is at the key in [`keys`](crate::keys()), or in [`settings`](crate::settings()).
//!
//! A variable that is set to the empty string counts as not set, except that it turns a flag off. A flag
//! is `true`, `1`, `yes` or `on`, or `false`, `0`, `no` or `off`; every other text is an error.

pub(crate) mod env;

use crate::diagnostics::diagnostic::{Code, Diagnostic};

/// Declares the names of variables, each with what it means.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {$(
        $(#[$doc])*
        pub const $name: &str = $text;
    )*};
}

names! {
    /// Names the configuration file to read instead of `Cross.toml` in the workspace root. A relative
    /// path is relative to the loader's current directory. A file that does not exist is an error.
    CROSS_CONFIG = "CROSS_CONFIG";
    /// Key `build.engine`.
    CROSS_CONTAINER_ENGINE = "CROSS_CONTAINER_ENGINE";
    /// Key `build.default-target`.
    CROSS_BUILD_TARGET = "CROSS_BUILD_TARGET";
    /// cargo's own variable for `build.default-target`: read where [`CROSS_BUILD_TARGET`] is not set.
    CARGO_BUILD_TARGET = "CARGO_BUILD_TARGET";
    /// Key `build.targets`.
    CROSS_BUILD_TARGETS = "CROSS_BUILD_TARGETS";
    /// Key `build.toolchain`.
    CROSS_BUILD_TOOLCHAIN = "CROSS_BUILD_TOOLCHAIN";
    /// Key `build.network`.
    CROSS_BUILD_NETWORK = "CROSS_BUILD_NETWORK";
    /// Key `build.suite`.
    CROSS_BUILD_SUITE = "CROSS_BUILD_SUITE";
    /// Key `build.packages`.
    CROSS_BUILD_PACKAGES = "CROSS_BUILD_PACKAGES";
    /// Key `build.build-std`.
    CROSS_BUILD_STD = "CROSS_BUILD_STD";
    /// Key `build.xargo`, an old name of `build.build-std`.
    CROSS_BUILD_XARGO = "CROSS_BUILD_XARGO";
    /// Key `build.zig.enable`.
    CROSS_BUILD_ZIG = "CROSS_BUILD_ZIG";
    /// Key `build.zig.version`.
    CROSS_BUILD_ZIG_VERSION = "CROSS_BUILD_ZIG_VERSION";
    /// Key `build.zig.image.name`.
    CROSS_BUILD_ZIG_IMAGE = "CROSS_BUILD_ZIG_IMAGE";
    /// Key `build.zig.image.toolchain`.
    CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN = "CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN";
    /// Key `build.pre-build`. Always commands, one a line, and never a script's path.
    CROSS_BUILD_PRE_BUILD = "CROSS_BUILD_PRE_BUILD";
    /// Key `build.dockerfile.file`.
    CROSS_BUILD_DOCKERFILE = "CROSS_BUILD_DOCKERFILE";
    /// Key `build.dockerfile.context`.
    CROSS_BUILD_DOCKERFILE_CONTEXT = "CROSS_BUILD_DOCKERFILE_CONTEXT";
    /// Key `build.dockerfile.build-args`, to which it adds.
    CROSS_BUILD_DOCKERFILE_BUILD_ARGS = "CROSS_BUILD_DOCKERFILE_BUILD_ARGS";
    /// Key `build.env.passthrough`, to which it adds.
    CROSS_BUILD_ENV_PASSTHROUGH = "CROSS_BUILD_ENV_PASSTHROUGH";
    /// Key `build.env.volumes`.
    CROSS_BUILD_ENV_VOLUMES = "CROSS_BUILD_ENV_VOLUMES";
    /// Key `build.serial-tests`.
    CROSS_BUILD_SERIAL_TESTS = "CROSS_BUILD_SERIAL_TESTS";
}

names! {
    /// Suffix of the variable of `target.<triple>.toolchain`.
    TARGET_TOOLCHAIN = "TOOLCHAIN";
    /// Suffix of the variable of `target.<triple>.network`.
    TARGET_NETWORK = "NETWORK";
    /// Suffix of the variable of `target.<triple>.suite`.
    TARGET_SUITE = "SUITE";
    /// Suffix of the variable of `target.<triple>.packages`.
    TARGET_PACKAGES = "PACKAGES";
    /// Suffix of the variable of `target.<triple>.build-std`.
    TARGET_BUILD_STD = "BUILD_STD";
    /// Suffix of the variable of `target.<triple>.xargo`, an old name of `build-std`.
    TARGET_XARGO = "XARGO";
    /// Suffix of the variable of `target.<triple>.zig.enable`.
    TARGET_ZIG = "ZIG";
    /// Suffix of the variable of `target.<triple>.zig.version`.
    TARGET_ZIG_VERSION = "ZIG_VERSION";
    /// Suffix of the variable of `target.<triple>.zig.image.name`.
    TARGET_ZIG_IMAGE = "ZIG_IMAGE";
    /// Suffix of the variable of `target.<triple>.zig.image.toolchain`.
    TARGET_ZIG_IMAGE_TOOLCHAIN = "ZIG_IMAGE_TOOLCHAIN";
    /// Suffix of the variable of `target.<triple>.pre-build`. Always commands, one a line.
    TARGET_PRE_BUILD = "PRE_BUILD";
    /// Suffix of the variable of `target.<triple>.dockerfile.file`.
    TARGET_DOCKERFILE = "DOCKERFILE";
    /// Suffix of the variable of `target.<triple>.dockerfile.context`.
    TARGET_DOCKERFILE_CONTEXT = "DOCKERFILE_CONTEXT";
    /// Suffix of the variable of `target.<triple>.dockerfile.build-args`, to which it adds.
    TARGET_DOCKERFILE_BUILD_ARGS = "DOCKERFILE_BUILD_ARGS";
    /// Suffix of the variable of `target.<triple>.env.passthrough`, to which it adds.
    TARGET_ENV_PASSTHROUGH = "ENV_PASSTHROUGH";
    /// Suffix of the variable of `target.<triple>.env.volumes`.
    TARGET_ENV_VOLUMES = "ENV_VOLUMES";
    /// Suffix of the variable of `target.<triple>.image.name`.
    TARGET_IMAGE = "IMAGE";
    /// Suffix of the variable of `target.<triple>.image.toolchain`.
    TARGET_IMAGE_TOOLCHAIN = "IMAGE_TOOLCHAIN";
    /// Suffix of the variable of `target.<triple>.sdk`.
    TARGET_SDK = "SDK";
    /// Suffix of the variable of `target.<triple>.runner`.
    TARGET_RUNNER = "RUNNER";
    /// Suffix of the variable of `target.<triple>.serial-tests`.
    TARGET_SERIAL_TESTS = "SERIAL_TESTS";
}

names! {
    /// More arguments for the container engine's `run`.
    CROSS_CONTAINER_OPTS = "CROSS_CONTAINER_OPTS";
    /// An old name of [`CROSS_CONTAINER_OPTS`].
    DOCKER_OPTS = "DOCKER_OPTS";
    /// More arguments for the container engine's `build`.
    CROSS_BUILD_OPTS = "CROSS_BUILD_OPTS";
    /// How the container engine shows the progress of a build.
    CROSS_BUILD_PROGRESS = "CROSS_BUILD_PROGRESS";
    /// Whether the container engine has no BuildKit.
    CROSS_CONTAINER_ENGINE_NO_BUILDKIT = "CROSS_CONTAINER_ENGINE_NO_BUILDKIT";
    /// Whether the container engine runs without root; `auto` finds out.
    CROSS_ROOTLESS_CONTAINER_ENGINE = "CROSS_ROOTLESS_CONTAINER_ENGINE";
    /// The user namespace of containers.
    CROSS_CONTAINER_USER_NAMESPACE = "CROSS_CONTAINER_USER_NAMESPACE";
    /// The user's number inside containers.
    CROSS_CONTAINER_UID = "CROSS_CONTAINER_UID";
    /// The group's number inside containers.
    CROSS_CONTAINER_GID = "CROSS_CONTAINER_GID";
    /// Whether this already runs in a container, whose engine is used.
    CROSS_CONTAINER_IN_CONTAINER = "CROSS_CONTAINER_IN_CONTAINER";
    /// An old name of [`CROSS_CONTAINER_IN_CONTAINER`].
    CROSS_DOCKER_IN_DOCKER = "CROSS_DOCKER_IN_DOCKER";
    /// For how many seconds containers are kept that nobody uses.
    CROSS_KEEP_WARM = "CROSS_KEEP_WARM";
    /// Whether the toolchain is one of the user's own, to which nothing is added.
    CROSS_CUSTOM_TOOLCHAIN = "CROSS_CUSTOM_TOOLCHAIN";
    /// The name of the released toolchain that the user's own one is like.
    CROSS_CUSTOM_TOOLCHAIN_COMPAT = "CROSS_CUSTOM_TOOLCHAIN_COMPAT";
    /// Whether documentation tests are run on a nightly toolchain.
    CROSS_UNSTABLE_ENABLE_DOCTESTS = "CROSS_UNSTABLE_ENABLE_DOCTESTS";
    /// The directory of the Nix store.
    NIX_STORE_DIR = "NIX_STORE_DIR";
    /// The directory of the Nix store: read where [`NIX_STORE_DIR`] is not set.
    NIX_STORE = "NIX_STORE";
    /// Asks `cross` for the behaviour of an older version. It has no effect here, which is said.
    CROSS_COMPATIBILITY_VERSION = "CROSS_COMPATIBILITY_VERSION";
}

names! {
    /// Asks a command line to fail on a warning. This library does not read it: policy is the caller's.
    CROSS_NO_WARNINGS = "CROSS_NO_WARNINGS";
    /// Asks a command line for more detail. This library does not read it: policy is the caller's.
    CROSS_DEBUG = "CROSS_DEBUG";
    /// Set inside environments by the library itself, so `env.passthrough` may not name it.
    CROSS_RUNNER = "CROSS_RUNNER";
}

/// Set inside upstream's images. It looks like a target's variable and is none.
pub(crate) const CROSS_TARGET_RUNNER: &str = "CROSS_TARGET_RUNNER";

/// What `env.passthrough` may not name.
pub(crate) const RESERVED: &[&str] = &[CROSS_RUNNER];

pub(crate) const BUILD_PREFIX: &str = "CROSS_BUILD_";
pub(crate) const CONTAINER_PREFIX: &str = "CROSS_CONTAINER_";
pub(crate) const TARGET_PREFIX: &str = "CROSS_TARGET_";

/// The variable of a key of `[target.<triple>]`, by the key's suffix.
///
/// `.` becomes `_` as well, because a shell can't export a name with a dot in it. The spelling with
/// the dot kept is read too.
///
/// ```
/// use cross_config::variables;
///
/// let name = variables::for_target("thumbv8m.main-none-eabi", variables::TARGET_RUNNER);
/// assert_eq!(name, "CROSS_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER");
/// ```
#[must_use]
pub fn for_target(triple: &str, suffix: &str) -> String {
    format!("{TARGET_PREFIX}{}_{suffix}", spelling(triple))
}

/// A triple as it stands in a variable's name.
pub(crate) fn spelling(triple: &str) -> String {
    triple.to_uppercase().replace(['-', '.'], "_")
}

/// Says that the variable `old` is an old name of `new`, and whether it is read all the same.
pub(crate) fn deprecation(old: &str, new: &str, is_read: bool) -> Diagnostic {
    let message = if is_read {
        format!("an old name of {new}")
    } else {
        format!("an old name of {new}, and not read where that is set")
    };
    Diagnostic::warning(Code::Deprecated, message)
        .help(format!("set {new} instead"))
        .variable(old)
}
