//! The registry of variables: every variable this crate reads, each named once.
//!
//! The name of a key's variable follows one rule: `CROSS_BUILD_<KEY>` for `[build]` and
//! `CROSS_TARGET_<TRIPLE>_<KEY>` for `[target.<triple>]`, upper-cased, with `_` for `-` and `.`
//! (see [`for_target`]). A variable that is set to the empty string counts as not set.

/// Names the configuration file to read instead of `Cross.toml` in the workspace root. A relative path
/// is relative to the loader's current directory. A file that does not exist is an error.
pub const CROSS_CONFIG: &str = "CROSS_CONFIG";

/// Names the engine: key `build.engine`. A name (`auto`, `sandbox`, `docker`, `podman`) or a path.
pub const CROSS_CONTAINER_ENGINE: &str = "CROSS_CONTAINER_ENGINE";

/// The target to build for when the request names none: key `build.default-target`.
pub const CROSS_BUILD_TARGET: &str = "CROSS_BUILD_TARGET";

/// cargo's own variable for the same: read where [`CROSS_BUILD_TARGET`] is not set.
pub const CARGO_BUILD_TARGET: &str = "CARGO_BUILD_TARGET";

/// The targets the project releases for, separated by whitespace: key `build.targets`.
pub const CROSS_BUILD_TARGETS: &str = "CROSS_BUILD_TARGETS";

/// The toolchain: key `build.toolchain`. `host`, `image` or a directory.
pub const CROSS_BUILD_TOOLCHAIN: &str = "CROSS_BUILD_TOOLCHAIN";

/// The network of environments: key `build.network`. `none`, `host` or `default`.
pub const CROSS_BUILD_NETWORK: &str = "CROSS_BUILD_NETWORK";

/// The distribution's suite for recipes: key `build.suite`.
pub const CROSS_BUILD_SUITE: &str = "CROSS_BUILD_SUITE";

/// Extra packages for recipes, separated by whitespace: key `build.packages`.
pub const CROSS_BUILD_PACKAGES: &str = "CROSS_BUILD_PACKAGES";

/// Variables that reach the environment, as `NAME` or `NAME=value` separated by whitespace: key
/// `build.env.passthrough`, to which it adds.
pub const CROSS_BUILD_ENV_PASSTHROUGH: &str = "CROSS_BUILD_ENV_PASSTHROUGH";

/// Suffix of the variable of `target.<triple>.toolchain`.
pub const TARGET_TOOLCHAIN: &str = "TOOLCHAIN";

/// Suffix of the variable of `target.<triple>.network`.
pub const TARGET_NETWORK: &str = "NETWORK";

/// Suffix of the variable of `target.<triple>.suite`.
pub const TARGET_SUITE: &str = "SUITE";

/// Suffix of the variable of `target.<triple>.packages`, separated by whitespace.
pub const TARGET_PACKAGES: &str = "PACKAGES";

/// Suffix of the variable of `target.<triple>.env.passthrough`, to which it adds; separated by
/// whitespace.
pub const TARGET_ENV_PASSTHROUGH: &str = "ENV_PASSTHROUGH";

/// Suffix of the variable of `target.<triple>.runner`.
pub const TARGET_RUNNER: &str = "RUNNER";

/// Set inside environments by the library itself, so `env.passthrough` may not name it.
pub const CROSS_RUNNER: &str = "CROSS_RUNNER";

/// Set inside upstream's images. It looks like a target's variable and is none.
pub(crate) const CROSS_TARGET_RUNNER: &str = "CROSS_TARGET_RUNNER";

/// What `env.passthrough` may not name.
pub(crate) const RESERVED: &[&str] = &[CROSS_RUNNER];

pub(crate) const BUILD_PREFIX: &str = "CROSS_BUILD_";
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
