//! The registry of all environment variables that this crate reads.
//!
//! Variables of keys are named `CROSS_BUILD_<KEY>` for `[build]` and `CROSS_TARGET_<TRIPLE>_<KEY>`
//! for `[target.<triple>]`, in upper case and with `_` for `-` and `.` (see [`for_target`]). The
//! constants document which key or setting each variable belongs to. The formats of values are
//! documented in [`keys`](crate::keys()) and [`settings`](crate::settings()).
//!
//! A variable that is set to the empty string counts as unset, except that it turns a flag off. A
//! flag is `true`, `1`, `yes` or `on`, or `false`, `0`, `no` or `off`; other values are errors.

pub(crate) mod env;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};

/// Declares variable names with their documentation.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {$(
        $(#[$doc])*
        pub const $name: &str = $text;
    )*};
}

names! {
    /// The configuration file to read instead of `Cross.toml` in the workspace root. A relative
    /// path is relative to the loader's current directory. The file has to exist.
    CROSS_CONFIG = "CROSS_CONFIG";
    /// Key `build.engine`.
    CROSS_CONTAINER_ENGINE = "CROSS_CONTAINER_ENGINE";
    /// Key `build.default-target`.
    CROSS_BUILD_TARGET = "CROSS_BUILD_TARGET";
    /// cargo's variable for the default target, read if [`CROSS_BUILD_TARGET`] is not set.
    CARGO_BUILD_TARGET = "CARGO_BUILD_TARGET";
    /// Key `build.targets`.
    CROSS_BUILD_TARGETS = "CROSS_BUILD_TARGETS";
    /// Key `build.toolchain`.
    CROSS_BUILD_TOOLCHAIN = "CROSS_BUILD_TOOLCHAIN";
    /// Key `build.network`.
    CROSS_BUILD_NETWORK = "CROSS_BUILD_NETWORK";
    /// Key `build.deployment-target`.
    CROSS_BUILD_DEPLOYMENT_TARGET = "CROSS_BUILD_DEPLOYMENT_TARGET";
    /// Key `build.memory`.
    CROSS_BUILD_MEMORY = "CROSS_BUILD_MEMORY";
    /// Key `build.suite`.
    CROSS_BUILD_SUITE = "CROSS_BUILD_SUITE";
    /// Key `build.snapshot`.
    CROSS_BUILD_SNAPSHOT = "CROSS_BUILD_SNAPSHOT";
    /// Key `build.packages`.
    CROSS_BUILD_PACKAGES = "CROSS_BUILD_PACKAGES";
    /// Key `build.build-std`.
    CROSS_BUILD_STD = "CROSS_BUILD_STD";
    /// Key `build.xargo`, a deprecated name of `build.build-std`.
    CROSS_BUILD_XARGO = "CROSS_BUILD_XARGO";
    /// Key `build.zig.enable`.
    CROSS_BUILD_ZIG = "CROSS_BUILD_ZIG";
    /// Key `build.zig.version`.
    CROSS_BUILD_ZIG_VERSION = "CROSS_BUILD_ZIG_VERSION";
    /// Key `build.zig.image.name`.
    CROSS_BUILD_ZIG_IMAGE = "CROSS_BUILD_ZIG_IMAGE";
    /// Key `build.zig.image.toolchain`.
    CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN = "CROSS_BUILD_ZIG_IMAGE_TOOLCHAIN";
    /// Key `build.pre-build`: commands, one per line, never the path of a script.
    CROSS_BUILD_PRE_BUILD = "CROSS_BUILD_PRE_BUILD";
    /// Key `build.dockerfile.file`.
    CROSS_BUILD_DOCKERFILE = "CROSS_BUILD_DOCKERFILE";
    /// Key `build.dockerfile.context`.
    CROSS_BUILD_DOCKERFILE_CONTEXT = "CROSS_BUILD_DOCKERFILE_CONTEXT";
    /// Key `build.dockerfile.build-args`. Merged with other values.
    CROSS_BUILD_DOCKERFILE_BUILD_ARGS = "CROSS_BUILD_DOCKERFILE_BUILD_ARGS";
    /// Key `build.env.passthrough`. Merged with other values.
    CROSS_BUILD_ENV_PASSTHROUGH = "CROSS_BUILD_ENV_PASSTHROUGH";
    /// Key `build.env.volumes`.
    CROSS_BUILD_ENV_VOLUMES = "CROSS_BUILD_ENV_VOLUMES";
    /// Key `build.serial-tests`.
    CROSS_BUILD_SERIAL_TESTS = "CROSS_BUILD_SERIAL_TESTS";
    /// Key `build.reproducible`.
    CROSS_BUILD_REPRODUCIBLE = "CROSS_BUILD_REPRODUCIBLE";
    /// Key `build.writable`: directories, one per line. Merged with other values.
    CROSS_BUILD_WRITABLE = "CROSS_BUILD_WRITABLE";
}

names! {
    /// Suffix of the variable of `target.<triple>.toolchain`.
    TARGET_TOOLCHAIN = "TOOLCHAIN";
    /// Suffix of the variable of `target.<triple>.network`.
    TARGET_NETWORK = "NETWORK";
    /// Suffix of the variable of `target.<triple>.memory`.
    TARGET_MEMORY = "MEMORY";
    /// Suffix of the variable of `target.<triple>.snapshot`.
    TARGET_SNAPSHOT = "SNAPSHOT";
    /// Suffix of the variable of `target.<triple>.suite`.
    TARGET_SUITE = "SUITE";
    /// Suffix of the variable of `target.<triple>.packages`.
    TARGET_PACKAGES = "PACKAGES";
    /// Suffix of the variable of `target.<triple>.build-std`.
    TARGET_BUILD_STD = "BUILD_STD";
    /// Suffix of the variable of `target.<triple>.xargo`, a deprecated name of `build-std`.
    TARGET_XARGO = "XARGO";
    /// Suffix of the variable of `target.<triple>.zig.enable`.
    TARGET_ZIG = "ZIG";
    /// Suffix of the variable of `target.<triple>.zig.version`.
    TARGET_ZIG_VERSION = "ZIG_VERSION";
    /// Suffix of the variable of `target.<triple>.zig.image.name`.
    TARGET_ZIG_IMAGE = "ZIG_IMAGE";
    /// Suffix of the variable of `target.<triple>.zig.image.toolchain`.
    TARGET_ZIG_IMAGE_TOOLCHAIN = "ZIG_IMAGE_TOOLCHAIN";
    /// Suffix of the variable of `target.<triple>.pre-build`: commands, one per line.
    TARGET_PRE_BUILD = "PRE_BUILD";
    /// Suffix of the variable of `target.<triple>.dockerfile.file`.
    TARGET_DOCKERFILE = "DOCKERFILE";
    /// Suffix of the variable of `target.<triple>.dockerfile.context`.
    TARGET_DOCKERFILE_CONTEXT = "DOCKERFILE_CONTEXT";
    /// Suffix of the variable of `target.<triple>.dockerfile.build-args`. Merged with other values.
    TARGET_DOCKERFILE_BUILD_ARGS = "DOCKERFILE_BUILD_ARGS";
    /// Suffix of the variable of `target.<triple>.env.passthrough`. Merged with other values.
    TARGET_ENV_PASSTHROUGH = "ENV_PASSTHROUGH";
    /// Suffix of the variable of `target.<triple>.env.volumes`.
    TARGET_ENV_VOLUMES = "ENV_VOLUMES";
    /// Suffix of the variable of `target.<triple>.image.name`.
    TARGET_IMAGE = "IMAGE";
    /// Suffix of the variable of `target.<triple>.image.toolchain`.
    TARGET_IMAGE_TOOLCHAIN = "IMAGE_TOOLCHAIN";
    /// Suffix of the variable of `target.<triple>.deployment-target`.
    TARGET_DEPLOYMENT_TARGET = "DEPLOYMENT_TARGET";
    /// Suffix of the variable of `target.<triple>.sdk`.
    TARGET_SDK = "SDK";
    /// Suffix of the variable of `target.<triple>.runner`.
    TARGET_RUNNER = "RUNNER";
    /// Suffix of the variable of `target.<triple>.serial-tests`.
    TARGET_SERIAL_TESTS = "SERIAL_TESTS";
    /// Suffix of the variable of `target.<triple>.reproducible`.
    TARGET_REPRODUCIBLE = "REPRODUCIBLE";
    /// Suffix of the variable of `target.<triple>.writable`: directories, one per line. Merged with
    /// other values.
    TARGET_WRITABLE = "WRITABLE";
}

names! {
    /// Additional arguments for the container engine's `run`.
    CROSS_CONTAINER_OPTS = "CROSS_CONTAINER_OPTS";
    /// A deprecated name of [`CROSS_CONTAINER_OPTS`].
    DOCKER_OPTS = "DOCKER_OPTS";
    /// Additional arguments for the container engine's `build`.
    CROSS_BUILD_OPTS = "CROSS_BUILD_OPTS";
    /// The format of the container engine's build progress.
    CROSS_BUILD_PROGRESS = "CROSS_BUILD_PROGRESS";
    /// Whether the container engine has no BuildKit.
    CROSS_CONTAINER_ENGINE_NO_BUILDKIT = "CROSS_CONTAINER_ENGINE_NO_BUILDKIT";
    /// Whether the container engine is rootless; `auto` detects it.
    CROSS_ROOTLESS_CONTAINER_ENGINE = "CROSS_ROOTLESS_CONTAINER_ENGINE";
    /// The user namespace of containers.
    CROSS_CONTAINER_USER_NAMESPACE = "CROSS_CONTAINER_USER_NAMESPACE";
    /// The user ID in containers.
    CROSS_CONTAINER_UID = "CROSS_CONTAINER_UID";
    /// The group ID in containers.
    CROSS_CONTAINER_GID = "CROSS_CONTAINER_GID";
    /// Whether the library runs in a container and uses the engine of that container's host.
    CROSS_CONTAINER_IN_CONTAINER = "CROSS_CONTAINER_IN_CONTAINER";
    /// A deprecated name of [`CROSS_CONTAINER_IN_CONTAINER`].
    CROSS_DOCKER_IN_DOCKER = "CROSS_DOCKER_IN_DOCKER";
    /// Whether files go to the engine's machine through volumes.
    CROSS_REMOTE = "CROSS_REMOTE";
    /// Whether all fetched crates are sent to a remote engine.
    CROSS_REMOTE_COPY_REGISTRY = "CROSS_REMOTE_COPY_REGISTRY";
    /// Whether directories that are marked as caches are sent to a remote engine.
    CROSS_REMOTE_COPY_CACHE = "CROSS_REMOTE_COPY_CACHE";
    /// Whether the whole target directory is fetched from a remote engine.
    CROSS_REMOTE_COPY_FULL_TARGET_DIR = "CROSS_REMOTE_COPY_FULL_TARGET_DIR";
    /// Whether nothing that was built is fetched from a remote engine.
    CROSS_REMOTE_SKIP_BUILD_ARTIFACTS = "CROSS_REMOTE_SKIP_BUILD_ARTIFACTS";
    /// The number of seconds for which unused containers are kept for reuse.
    CROSS_REUSE_CONTAINERS = "CROSS_REUSE_CONTAINERS";
    /// Whether environments are refused that `Cross.lock` does not have.
    CROSS_FROZEN = "CROSS_FROZEN";
    /// Whether the toolchain is a custom one, to which nothing is added.
    CROSS_CUSTOM_TOOLCHAIN = "CROSS_CUSTOM_TOOLCHAIN";
    /// The name of the released toolchain that corresponds to the custom one.
    CROSS_CUSTOM_TOOLCHAIN_COMPAT = "CROSS_CUSTOM_TOOLCHAIN_COMPAT";
    /// Whether documentation tests run, on a nightly toolchain.
    CROSS_UNSTABLE_ENABLE_DOCTESTS = "CROSS_UNSTABLE_ENABLE_DOCTESTS";
    /// The directory of the Nix store.
    NIX_STORE_DIR = "NIX_STORE_DIR";
    /// The directory of the Nix store, read if [`NIX_STORE_DIR`] is not set.
    NIX_STORE = "NIX_STORE";
    /// Selects the behaviour of an older version in `cross`. It has no effect here, which is
    /// reported.
    CROSS_COMPATIBILITY_VERSION = "CROSS_COMPATIBILITY_VERSION";
}

names! {
    /// Makes a command line fail on warnings. This library does not read it; the caller decides.
    CROSS_NO_WARNINGS = "CROSS_NO_WARNINGS";
    /// Makes a command line more verbose. This library does not read it; the caller decides.
    CROSS_DEBUG = "CROSS_DEBUG";
    /// Set by the library in environments, so it cannot be passed through.
    CROSS_RUNNER = "CROSS_RUNNER";
}

/// Set in the images of `cross`. It looks like the variable of a target but is not.
pub(crate) const CROSS_TARGET_RUNNER: &str = "CROSS_TARGET_RUNNER";

/// Variables that cannot be passed through.
pub(crate) const RESERVED: &[&str] = &[CROSS_RUNNER];

pub(crate) const BUILD_PREFIX: &str = "CROSS_BUILD_";
pub(crate) const CONTAINER_PREFIX: &str = "CROSS_CONTAINER_";
pub(crate) const TARGET_PREFIX: &str = "CROSS_TARGET_";

/// Returns the name of the variable of a key in `[target.<triple>]`. `suffix` is the suffix of the
/// key.
///
/// `.` is also replaced by `_`, because shells cannot export names with dots. The spelling with
/// dots is read too.
///
/// ```
/// use cross_config::variables;
///
/// let name = variables::for_target("thumbv8m.main-none-eabi", variables::TARGET_RUNNER);
/// assert_eq!(name, "CROSS_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER");
/// ```
#[must_use]
pub fn for_target(triple: &str, suffix: &str) -> String {
    format!("{TARGET_PREFIX}{}_{suffix}", triple_in_variable(triple))
}

/// The spelling of a triple in variable names.
pub(crate) fn triple_in_variable(triple: &str) -> String {
    triple.to_uppercase().replace(['-', '.'], "_")
}

/// Reports that the variable `old` is a deprecated name of `new`, and whether it is read.
pub(crate) fn deprecation(old: &str, new: &str, is_read: bool) -> Diagnostic {
    let message = if is_read {
        format!("deprecated name of {new}")
    } else {
        format!("deprecated name of {new}, and is ignored")
    };
    Diagnostic::warning(DiagnosticCode::Deprecated, message)
        .help(format!("set {new} instead"))
        .variable(old)
}
