//! The crates that a `Cargo.lock` names, and where cargo keeps what it fetched of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::error::{Error, ErrorKind, Result};

/// The paths in a directory, in order; none if it cannot be read.
pub(crate) fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// A package in `Cargo.lock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locked<'t> {
    pub(crate) name: &'t str,
    pub(crate) version: &'t str,
    /// Empty for a package in a directory.
    source: &'t str,
    /// The SHA-256 of the file; empty for what is from no registry.
    checksum: &'t str,
}

impl<'t> Locked<'t> {
    fn set(&mut self, key: &str, value: &'t str) {
        match key {
            "name" => self.name = value,
            "version" => self.version = value,
            "source" => self.source = value,
            "checksum" => self.checksum = value,
            _ => {}
        }
    }

    pub(crate) fn is_of_registry(&self) -> bool {
        self.source.starts_with("registry+") || self.source.starts_with("sparse+")
    }

    /// Whether it is the revision that cargo's directory `short` has.
    pub(crate) fn has_revision(&self, short: &str) -> bool {
        let revision = self.source.rsplit_once('#').map(|(_, revision)| revision);
        self.source.starts_with("git+")
            && !short.is_empty()
            && revision.is_some_and(|revision| revision.starts_with(short))
    }
}

/// Reads the packages of a `Cargo.lock`, which cargo itself writes in one form.
pub(crate) fn locked(text: &str) -> Vec<Locked<'_>> {
    let mut packages: Vec<Locked<'_>> = Vec::new();
    let mut is_in_package = false;
    for line in text.lines() {
        // Other tables follow the packages, such as `[[patch.unused]]`, which has the same keys.
        if line.starts_with('[') {
            is_in_package = line == "[[package]]";
            packages.extend(is_in_package.then(Locked::default));
        }
        let Some((key, value)) = line.split_once(" = ") else {
            continue;
        };
        let value = value.trim_matches('"');
        match packages.last_mut().filter(|_| is_in_package) {
            Some(package) => package.set(key, value),
            None => add_checksum(&mut packages, key, value),
        }
    }
    packages
}

/// Adds a checksum of the table `[metadata]`, where the first format of `Cargo.lock` has them:
/// `"checksum <name> <version> (<source>)" = "<SHA-256>"`.
fn add_checksum<'t>(packages: &mut [Locked<'t>], key: &str, value: &'t str) {
    let is_sha256 = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut words = key.trim_matches('"').splitn(4, ' ');
    let (Some("checksum"), Some(name), Some(version), Some(source), true) = (
        words.next(),
        words.next(),
        words.next(),
        words.next(),
        is_sha256,
    ) else {
        return;
    };
    let source = source.trim_matches(['(', ')']);
    let is_meant =
        |it: &&mut Locked<'_>| (it.name, it.version, it.source) == (name, version, source);
    for package in packages.iter_mut().filter(is_meant) {
        package.checksum = value;
    }
}

/// Where cargo caches the index's entry of a crate.
pub(crate) fn in_index(name: &str) -> String {
    let name = name.to_lowercase();
    let part = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    match name.chars().count() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", part(0, 1)),
        _ => format!("{}/{}/{name}", part(0, 2), part(2, 4)),
    }
}

/// What cargo fetched of the crates that the `Cargo.lock` with this text names: the files of crates,
/// their entries in the index, and repositories, by their paths in `cargo_home`. What cargo makes of
/// them, it makes again.
///
/// # Errors
///
/// [`ErrorKind::Archive`] for a crate that cargo cannot use without a network: from a registry whose
/// index is a git repository, or from a repository with submodules.
pub(crate) fn fetched(cargo_home: &Path, text: &str) -> Result<Vec<PathBuf>> {
    let locked = locked(text);
    let of_registries: Vec<_> = locked.iter().filter(|it| it.is_of_registry()).collect();
    let (mut found, mut lacks_index) = (BTreeSet::new(), BTreeMap::new());
    for cache in entries(&cargo_home.join("registry/cache")) {
        let name = cache.file_name().unwrap_or_default();
        let index = cargo_home.join("registry/index").join(name);
        let is_sparse = index.join(".cache").is_dir() && !index.join(".git").exists();
        for package in &of_registries {
            let entry = index.join(".cache").join(in_index(package.name));
            let file = cache.join(format!("{}-{}.crate", package.name, package.version));
            let key = (package.name, package.version);
            match (is_sparse && entry.is_file(), file.is_file()) {
                // A lock names crates of other systems, too, whose entries cargo reads.
                (true, is_fetched) => {
                    found.insert(entry);
                    if is_fetched {
                        found.insert(file);
                        lacks_index.insert(key, None);
                    }
                    let config = index.join("config.json");
                    found.extend(config.is_file().then_some(config));
                }
                (false, true) => {
                    lacks_index.entry(key).or_insert(Some(name.to_owned()));
                }
                (false, false) => {}
            }
        }
    }
    if let Some(((name, version), Some(registry))) = lacks_index
        .into_iter()
        .find(|(_, registry)| registry.is_some())
    {
        let registry = registry.to_string_lossy();
        let message = format!(
            "the crate `{name}` {version} cannot be exported: the index of its registry `{registry}` is no \
             sparse one"
        );
        return Err(Error::new(ErrorKind::Archive, message)
            .with_help("use the registry's sparse index, or `cargo vendor`"));
    }
    for checkouts in entries(&cargo_home.join("git/checkouts")) {
        for checkout in entries(&checkouts) {
            let revision = checkout.file_name().unwrap_or_default().to_string_lossy();
            if !locked.iter().any(|package| package.has_revision(&revision)) {
                continue;
            }
            if checkout.join(".gitmodules").exists() {
                let message = format!(
                    "`{}` cannot be exported: it has submodules, which cargo fetches again",
                    checkout.display()
                );
                return Err(Error::new(ErrorKind::Archive, message)
                    .with_help("put it among the sources: `cargo vendor`"));
            }
            let name = checkouts.file_name().unwrap_or_default();
            found.insert(cargo_home.join("git/db").join(name));
        }
    }
    let relative = found
        .iter()
        .filter_map(|path| path.strip_prefix(cargo_home).ok());
    Ok(relative.map(Path::to_owned).collect())
}

/// Whether cargo has the files of all crates that the `Cargo.lock` with this text names from
/// registries, and their entries in the index.
pub(crate) fn are_fetched(cargo_home: &Path, text: &str) -> bool {
    let caches = entries(&cargo_home.join("registry/cache"));
    let has = |package: &Locked<'_>, cache: &PathBuf| {
        let name = cache.file_name().unwrap_or_default();
        let index = cargo_home.join("registry/index").join(name);
        let entry = index.join(".cache").join(in_index(package.name));
        let file = cache.join(format!("{}-{}.crate", package.name, package.version));
        file.is_file() && (entry.is_file() || index.join(".git").exists())
    };
    let locked = locked(text);
    let mut of_registries = locked.iter().filter(|package| package.is_of_registry());
    of_registries.all(|package| caches.iter().any(|cache| has(package, cache)))
}

/// The hashes that the `Cargo.lock` with this text allows, by the name of the crate's file.
pub(crate) fn checksums(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut checksums: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in locked(text).iter().filter(|it| !it.checksum.is_empty()) {
        let file = format!("{}-{}.crate", package.name, package.version);
        let allowed = checksums.entry(file).or_default();
        allowed.insert(package.checksum.to_owned());
    }
    checksums
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "cc"
version = "1.2.3"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"

[[package]]
name = "winapi"
version = "0.3.9"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "01"

[[package]]
name = "forked"
version = "0.2.0"
source = "git+https://example.org/forked?branch=main#0123456789abcdef"
"#;

    fn home(files: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for file in files {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        home
    }

    #[test]
    fn what_cargo_makes_again_is_not_exported() {
        let home = home(&[
            "registry/index/x-1/config.json",
            "registry/index/x-1/.last-updated",
            "registry/index/x-1/.cache/2/cc",
            "registry/index/x-1/.cache/wi/na/winapi",
            "registry/index/x-1/.cache/se/rd/serde",
            "registry/cache/x-1/cc-1.2.3.crate",
            "registry/cache/x-1/cc-1.2.4.crate",
            "registry/cache/old-1/cc-1.2.3.crate",
            "registry/src/x-1/cc-1.2.3/lib.rs",
            "git/db/forked-1/HEAD",
            "git/db/other-1/HEAD",
            "git/checkouts/forked-1/0123456/lib.rs",
            "git/checkouts/other-1/0000000/lib.rs",
        ]);
        let found = fetched(home.path(), LOCK).unwrap();
        let found = found.iter().map(|path| path.display().to_string());
        assert_eq!(
            found
                .map(|path| path.replace('\\', "/"))
                .collect::<Vec<_>>(),
            [
                "git/db/forked-1",
                "registry/cache/x-1/cc-1.2.3.crate",
                "registry/index/x-1/.cache/2/cc",
                "registry/index/x-1/.cache/wi/na/winapi",
                "registry/index/x-1/config.json",
            ]
        );
    }

    #[test]
    fn what_cargo_cannot_use_without_a_network_is_an_error() {
        let git_index = home(&[
            "registry/index/x-1/.git/HEAD",
            "registry/cache/x-1/cc-1.2.3.crate",
        ]);
        let error = fetched(git_index.path(), LOCK).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Archive);
        assert!(error.to_string().contains("`cc` 1.2.3"), "{error}");
        let submodules = home(&["git/checkouts/forked-1/0123456/.gitmodules"]);
        let error = fetched(submodules.path(), LOCK).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Archive);
        assert!(error.to_string().contains("submodules"), "{error}");
    }

    #[test]
    fn the_lock_has_the_hashes_of_files() {
        let checksums = checksums(LOCK);
        assert_eq!(checksums.len(), 2);
        assert!(checksums["cc-1.2.3.crate"].contains("00"));
    }

    #[test]
    fn another_table_is_no_part_of_the_package_before_it() {
        let unused = r#"
[[patch.unused]]
name = "cc"
version = "9.0.0"
source = "git+https://example.org/cc#0"
"#;
        let text = [LOCK, unused].concat();
        assert_eq!(locked(&text), locked(LOCK));
        assert_eq!(locked(&text).last().unwrap().name, "forked");
    }

    #[test]
    fn the_first_format_has_the_hashes_in_a_table_of_their_own() {
        let hash = "a".repeat(64);
        let text = format!(
            r#"[[package]]
name = "cc"
version = "1.2.3"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "forked"
version = "0.2.0"
source = "git+https://example.org/forked#0123456789abcdef"

[metadata]
"checksum cc 1.2.3 (registry+https://github.com/rust-lang/crates.io-index)" = "{hash}"
"checksum forked 0.2.0 (git+https://example.org/forked#0123456789abcdef)" = "<none>"
"#
        );
        let checksums = checksums(&text);
        assert_eq!(checksums.len(), 1);
        assert_eq!(checksums["cc-1.2.3.crate"], BTreeSet::from([hash]));
    }
}
