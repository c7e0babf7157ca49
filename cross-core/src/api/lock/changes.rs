//! What a lock says differently than before.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::lock_file::LockedEnvironment;

/// A package whose locked version changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct PackageChange {
    /// The name of the package.
    pub name: String,
    /// Its Debian architecture.
    pub architecture: String,
    /// The version that was locked before; `None` if it was not there.
    pub before: Option<String>,
    /// The version that is locked now; `None` if it is not there any more.
    pub after: Option<String>,
}

/// Something other than the version of a package whose locked value changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct LockChange {
    /// What changed: an image, a download, a release, the recipe, a key of the configuration, or
    /// the hash of a package that has the same version.
    pub what: String,
    /// The value that was locked before; `None` if it was not there.
    pub before: Option<String>,
    /// The value that is locked now; `None` if it is not there any more.
    pub after: Option<String>,
}

/// The packages whose versions differ.
pub(super) fn of_packages(
    before: &LockedEnvironment,
    after: &LockedEnvironment,
) -> Vec<PackageChange> {
    let changes = different(&versions(before), &versions(after));
    let changes = changes.into_iter();
    changes
        .map(|((name, architecture), before, after)| PackageChange {
            name,
            architecture,
            before,
            after,
        })
        .collect()
}

/// What else differs.
pub(super) fn of_others(before: &LockedEnvironment, after: &LockedEnvironment) -> Vec<LockChange> {
    let changes = different(&others(before), &others(after));
    let changes = changes.into_iter();
    let mut changes: Vec<_> = changes
        .map(|(what, before, after)| LockChange {
            what,
            before,
            after,
        })
        .collect();
    let packages = different(&hashes(before), &hashes(after)).into_iter();
    // A package with another version has another hash, too.
    let same = packages.filter(|(_, before, after)| before.is_some() && after.is_some());
    changes.extend(same.map(|(what, before, after)| LockChange {
        what: format!("SHA-256 of {what}"),
        before,
        after,
    }));
    changes
}

/// The keys whose values differ, with both values.
fn different<K: Ord + Clone>(
    before: &BTreeMap<K, String>,
    after: &BTreeMap<K, String>,
) -> Vec<(K, Option<String>, Option<String>)> {
    let mut keys: Vec<_> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| before.get(key) != after.get(key))
        .map(|key| {
            (
                key.clone(),
                before.get(key).cloned(),
                after.get(key).cloned(),
            )
        })
        .collect()
}

/// The versions of the packages, by name and architecture.
fn versions(environment: &LockedEnvironment) -> BTreeMap<(String, String), String> {
    let packages = environment.packages.iter();
    packages
        .map(|package| {
            let key = (package.name.clone(), package.architecture.clone());
            let removed = if package.removed { " (removed)" } else { "" };
            (key, format!("{}{removed}", package.version))
        })
        .collect()
}

/// The hashes of the packages, by name, architecture and version.
fn hashes(environment: &LockedEnvironment) -> BTreeMap<String, String> {
    let packages = environment.packages.iter();
    packages
        .map(|package| {
            let (name, architecture) = (&package.name, &package.architecture);
            let key = format!("{name}:{architecture} {}", package.version);
            let hash = package.sha256.clone();
            (key, hash.unwrap_or_else(|| "unknown".to_owned()))
        })
        .collect()
}

/// Everything but the packages, by what it is.
fn others(environment: &LockedEnvironment) -> BTreeMap<String, String> {
    let LockedEnvironment {
        recipe,
        keys,
        releases,
        downloads,
        images,
        ..
    } = environment;
    let mut others = BTreeMap::new();
    let recipe = recipe.iter();
    others.extend(recipe.map(|hash| ("recipe".to_owned(), hash.clone())));
    let keys = keys.iter();
    others.extend(keys.map(|(key, value)| (format!("key `{key}`"), value.clone())));
    others.extend(releases.iter().map(|release| {
        let what = format!("release {} of {}", release.suite, release.url);
        let value = [&*release.date, &release.version, &release.sha256].join(" ");
        (what, value)
    }));
    others.extend(downloads.iter().map(|file| {
        let value = format!("{} {}", file.version, file.sha256);
        (format!("download {}", file.name), value)
    }));
    let images = images.iter();
    others.extend(images.map(|(image, digest)| (format!("image {image}"), digest.clone())));
    others
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::{Download, InstalledPackage};

    fn package(version: &str, sha256: &str) -> InstalledPackage {
        InstalledPackage::new("gcc", version, "amd64").sha256(Some(sha256.to_owned()))
    }

    fn environment() -> LockedEnvironment {
        LockedEnvironment {
            recipe: Some("r".to_owned()),
            packages: vec![package("1", "a")],
            downloads: vec![Download::new("zig", "0.15", "b")],
            images: BTreeMap::from([("a:1".to_owned(), "sha256:1".to_owned())]),
            ..LockedEnvironment::default()
        }
    }

    fn told(after: &LockedEnvironment) -> (usize, Vec<String>) {
        let before = environment();
        let others = of_others(&before, after).into_iter().map(|change| {
            let value = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
            let (before, after) = (value(change.before), value(change.after));
            format!("{}: {before} -> {after}", change.what)
        });
        (of_packages(&before, after).len(), others.collect())
    }

    #[test]
    fn whatever_changes_the_hash_of_an_entry_is_told() {
        assert_eq!(told(&environment()), (0, Vec::new()));
        let with = |change: &dyn Fn(&mut LockedEnvironment)| {
            let mut after = environment();
            change(&mut after);
            assert_ne!(after.sha256(), environment().sha256());
            told(&after)
        };
        let one = |text: &str| (0, vec![text.to_owned()]);
        assert_eq!(
            with(&|it| it.images.get_mut("a:1").unwrap().push('2')),
            one("image a:1: sha256:1 -> sha256:12")
        );
        assert_eq!(
            with(&|it| it.downloads[0].sha256 = "c".to_owned()),
            one("download zig: 0.15 b -> 0.15 c")
        );
        assert_eq!(with(&|it| it.recipe = None), one("recipe: r -> none"));
        assert_eq!(
            with(&|it| it.packages[0] = package("1", "c")),
            one("SHA-256 of gcc:amd64 1: a -> c")
        );
        assert_eq!(with(&|it| it.packages[0] = package("2", "c")), (1, vec![]));
        let removed = |it: &mut LockedEnvironment| it.packages[0].removed = true;
        assert_eq!(with(&removed), (1, vec![]));
    }
}
