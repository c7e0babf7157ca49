//! The crates of Rust's standard library, where a build compiled it (`build-std`).
//!
//! Cargo resolves them from a lock of their own, which comes with the source of `std`, and not from
//! that of the workspace.

use std::fs;
use std::io;
use std::path::Path;

use cross_core::Outcome;
use cross_core::outcome::CompiledPackage;
use serde::Deserialize;

use crate::failure::Failure;
use crate::package_url::package_url;

/// The lock in a toolchain that has the source of `std`.
const LOCK: &str = "lib/rustlib/src/rust/library/Cargo.lock";

/// The feature that a crate of a registry has on as a part of `std`.
const PART_OF_STD: &str = "rustc-dep-of-std";

/// The crates in the source of `std`, beside those whose names begin with [`WORKSPACE`].
const OWN: [&str; 13] = [
    "alloc",
    "compiler_builtins",
    "core",
    "panic_abort",
    "panic_unwind",
    "proc_macro",
    "profiler_builtins",
    "std",
    "std_detect",
    "test",
    "unwind",
    "windows-sys",
    "windows_link",
];
const WORKSPACE: &str = "rustc-std-workspace-";

/// A crate of the standard library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StdCrate {
    pub(crate) name: String,
    /// Whether only a build script of `std` needs it.
    pub(crate) for_host: bool,
    /// The version; `None` for what has that of Rust.
    pub(crate) version: Option<String>,
    /// The SHA-256 of its archive, from the lock of `std`.
    pub(crate) checksum: Option<String>,
    /// The features that were enabled, sorted.
    pub(crate) features: Vec<String>,
}

impl StdCrate {
    /// Whether a crate of a registry was compiled as a part of `std`.
    pub(crate) fn is_part_of_std(&self) -> bool {
        self.features.iter().any(|name| name == PART_OF_STD)
    }

    /// The package URL of a crate of a registry.
    pub(crate) fn url(&self) -> Option<String> {
        let version = self.version.as_deref()?;
        Some(package_url("cargo", &self.name, version, &[]))
    }
}

/// What the lock of `std` has. `None` if nobody outside of the environment has it, because its Rust
/// is a package of a distribution, which is locked and listed with its hash.
#[derive(Debug, Default)]
pub(crate) struct StdLock(Option<Vec<Locked>>);

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

impl StdLock {
    /// Reads the lock of the toolchain that built.
    pub(crate) fn of(outcome: &Outcome) -> Result<Self, Failure> {
        match outcome.toolchain.sysroot() {
            Some(sysroot) => Self::read(&sysroot.join(LOCK)),
            None => Ok(StdLock(None)),
        }
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(StdLock(None)),
            text => text.map_err(|error| Failure::io("read", path, &error))?,
        };
        let parsed = Self::parse(&text);
        parsed.map_err(|error| Failure::new(format!("cannot read `{}`: {error}", path.display())))
    }

    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        #[derive(Deserialize)]
        struct Lock {
            package: Vec<Locked>,
        }
        let lock: Lock = toml::from_str(text)?;
        Ok(StdLock(Some(lock.package)))
    }

    /// The crate of `std` that `what` is, if it is one.
    pub(crate) fn find(&self, what: &CompiledPackage) -> Option<StdCrate> {
        let is_own = what.source.is_none();
        let is_it = |locked: &&Locked| {
            locked.name == what.name
                && locked.version == what.version
                && locked.source == what.source
        };
        let checksum = match &self.0 {
            Some(packages) => packages.iter().find(is_it)?.checksum.clone(),
            None => {
                let has_name = OWN.contains(&&*what.name) || what.name.starts_with(WORKSPACE);
                let is_part = match is_own {
                    true => has_name,
                    false => what.features.iter().any(|name| name == PART_OF_STD),
                };
                is_part.then_some(None)?
            }
        };
        Some(StdCrate {
            name: what.name.clone(),
            for_host: what.for_host,
            version: (!is_own).then(|| what.version.clone()),
            checksum,
            features: what.features.clone(),
        })
    }
}
