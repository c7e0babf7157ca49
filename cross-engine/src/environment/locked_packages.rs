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
            if !is_sha256(sha256) || !fields.iter().all(|field| is_plain(field)) {
                let message = format!("the lock has an impossible package: {package:?}");
                return Err(Error::new(ErrorKind::Lock, message).with_help(self.update.clone()));
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

    /// Checks that `contents`, of the environment `name`, are what the lock says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] that names what differs.
    pub(crate) fn check(&self, contents: &Contents, name: &str) -> Result<()> {
        let locked: BTreeSet<_> = self.packages.iter().collect();
        let made: BTreeSet<_> = contents.packages.iter().collect();
        let shown = |package: &&InstalledPackage| {
            let state = if package.removed { " (removed)" } else { "" };
            format!(
                "{}:{} {}{state}",
                package.name, package.architecture, package.version
            )
        };
        let missing: Vec<_> = locked
            .difference(&made)
            .map(|it| format!("-{}", shown(it)))
            .collect();
        let others: Vec<_> = made
            .difference(&locked)
            .map(|it| format!("+{}", shown(it)))
            .collect();
        let differences: Vec<_> = missing.into_iter().chain(others).collect();
        if differences.is_empty() {
            return Ok(());
        }
        const SHOWN: usize = 10;
        let more = differences.len().saturating_sub(SHOWN);
        let mut list = differences[..differences.len().min(SHOWN)].join(", ");
        if more > 0 {
            list += &format!(" and {more} more");
        }
        let message = format!("the environment `{name}` did not become what the lock says: {list}");
        let help = format!(
            "a command of `pre-build` that installs from another archive, or whatever is newest, \
             cannot be locked; otherwise {}",
            self.update
        );
        Err(Error::new(ErrorKind::Lock, message).with_help(help))
    }
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
}
