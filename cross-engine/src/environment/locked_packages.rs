//! The packages of a locked environment.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::environment::contents::{ArchiveRelease, Contents, InstalledPackage, is_sha256};
use crate::environment::release_date;
use crate::process::error::{Error, ErrorKind, Result};

/// The packages that an environment is made of, by their hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LockedPackages {
    /// The releases that the packages are from.
    pub releases: Vec<ArchiveRelease>,
    /// The packages, also those that are removed again. One without a hash comes from no archive: a
    /// command has to install it.
    pub packages: Vec<InstalledPackage>,
    /// The URL of a mirror that keeps old packages. `{date}` in it is the day after the release.
    pub snapshot: Option<String>,
    /// What to run to update the lock, for messages.
    pub update: String,
}

impl LockedPackages {
    /// The packages of `releases`. `update` is what to run to update the lock.
    pub fn new(
        releases: Vec<ArchiveRelease>,
        packages: Vec<InstalledPackage>,
        update: impl Into<String>,
    ) -> Self {
        LockedPackages {
            releases,
            packages,
            snapshot: None,
            update: update.into(),
        }
    }

    /// Sets the URL of a mirror that keeps old packages.
    #[must_use]
    pub fn snapshot(mut self, url: Option<String>) -> Self {
        self.snapshot = url;
        self
    }

    /// The newest date of the releases, in seconds since 1970: the time of what is made.
    pub(crate) fn epoch(&self) -> Option<u64> {
        let dates = self.releases.iter();
        dates
            .filter_map(|release| release_date::parse(&release.date))
            .max()
    }

    /// The URL of the snapshot mirror, with the date.
    pub(crate) fn snapshot_url(&self) -> Option<String> {
        let url = self.snapshot.as_deref()?.trim_end_matches('/');
        match self.epoch() {
            Some(epoch) => Some(url.replace("{date}", &release_date::next_day(epoch))),
            None => Some(url.to_owned()),
        }
    }

    /// The packages that archives have, each with its line in the list of what is wanted: its hash,
    /// its path in the archive's pool, its name, its version and its architecture.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] for a package whose fields cannot be those of a package.
    pub(crate) fn wanted(&self) -> Result<Vec<(&InstalledPackage, String)>> {
        let mut wanted = Vec::new();
        let mut hashes = BTreeSet::new();
        for package in &self.packages {
            let Some(sha256) = &package.sha256 else {
                continue;
            };
            let fields = [
                &package.name,
                &package.version,
                &package.architecture,
                &package.source,
            ];
            let names = ["name", "version", "architecture", "source"];
            let named = names.iter().zip(fields);
            let odd = named.filter(|(_, value)| !is_plain(value));
            let odd = odd.map(|(name, value)| (*name, value));
            let mut odd = odd.chain((!is_sha256(sha256)).then_some(("sha256", sha256)));
            if let Some((field, value)) = odd.next() {
                return Err(self.impossible(package, field, value));
            }
            if hashes.insert(sha256) {
                let [name, version, architecture, _] = fields;
                let path = pool_path(package);
                let line = [sha256, &path, name, version, architecture].map(String::as_str);
                wanted.push((package, line.join("\t")));
            }
        }
        Ok(wanted)
    }

    fn impossible(&self, package: &InstalledPackage, field: &str, value: &str) -> Error {
        let InstalledPackage { name, version, .. } = package;
        // It may have control characters.
        let [name, version, value] = [name, version, value].map(|text| text.escape_debug());
        let message = format!(
            "the lock has an impossible package, `{name}` {version}: its `{field}` is `{value}`"
        );
        Error::new(ErrorKind::Lock, message).with_help(self.update.clone())
    }

    /// Checks that `contents`, of the environment `name`, are what the lock says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] that names what differs.
    pub(crate) fn check(&self, contents: &Contents, name: &str) -> Result<()> {
        let locked: BTreeSet<_> = self.packages.iter().collect();
        let made: BTreeSet<_> = contents.packages.iter().collect();
        let Some(list) = differences(&locked, &made) else {
            return Ok(());
        };
        let message = format!("the environment `{name}` did not become what the lock says: {list}");
        let help = format!(
            "a command of `pre-build` that installs from another archive, or whatever is newest, \
             cannot be locked; otherwise {}",
            self.update
        );
        Err(Error::new(ErrorKind::Lock, message).with_help(help))
    }

    /// Checks that what is on record for the existing environment `name` is what the lock says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] that names what differs.
    pub fn check_existing(&self, contents: &Contents, name: &str) -> Result<()> {
        let Some(list) = self.differences(contents) else {
            return Ok(());
        };
        let message = format!("the environment `{name}` is not what the lock says: {list}");
        let help = format!(
            "remove it, and it is made again: `cargo xtask env rm {name}` \
             (`Cross::remove_environment`)"
        );
        Err(Error::new(ErrorKind::Lock, message).with_help(help))
    }

    /// How what is on record for an existing environment differs from the lock, if it does.
    pub(crate) fn differences(&self, contents: &Contents) -> Option<String> {
        // The list of an image does not have what was removed again.
        let is_there = |package: &&InstalledPackage| !package.removed;
        let locked = self.packages.iter().filter(is_there).collect();
        let there = contents.packages.iter().filter(is_there).collect();
        differences(&locked, &there)
    }
}

/// What is locked and not made, and what is made and not locked; `None` if nothing is.
fn differences(
    locked: &BTreeSet<&InstalledPackage>,
    made: &BTreeSet<&InstalledPackage>,
) -> Option<String> {
    const SHOWN: usize = 10;
    let shown = |sign: char, package: &InstalledPackage| {
        let InstalledPackage {
            name,
            architecture,
            version,
            ..
        } = package;
        let state = if package.removed { " (removed)" } else { "" };
        format!("{sign}{name}:{architecture} {version}{state}")
    };
    let missing = locked.difference(made).map(|it| shown('-', it));
    let others = made.difference(locked).map(|it| shown('+', it));
    let differences: Vec<_> = missing.chain(others).collect();
    let more = differences.len().saturating_sub(SHOWN);
    let mut list = differences[..differences.len() - more].join(", ");
    if more > 0 {
        list += &format!(" and {more} more");
    }
    (!differences.is_empty()).then_some(list)
}

/// Whether a field has only the characters of Debian's names and versions.
fn is_plain(field: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b':' | b'~');
    let starts = field
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    starts && field.bytes().all(is_allowed)
}

/// Where Debian's archives have a package.
fn pool_path(package: &InstalledPackage) -> String {
    let InstalledPackage {
        name,
        version,
        architecture,
        source,
        ..
    } = package;
    let letters = match source.strip_prefix("lib") {
        Some(rest) if !rest.is_empty() => 4,
        _ => 1,
    };
    let prefix = source.get(..letters).unwrap_or(source);
    // A file's name is without the epoch.
    let version = version
        .split_once(':')
        .map_or(&**version, |(_, version)| version);
    format!("pool/main/{prefix}/{source}/{name}_{version}_{architecture}.deb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, source: &str) -> InstalledPackage {
        InstalledPackage {
            name: name.to_owned(),
            architecture: "amd64".to_owned(),
            version: version.to_owned(),
            sha256: Some("a".repeat(64)),
            source: source.to_owned(),
            source_version: version.to_owned(),
            removed: false,
        }
    }

    #[test]
    fn packages_are_where_debian_has_them() {
        for (package, path) in [
            (
                package("zlib1g", "1:1.2.13.dfsg-1", "zlib"),
                "pool/main/z/zlib/zlib1g_1.2.13.dfsg-1_amd64.deb",
            ),
            (
                package("libssl3", "3.0.1-1+b1", "libssl"),
                "pool/main/libs/libssl/libssl3_3.0.1-1+b1_amd64.deb",
            ),
        ] {
            assert_eq!(pool_path(&package), path);
        }
    }

    #[test]
    fn no_field_leaves_its_place_in_a_path_or_a_line() {
        for (name, version) in [
            ("../x", "1"),
            ("a", "1/2"),
            ("a\tb", "1"),
            ("a", "1 2"),
            ("", "1"),
            ("a", "-o"),
        ] {
            let locked =
                LockedPackages::new(Vec::new(), vec![package(name, version, "a")], "lock again");
            let error = locked.wanted().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Lock, "{name} {version}");
            let text = error.to_string();
            let field = if name == "a" { "version" } else { "name" };
            assert!(text.contains(&format!("its `{field}` is `")), "{text}");
            assert!(
                !text.contains("InstalledPackage") && !text.contains('\t'),
                "{text}"
            );
        }
        let other = InstalledPackage {
            sha256: Some("A".repeat(64)),
            ..package("a", "1", "a")
        };
        assert!(
            LockedPackages::new(Vec::new(), vec![other], "")
                .wanted()
                .is_err()
        );
    }

    #[test]
    fn what_became_something_else_is_named() {
        let locked =
            LockedPackages::new(Vec::new(), vec![package("gcc", "4", "gcc")], "lock again");
        let same = Contents::new(Vec::new(), vec![package("gcc", "4", "gcc")]);
        locked.check(&same, "e").unwrap();
        let other = Contents::new(Vec::new(), vec![package("gcc", "5", "gcc")]);
        let error = locked.check(&other, "e").unwrap_err();
        assert!(
            error.to_string().ends_with("-gcc:amd64 4, +gcc:amd64 5"),
            "{error}"
        );
        assert!(error.help().unwrap().ends_with("lock again"));
    }

    #[test]
    fn an_existing_environment_that_was_changed_is_named_with_its_remedy() {
        let removed = package("cpio", "1", "cpio").removed(true);
        let gcc = package("gcc", "4", "gcc");
        let locked = LockedPackages::new(Vec::new(), vec![gcc.clone(), removed], "lock again");
        let with = |package: InstalledPackage| Contents::new(Vec::new(), vec![package]);
        locked.check_existing(&with(gcc.clone()), "e").unwrap();
        let other = gcc.sha256(Some("b".repeat(64)));
        for contents in [with(other), with(package("gcc", "5", "gcc"))] {
            let error = locked.check_existing(&contents, "e").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Lock);
            assert!(error.to_string().contains("-gcc:amd64 4, +gcc:amd64"));
            assert!(error.help().unwrap().contains("cargo xtask env rm e"));
        }
    }
}
