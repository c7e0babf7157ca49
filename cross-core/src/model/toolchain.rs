//! Rust toolchains as data.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// The Rust toolchain that compiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Toolchain {
    /// The source of the toolchain.
    pub source: ToolchainSource,
    /// The version, such as `1.95.0`. A plan has it from rustup's records, and an outcome from
    /// cargo's.
    pub version: Option<String>,
    /// The commit of Rust's sources that it was built from, abbreviated or whole, and the day of
    /// that commit: `e50aa6fba 2026-05-19`. The nightlies of many days have one version. It comes
    /// from where the version comes from, and a distribution's Rust usually has none.
    pub commit: Option<String>,
}

/// The source of a toolchain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ToolchainSource {
    /// A toolchain of the host's rustup, mounted read-only.
    #[non_exhaustive]
    Host {
        /// The name that rustup has for it.
        name: String,
        /// The directory with `bin` and `lib`.
        sysroot: PathBuf,
    },
    /// A directory of the user, mounted read-only.
    #[non_exhaustive]
    Directory {
        /// The directory with `bin` and `lib`.
        sysroot: PathBuf,
    },
    /// The distribution's toolchain in the environment.
    Image,
}

impl ToolchainSource {
    pub(crate) fn sysroot(&self) -> Option<&Path> {
        match self {
            ToolchainSource::Host { sysroot, .. } | ToolchainSource::Directory { sysroot } => {
                Some(sysroot)
            }
            ToolchainSource::Image => None,
        }
    }
}

impl Toolchain {
    /// Returns the directory that is mounted, if there is one.
    pub fn sysroot(&self) -> Option<&Path> {
        self.source.sysroot()
    }

    /// Returns the text that distinguishes its artifacts from those of another toolchain. Cargo
    /// itself distinguishes the versions of one toolchain.
    pub(crate) fn identity(&self) -> String {
        match self.sysroot() {
            Some(sysroot) => sysroot.display().to_string(),
            None => "image".to_owned(),
        }
    }

    /// Returns the display name for an engine that mounts nothing.
    pub(crate) fn in_place(&self) -> String {
        match (&self.source, &self.version) {
            (ToolchainSource::Host { name, .. }, Some(version)) => format!("{name} ({version})"),
            (ToolchainSource::Host { name, .. }, None) => name.clone(),
            _ => self.to_string(),
        }
    }

    /// Whether it accepts unstable options. If its version is unknown, its name decides.
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

/// The Rust toolchain that the caller wants to compile with.
///
/// It converts from a string: `host`, `image`, the name of a rustup toolchain (`nightly`,
/// `+nightly`, `1.85.0-x86_64-unknown-linux-gnu`), or a directory, whose path contains a `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolchainPreference {
    /// The toolchain that is active for rustup in the project's directory, mounted read-only.
    #[default]
    Host,
    /// The distribution's toolchain in the environment.
    Image,
    /// The installed rustup toolchain with this name, mounted read-only.
    Rustup(String),
    /// A toolchain directory with `bin` and `lib`, mounted read-only.
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
            // Without a separator, it would be parsed as a name.
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
    fn preferences_convert_from_strings_and_back() {
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
