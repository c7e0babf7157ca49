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

/// Which Rust the caller wants to compile with.
///
/// It is made from a text: `host`, `image`, a toolchain's name as rustup has it (`nightly`,
/// `+nightly`, `1.85.0-x86_64-unknown-linux-gnu`), or a directory, whose path has a `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolchainPreference {
    /// The toolchain that rustup has active in the project's directory, mounted read only.
    #[default]
    Host,
    /// The distribution's, inside the environment.
    Image,
    /// The toolchain of this name that rustup has installed, mounted read only.
    Rustup(String),
    /// The directory of a toolchain, with `bin` and `lib`, mounted read only.
    Directory(PathBuf),
}

impl From<&str> for ToolchainPreference {
    fn from(text: &str) -> Self {
        match text {
            "host" => ToolchainPreference::Host,
            "image" => ToolchainPreference::Image,
            path if path.contains('/') => ToolchainPreference::Directory(path.into()),
            name => ToolchainPreference::Rustup(name.trim_start_matches('+').to_owned()),
        }
    }
}

impl From<&String> for ToolchainPreference {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for ToolchainPreference {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<PathBuf> for ToolchainPreference {
    fn from(directory: PathBuf) -> Self {
        ToolchainPreference::Directory(directory)
    }
}

impl From<&Path> for ToolchainPreference {
    fn from(directory: &Path) -> Self {
        ToolchainPreference::Directory(directory.to_owned())
    }
}

impl fmt::Display for ToolchainPreference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToolchainPreference::Host => f.write_str("host"),
            ToolchainPreference::Image => f.write_str("image"),
            ToolchainPreference::Rustup(name) => write!(f, "+{name}"),
            // Without a separator it would be read as a name.
            ToolchainPreference::Directory(path) if !path.to_string_lossy().contains('/') => {
                write!(f, "./{}", path.display())
            }
            ToolchainPreference::Directory(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_is_named_as_rustup_names_it_and_a_directory_by_its_path() {
        let rustup = |name: &str| ToolchainPreference::Rustup(name.to_owned());
        for (text, expected) in [
            ("host", ToolchainPreference::Host),
            ("image", ToolchainPreference::Image),
            ("nightly", rustup("nightly")),
            ("+nightly", rustup("nightly")),
            ("1.85.0", rustup("1.85.0")),
            ("./rust", ToolchainPreference::Directory("./rust".into())),
            (
                "/opt/rust",
                ToolchainPreference::Directory("/opt/rust".into()),
            ),
        ] {
            let preference = ToolchainPreference::from(text);
            assert_eq!(preference, expected, "{text}");
            let again = ToolchainPreference::from(preference.to_string());
            assert_eq!(again, preference, "{text}");
        }
        let bare = ToolchainPreference::from(PathBuf::from("rust"));
        assert_eq!(bare.to_string(), "./rust");
    }
}
