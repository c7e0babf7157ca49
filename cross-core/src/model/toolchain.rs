//! The Rust that compiles, as data.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// The Rust that compiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Toolchain {
    /// Where it comes from.
    pub source: ToolchainSource,
    /// The version, as in `1.95.0`: from rustup's records before a build, from cargo's after it.
    pub version: Option<String>,
}

/// Where a toolchain comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ToolchainSource {
    /// One of the host's rustup, mounted read only.
    Host {
        /// Its name, as rustup has it.
        name: String,
        /// Its directory, which has `bin` and `lib`.
        sysroot: PathBuf,
    },
    /// A directory of the user's, mounted read only.
    Directory {
        /// It has `bin` and `lib`.
        sysroot: PathBuf,
    },
    /// The distribution's, inside the environment.
    Image,
}

impl Toolchain {
    /// The directory that is mounted, where one is.
    pub fn sysroot(&self) -> Option<&Path> {
        match &self.source {
            ToolchainSource::Host { sysroot, .. } | ToolchainSource::Directory { sysroot } => {
                Some(sysroot)
            }
            ToolchainSource::Image => None,
        }
    }

    /// What tells its products from another's. Cargo itself tells versions of one toolchain apart.
    pub(crate) fn identity(&self) -> String {
        match self.sysroot() {
            Some(sysroot) => sysroot.display().to_string(),
            None => "image".to_owned(),
        }
    }

    /// What it is called where nothing is mounted.
    pub(crate) fn in_place(&self) -> String {
        match (&self.source, &self.version) {
            (ToolchainSource::Host { name, .. }, Some(version)) => format!("{name} ({version})"),
            (ToolchainSource::Host { name, .. }, None) => name.clone(),
            _ => self.to_string(),
        }
    }

    /// Whether it takes unstable options. One whose version is not known is believed by its name.
    pub(crate) fn is_nightly(&self) -> bool {
        let name = match &self.source {
            ToolchainSource::Host { name, .. } => name.as_str(),
            _ => "",
        };
        match &self.version {
            Some(version) => version.contains("-nightly") || version.contains("-dev"),
            None => name.starts_with("nightly"),
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            ToolchainSource::Host { name, .. } => write!(f, "{name}, mounted from the host")?,
            ToolchainSource::Directory { sysroot } => write!(f, "{}", sysroot.display())?,
            ToolchainSource::Image => f.write_str("the one of the environment")?,
        }
        match &self.version {
            Some(version) => write!(f, " ({version})"),
            None => Ok(()),
        }
    }
}
