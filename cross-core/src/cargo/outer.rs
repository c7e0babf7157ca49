//! Variables of an outer cargo, and the processes that are started without each.
//!
//! An xtask and a build script run under a cargo of their own, the outer cargo. Its variables
//! describe the outer package, and would be wrong for the package that is built here. One table has
//! a row for each variable or family of variables, with the reason. Three kinds of processes are
//! started without some of them:
//!
//! - the build that a build script starts ([`is_removed_in_build_script`]);
//! - the host's cargo, which reads manifests and fetches ([`unset_for_host_cargo`]);
//! - a run on the engine `host` ([`is_removed_on_host`]).
//!
//! An environment needs no row: its variables are an allow-list.

use std::ffi::OsStr;

/// Marks every build that a build script starts. The value is the package of the build script.
pub(crate) const GUARD: &str = "CROSS_CORE_ACTIVE";

/// The processes that are started without a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removed {
    /// All three.
    Everywhere,
    /// The host's cargo keeps it.
    ExceptHostCargo,
    /// The engine `host` keeps it: the user sets it for their own builds.
    ExceptHostEngine,
    /// Only the build that a build script starts.
    InBuildScript,
    /// None: a setting of the user.
    Nowhere,
}

use Removed::{Everywhere, ExceptHostCargo, ExceptHostEngine, InBuildScript, Nowhere};

impl Removed {
    fn in_build_script(self) -> bool {
        self != Nowhere
    }

    fn for_host_cargo(self) -> bool {
        matches!(self, Everywhere | ExceptHostEngine)
    }

    fn on_host_engine(self) -> bool {
        matches!(self, Everywhere | ExceptHostCargo)
    }
}

const BUILD: &str = "says how the outer package is built: its target, directories and flags";
const PACKAGE: &str = "describes the outer package";
const JOBSERVER: &str =
    "names the outer jobserver's pipes; NUM_JOBS becomes the number of inner jobs";
const COMPILER: &str = "names the outer compiler or a wrapper: clippy, rust-analyzer, a cache";
const FLAGS: &str = "holds the flags of the outer target";
const LIBRARY_PATH: &str = "begins with the outer build's directories";
const SETTING: &str = "is a setting of the user";

/// One variable, or a family of variables if the name ends in `*`.
struct Row {
    pattern: &'static str,
    removed: Removed,
    /// Completes the sentence that begins with the variable's name.
    #[cfg_attr(not(test), expect(dead_code, reason = "the reasons document the rows"))]
    reason: &'static str,
}

const fn row(pattern: &'static str, removed: Removed, reason: &'static str) -> Row {
    Row {
        pattern,
        removed,
        reason,
    }
}

/// The first row that matches a variable decides. A variable without a row is kept.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    row("OUT_DIR", Everywhere, BUILD),
    row("TARGET", Everywhere, BUILD),
    row("HOST", Everywhere, BUILD),
    row("NUM_JOBS", Everywhere, BUILD),
    row("OPT_LEVEL", Everywhere, BUILD),
    row("DEBUG", Everywhere, BUILD),
    row("PROFILE", Everywhere, BUILD),
    // The outer cargo holds the lock of its target directory until the build script exits.
    row("CARGO_BUILD_*", InBuildScript, BUILD),
    row("CARGO_TARGET_DIR", InBuildScript, BUILD),
    row("CARGO_TARGET_TMPDIR", ExceptHostCargo, PACKAGE),
    row("DEP_*", ExceptHostCargo, "passes metadata of libraries to the outer package"),
    row("CARGO_MAKEFLAGS", Everywhere, JOBSERVER),
    row("MAKEFLAGS", Everywhere, JOBSERVER),
    row("MFLAGS", Everywhere, JOBSERVER),
    row("RUSTC", Everywhere, COMPILER),
    row("RUSTC_BOOTSTRAP", InBuildScript, COMPILER),
    row("RUSTC_LINKER", Everywhere, COMPILER),
    row("RUSTC_WORKSPACE_WRAPPER", ExceptHostEngine, COMPILER),
    row("RUSTC_WRAPPER", ExceptHostEngine, COMPILER),
    row("RUSTC_*", ExceptHostCargo, COMPILER),
    row("RUSTDOC", Everywhere, COMPILER),
    row("RA_RUSTC_WRAPPER", ExceptHostCargo, COMPILER),
    row("CLIPPY_*", ExceptHostCargo, COMPILER),
    row("RUSTFLAGS", InBuildScript, FLAGS),
    row("RUSTDOCFLAGS", InBuildScript, FLAGS),
    row("LD_LIBRARY_PATH", ExceptHostCargo, LIBRARY_PATH),
    row("DYLD_FALLBACK_LIBRARY_PATH", ExceptHostCargo, LIBRARY_PATH),
    row("RUST_RECURSION_COUNT", ExceptHostCargo, "counts the nested calls of rustup's proxies"),
    row("RUSTUP_TOOLCHAIN_SOURCE", ExceptHostCargo, "says why rustup chose the outer toolchain"),
    row("__CARGO_DEFAULT_LIB_METADATA", Everywhere, "is internal to cargo"),
    row("__CARGO_*", ExceptHostCargo, "is internal to cargo"),
    row("CARGO_HOME", Nowhere, SETTING),
    row("CARGO_ALIAS_*", Nowhere, SETTING),
    row("CARGO_CACHE_*", Nowhere, SETTING),
    row("CARGO_CREDENTIAL_ALIAS_*", Nowhere, SETTING),
    row("CARGO_HTTP_*", Nowhere, SETTING),
    row("CARGO_INCREMENTAL", Nowhere, SETTING),
    row("CARGO_INSTALL_ROOT", Nowhere, SETTING),
    row("CARGO_LOG", Nowhere, SETTING),
    row("CARGO_NET_*", Nowhere, SETTING),
    row("CARGO_PROFILE_*", Nowhere, SETTING),
    row("CARGO_REGISTRIES_*", Nowhere, SETTING),
    row("CARGO_REGISTRY_*", Nowhere, SETTING),
    row("CARGO_RESOLVER_*", Nowhere, SETTING),
    row("CARGO_SOURCE_*", Nowhere, SETTING),
    row("CARGO_TARGET_*", Nowhere, SETTING),
    row("CARGO_TERM_*", Nowhere, SETTING),
    row("CARGO_UNSTABLE_*", Nowhere, SETTING),
    row("CARGO", Everywhere, PACKAGE),
    row("CARGO_BIN_NAME", Everywhere, PACKAGE),
    row("CARGO_CRATE_NAME", Everywhere, PACKAGE),
    // An outer cargo sets them for build scripts only.
    row("CARGO_ENCODED_RUSTFLAGS", InBuildScript, FLAGS),
    row("CARGO_ENCODED_RUSTDOCFLAGS", InBuildScript, FLAGS),
    row("CARGO_MANIFEST_DIR", Everywhere, PACKAGE),
    row("CARGO_MANIFEST_LINKS", Everywhere, PACKAGE),
    row("CARGO_MANIFEST_PATH", Everywhere, PACKAGE),
    row("CARGO_PRIMARY_PACKAGE", Everywhere, PACKAGE),
    // Cargo's other variables, including those of later versions.
    row("CARGO_*", ExceptHostCargo, PACKAGE),
    row(GUARD, ExceptHostCargo, "is set anew for each build"),
    row("CROSS_*", Nowhere, SETTING),
];

impl Row {
    fn matches(&self, name: &str) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(family) => name.starts_with(family),
            None => name == self.pattern,
        }
    }
}

/// The processes that are started without the variable `name`.
fn removed(name: &OsStr) -> Removed {
    let row = name
        .to_str()
        .and_then(|name| TABLE.iter().find(|row| row.matches(name)));
    row.map_or(Nowhere, |row| row.removed)
}

/// Whether the build that a build script starts must not see the variable.
pub(crate) fn is_removed_in_build_script(name: &OsStr) -> bool {
    removed(name).in_build_script()
}

/// Whether a run on the engine `host` must not see the variable if an outer cargo set it.
pub(crate) fn is_removed_on_host(name: &OsStr) -> bool {
    removed(name).on_host_engine()
}

/// The variables that the host's cargo is started without. They are unset by name, so no row of a
/// family is among them.
pub(crate) fn unset_for_host_cargo() -> impl Iterator<Item = &'static str> {
    let rows = TABLE.iter().filter(|row| row.removed.for_host_cargo());
    rows.map(|row| row.pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_reason_and_is_reached() {
        for (n, row) in TABLE.iter().enumerate() {
            let name = row.pattern.replace('*', "X");
            let first = TABLE.iter().position(|row| row.matches(&name));
            assert_eq!(first, Some(n), "{} is never reached", row.pattern);
            assert!(!row.reason.is_empty(), "{}", row.pattern);
        }
    }

    #[test]
    fn a_variable_unset_for_the_hosts_cargo_is_removed_in_build_scripts_too() {
        for name in unset_for_host_cargo() {
            assert!(!name.contains('*'), "{name}");
            assert!(is_removed_in_build_script(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn the_engine_host_keeps_the_users_own_flags_and_wrappers() {
        for (name, is_removed) in [
            ("RUSTFLAGS", false),
            ("CARGO_ENCODED_RUSTFLAGS", false),
            ("CARGO_ENCODED_RUSTDOCFLAGS", false),
            ("RUSTC_WRAPPER", false),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_BUILD_JOBS", false),
            ("CARGO_PKG_NAME", true),
            ("RUSTC", true),
            ("HOME", false),
        ] {
            assert_eq!(is_removed_on_host(name.as_ref()), is_removed, "{name}");
        }
    }
}
