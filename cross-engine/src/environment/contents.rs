//! The contents of an environment: what was installed when it was made.

use std::collections::BTreeMap;

use hmac_sha256::Hash;
use serde::{Deserialize, Serialize};

use crate::process::hex::hex;

/// The version of the serialised form of [`Contents`].
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Where an environment records what is installed, in its root file system.
pub(crate) const RECORD: &str = "/usr/share/cross-core/installed";

/// The shell function that records it.
pub(crate) const RECORD_FUNCTION: &str = include_str!("contents/record.sh");

/// What an environment is made of: every package, the releases of the archives that they come from,
/// and what is not a package.
///
/// The lists are sorted. Two environments with the same contents have the same
/// [`sha256`](Contents::sha256), on every engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Contents {
    /// The version of the serialised form. It increases when a field is removed or changes its
    /// meaning.
    pub schema_version: u32,
    /// The releases of the package archives. Empty for an image that nobody recorded.
    pub releases: Vec<ArchiveRelease>,
    /// The packages, sorted by name, architecture and version.
    pub packages: Vec<InstalledPackage>,
    /// What was downloaded beside the packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<Download>,
    /// The text of the user's `pre-build`, which may have added anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_build: Option<String>,
    /// The image that the environment is, or is based on, if it was not made from a recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<RecordedImage>,
}

/// A release of a package archive, as its signed `Release` file says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ArchiveRelease {
    /// Who publishes it: `Debian`.
    pub origin: String,
    /// The name that moves to the next release: `oldstable`.
    pub suite: String,
    /// The name that stays: `bookworm`.
    pub codename: String,
    /// The version: `12.11`. Empty if it has none.
    pub version: String,
    /// The URL of the mirror that served it. Empty if that is unknown.
    #[serde(default)]
    pub url: String,
    /// When it was published, in the format of the file: `Sat, 17 May 2025 09:47:33 UTC`.
    pub date: String,
    /// The SHA-256 of the file in hexadecimal.
    pub sha256: String,
}

/// An installed package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct InstalledPackage {
    /// The name.
    pub name: String,
    /// The Debian architecture: `amd64`, or `all`.
    pub architecture: String,
    /// The version.
    pub version: String,
    /// The SHA-256 of the package file in hexadecimal. `None` if it comes from no archive that the
    /// environment knew: a command installed a file, or an image has it.
    pub sha256: Option<String>,
    /// The name of its source package.
    pub source: String,
    /// The version of its source package.
    pub source_version: String,
    /// Whether it was removed again before the environment was complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// A file that was downloaded into an environment, and that is no package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Download {
    /// The name of what it contains: `zig`.
    pub name: String,
    /// The version.
    pub version: String,
    /// The SHA-256 of the file in hexadecimal, which was verified.
    pub sha256: String,
}

/// An image, named by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RecordedImage {
    /// The engine's hash of its configuration, with the prefix `sha256:`.
    pub id: String,
    /// The digest in its registry, with the prefix `sha256:`; `None` for an image that was built on
    /// this machine.
    pub digest: Option<String>,
    /// The platform, as `os/architecture[/variant]`.
    pub platform: String,
}

impl Download {
    /// Describes a download.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        sha256: impl Into<String>,
    ) -> Self {
        Download {
            name: name.into(),
            version: version.into(),
            sha256: sha256.into(),
        }
    }
}

impl InstalledPackage {
    /// A package whose source package has the same name and version.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        architecture: impl Into<String>,
    ) -> Self {
        let (name, version) = (name.into(), version.into());
        InstalledPackage {
            source: name.clone(),
            source_version: version.clone(),
            name,
            architecture: architecture.into(),
            version,
            sha256: None,
            removed: false,
        }
    }

    /// Sets the name and the version of its source package.
    #[must_use]
    pub fn source(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.source = name.into();
        self.source_version = version.into();
        self
    }

    /// Sets the SHA-256 of the package file in hexadecimal.
    #[must_use]
    pub fn sha256(mut self, sha256: Option<String>) -> Self {
        self.sha256 = sha256;
        self
    }

    /// Sets whether it was removed again before the environment was complete.
    #[must_use]
    pub fn removed(mut self, yes: bool) -> Self {
        self.removed = yes;
        self
    }
}

impl Contents {
    /// The contents that are `packages` of these `releases`.
    pub fn new(mut releases: Vec<ArchiveRelease>, mut packages: Vec<InstalledPackage>) -> Self {
        releases.sort();
        packages.sort();
        Contents {
            schema_version: SCHEMA_VERSION,
            releases,
            packages,
            downloads: Vec::new(),
            pre_build: None,
            image: None,
        }
    }

    /// Parses what an environment recorded about itself, or the list that dpkg prints of an image's
    /// packages. Lines of another form are ignored: the text of an image is a claim of its.
    pub(crate) fn parse(text: &str) -> Self {
        let mut releases = Vec::new();
        let mut packages = BTreeMap::new();
        for line in text.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            match fields[..] {
                [
                    "release",
                    origin,
                    suite,
                    codename,
                    version,
                    date,
                    sha256,
                    url,
                ] => {
                    releases.push(ArchiveRelease {
                        origin: origin.trim().to_owned(),
                        suite: suite.trim().to_owned(),
                        codename: codename.trim().to_owned(),
                        version: version.trim().to_owned(),
                        url: url.to_owned(),
                        date: date.trim().to_owned(),
                        sha256: sha256.to_owned(),
                    });
                }
                [
                    kind @ ("package" | "removed"),
                    name,
                    version,
                    architecture,
                    sha256,
                    source,
                    source_version,
                ] => {
                    let package = InstalledPackage {
                        name: name.to_owned(),
                        architecture: architecture.to_owned(),
                        version: version.to_owned(),
                        sha256: is_sha256(sha256).then(|| sha256.to_owned()),
                        source: source.to_owned(),
                        source_version: source_version.to_owned(),
                        removed: kind == "removed",
                    };
                    packages.insert([name, architecture, version].map(str::to_owned), package);
                }
                _ => {}
            }
        }
        Contents::new(releases, packages.into_values().collect())
    }

    /// The SHA-256 of the contents in hexadecimal.
    pub fn sha256(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        hex(&Hash::hash(text.as_bytes()))
    }
}

/// Whether `text` is a SHA-256 in hexadecimal, in lower case.
pub(crate) fn is_sha256(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    #[test]
    fn a_record_is_read_and_sorted() {
        let (a, b) = (hash('a'), hash('b'));
        let text = format!(
            "package\tzlib1g\t1:1.2\tamd64\t{a}\tzlib\t1:1.2\n\
             package\tgcc\t4:12\tamd64\t\tgcc-defaults\t1.203\n\
             removed\tpython3-pip\t23.0\tall\t{b}\tpython-pip\t23.0\n\
             release\t Debian\t oldstable\t bookworm\t 12.1\t Sat, 1 Jan 2026 00:00:00 UTC\t{b}\thttp://m/debian\n\
             package\ttoo\tshort\nsomething else\n"
        );
        let contents = Contents::parse(&text);
        let names: Vec<_> = contents
            .packages
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["gcc", "python3-pip", "zlib1g"]);
        assert_eq!(contents.packages[0].sha256, None, "of no archive");
        assert_eq!(contents.packages[2].sha256.as_deref(), Some(&*a));
        assert!(contents.packages[1].removed);
        assert_eq!(contents.releases[0].codename, "bookworm");
        assert_eq!(contents.releases[0].date, "Sat, 1 Jan 2026 00:00:00 UTC");
    }

    #[test]
    fn the_hash_is_of_everything_and_survives_a_file() {
        let contents = Contents::parse("package\ta\t1\tall\t\ta\t1\n");
        let text = serde_json::to_string_pretty(&contents).unwrap();
        let again: Contents = serde_json::from_str(&text).unwrap();
        assert_eq!(again.sha256(), contents.sha256());
        let others = [
            Contents::parse("package\ta\t2\tall\t\ta\t1\n"),
            Contents::parse("removed\ta\t1\tall\t\ta\t1\n"),
            Contents {
                pre_build: Some("true".to_owned()),
                ..contents.clone()
            },
            Contents {
                downloads: vec![Download::new("zig", "1", hash('a'))],
                ..contents.clone()
            },
        ];
        for other in others {
            assert_ne!(other.sha256(), contents.sha256(), "{other:?}");
        }
    }
}
