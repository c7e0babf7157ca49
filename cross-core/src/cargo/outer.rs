//! Variables of an outer cargo: which of them describe the package that it builds, and why.
//!
//! An xtask and a build script run below a cargo of their own, whose variables mean its package and
//! not the one that is built here.

use std::ffi::OsStr;

/// Set in every build that a build script begins, to the package of the script.
pub(crate) const GUARD: &str = "CROSS_CORE_ACTIVE";

/// What becomes of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disposition {
    Removed,
    Kept,
}

use Disposition::{Kept, Removed};

const ITS_BUILD: &str = "it says how the outer package is built: for what, where, with which flags";
const ITS_PACKAGE: &str = "it describes the outer package";
const JOBSERVER: &str =
    "a jobserver's pipes are of this process tree: NUM_JOBS becomes the inner jobs";
const COMPILER: &str = "the outer compiler, and what wraps it: clippy, rust-analyzer, a cache";
const FLAGS: &str = "flags are the outer target's";
const USERS: &str = "a setting of the user's own";

/// Variables, and families of them where the name ends in `*`. The first row that fits decides; what
/// no row names stays.
///
/// What stays is only for the tools of the host: what runs in the environment sees an allow-list.
const TABLE: [(&str, Disposition, &str); 47] = [
    ("OUT_DIR", Removed, ITS_BUILD),
    ("TARGET", Removed, ITS_BUILD),
    ("HOST", Removed, ITS_BUILD),
    ("NUM_JOBS", Removed, ITS_BUILD),
    ("OPT_LEVEL", Removed, ITS_BUILD),
    ("DEBUG", Removed, ITS_BUILD),
    ("PROFILE", Removed, ITS_BUILD),
    // Its target directory above all, whose lock the outer cargo holds until the script ends: H1.
    ("CARGO_BUILD_*", Removed, ITS_BUILD),
    ("CARGO_TARGET_DIR", Removed, ITS_BUILD),
    ("CARGO_TARGET_TMPDIR", Removed, ITS_PACKAGE),
    ("DEP_*", Removed, "what libraries told the outer package"),
    ("CARGO_MAKEFLAGS", Removed, JOBSERVER),
    ("MAKEFLAGS", Removed, JOBSERVER),
    ("MFLAGS", Removed, JOBSERVER),
    ("RUSTC", Removed, COMPILER),
    ("RUSTC_*", Removed, COMPILER),
    ("RUSTDOC", Removed, COMPILER),
    ("RA_RUSTC_WRAPPER", Removed, COMPILER),
    ("CLIPPY_*", Removed, COMPILER),
    ("RUSTFLAGS", Removed, FLAGS),
    ("RUSTDOCFLAGS", Removed, FLAGS),
    (
        "LD_LIBRARY_PATH",
        Removed,
        "the outer build's directories are first in it",
    ),
    (
        "DYLD_FALLBACK_LIBRARY_PATH",
        Removed,
        "the outer build's directories are first in it",
    ),
    (
        "RUST_RECURSION_COUNT",
        Removed,
        "how many of rustup's proxies led here",
    ),
    (
        "RUSTUP_TOOLCHAIN_SOURCE",
        Removed,
        "why rustup chose the outer toolchain",
    ),
    ("__CARGO_*", Removed, "cargo's own"),
    ("CARGO_HOME", Kept, USERS),
    ("CARGO_ALIAS_*", Kept, USERS),
    ("CARGO_CACHE_*", Kept, USERS),
    ("CARGO_CREDENTIAL_ALIAS_*", Kept, USERS),
    ("CARGO_HTTP_*", Kept, USERS),
    ("CARGO_INCREMENTAL", Kept, USERS),
    ("CARGO_INSTALL_ROOT", Kept, USERS),
    ("CARGO_LOG", Kept, USERS),
    ("CARGO_NET_*", Kept, USERS),
    ("CARGO_PROFILE_*", Kept, USERS),
    ("CARGO_REGISTRIES_*", Kept, USERS),
    ("CARGO_REGISTRY_*", Kept, USERS),
    ("CARGO_RESOLVER_*", Kept, USERS),
    ("CARGO_SOURCE_*", Kept, USERS),
    ("CARGO_TARGET_*", Kept, USERS),
    ("CARGO_TERM_*", Kept, USERS),
    ("CARGO_UNSTABLE_*", Kept, USERS),
    // The rest of cargo's, and what it will have to say in later versions.
    ("CARGO", Removed, ITS_PACKAGE),
    ("CARGO_*", Removed, ITS_PACKAGE),
    (GUARD, Removed, "it is set anew"),
    ("CROSS_*", Kept, USERS),
];

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(family) => name.starts_with(family),
        None => name == pattern,
    }
}

/// The row of the table that decides about `name`.
fn row(name: &OsStr) -> Option<(Disposition, &'static str)> {
    let name = name.to_str()?;
    let row = TABLE.iter().find(|(pattern, ..)| fits(pattern, name))?;
    Some((row.1, row.2))
}

/// Whether a variable describes the package that an outer cargo builds or runs.
pub(crate) fn is_removed(name: &OsStr) -> bool {
    matches!(row(name), Some((Removed, _)))
}

/// The variables that the host's own cargo is started without: it reads manifests and fetches, and
/// keeps the user's settings.
pub(crate) const UNSET_FOR_HOST_CARGO: [&str; 24] = [
    "CARGO",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "DEBUG",
    "HOST",
    "MAKEFLAGS",
    "MFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC",
    "RUSTC_LINKER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "TARGET",
    "__CARGO_DEFAULT_LIB_METADATA",
];

/// Names, or beginnings of names, that are the user's own setting on the engine `host`, although an
/// outer cargo passes them on.
pub(crate) const OF_THE_USER: [&str; 7] = [
    "CARGO_BUILD_",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_TARGET_DIR",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h3_every_row_has_a_reason_and_is_reached() {
        for (n, (pattern, disposition, why)) in TABLE.iter().enumerate() {
            let name = pattern.replace('*', "X");
            let first = TABLE.iter().position(|(it, ..)| fits(it, &name));
            assert_eq!(first, Some(n), "{pattern} is never asked");
            assert!(!why.is_empty(), "{pattern} {disposition:?}");
        }
    }

    #[test]
    fn h3_no_less_goes_than_for_the_hosts_cargo() {
        for name in UNSET_FOR_HOST_CARGO {
            let disposition = row(OsStr::new(name)).map(|(disposition, _)| disposition);
            assert_eq!(disposition, Some(Removed), "{name}");
        }
    }
}
