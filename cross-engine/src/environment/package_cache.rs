//! The cache of downloaded packages, shared by all environments.
//!
//! A package is named by its SHA-256 in the archive's signed index. Its content is not trusted: a
//! build verifies it against the index first (`derive.sh`), and downloads a damaged one again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::image::staging::remove_tree;
use crate::process::clock;
use crate::process::error::{IoContext as _, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;

/// The cache's subdirectory for packages.
pub(crate) const PACKAGES: &str = "packages";
/// The file with the list of packages that a build used.
const USED: &str = "used";
/// The maximum size in bytes. The least recently used packages are removed first.
const MAX_BYTES: u64 = 1 << 30;
/// The number of packages that a build can use. Linux limits the length of a variable.
const MAX_LISTED: usize = 1500;

/// The packages for one build. What the build downloaded is stored when this is dropped.
#[derive(Debug)]
pub(crate) struct PackageCache {
    dir: PathBuf,
    incoming: PathBuf,
}

/// A package in the cache.
struct CachedPackage {
    path: PathBuf,
    hash: String,
    bytes: u64,
    used: SystemTime,
}

impl PackageCache {
    /// Opens the cache for a build, which has a unique name and holds the lock on it. Files under
    /// this name are a dead process's.
    pub(crate) fn open(host: &Host, name: &str) -> Result<Self> {
        let dir = host.cache.join(PACKAGES);
        let incoming = dir.join(name);
        remove_tree(&incoming)?;
        fs::create_dir_all(&incoming).on("create directory", &incoming)?;
        Ok(PackageCache { dir, incoming })
    }

    /// The directory in which a build puts the packages that it downloads.
    pub(crate) fn incoming(&self) -> &Path {
        &self.incoming
    }

    /// Adds the variables by which `command` finds packages, and by which it stores others.
    pub(crate) fn add_to(&self, command: Invocation) -> Result<Invocation> {
        let mut cached = cached(&self.dir);
        cached.sort_by_key(|package| std::cmp::Reverse(package.used));
        let listed = cached.into_iter().take(MAX_LISTED);
        let hashes: Vec<_> = listed.map(|package| package.hash).collect();
        Ok(command
            .env("CROSS_CACHE", utf8(&self.dir)?)
            .env("CROSS_INCOMING", utf8(&self.incoming)?)
            .env("CROSS_PACKAGES", format!(" {} ", hashes.join(" "))))
    }

    /// Stores the downloaded packages, and updates the time of use of others.
    fn store_incoming(&self) {
        for entry in fs::read_dir(&self.incoming).into_iter().flatten().flatten() {
            if hash_of(&entry.path()).is_some() {
                let _ = fs::rename(entry.path(), self.dir.join(entry.file_name()));
            }
        }
        let now = SystemTime::UNIX_EPOCH + clock::unix_time();
        let used = fs::read_to_string(self.incoming.join(USED)).unwrap_or_default();
        for hash in used.lines() {
            let path = self.dir.join(format!("{hash}.deb"));
            if hash_of(&path).is_some() {
                let _ = File::options()
                    .append(true)
                    .open(path)
                    .and_then(|file| file.set_modified(now));
            }
        }
        let _ = remove_tree(&self.incoming);
    }
}

impl Drop for PackageCache {
    fn drop(&mut self) {
        self.store_incoming();
        trim(&self.dir, MAX_BYTES);
    }
}

/// The size of the packages in the cache of `host`.
pub(crate) fn disk_usage(host: &Host) -> u64 {
    cached(&host.cache.join(PACKAGES))
        .iter()
        .map(|package| package.bytes)
        .sum()
}

/// Removes every package from the cache of `host`.
pub(crate) fn clear(host: &Host) {
    trim(&host.cache.join(PACKAGES), 0);
}

/// Removes the least recently used packages until there are at most `limit` bytes. A build that was
/// about to use one downloads it instead.
fn trim(dir: &Path, limit: u64) {
    let mut cached = cached(dir);
    cached.sort_by_key(|package| std::cmp::Reverse(package.used));
    let mut sum = 0;
    for package in cached {
        sum += package.bytes;
        if sum > limit {
            let _ = fs::remove_file(package.path);
        }
    }
}

fn cached(dir: &Path) -> Vec<CachedPackage> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let (path, meta) = (entry.path(), entry.metadata().ok()?);
            Some(CachedPackage {
                hash: hash_of(&path)?.to_owned(),
                path,
                bytes: meta.len(),
                used: meta.modified().ok()?,
            })
        })
        .collect()
}

/// The hash in the name of a package's file.
fn hash_of(path: &Path) -> Option<&str> {
    let hash = path.file_name()?.to_str()?.strip_suffix(".deb")?;
    let is_hex = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hash.len() == 64 && is_hex).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::invocation::Variables;
    use std::time::Duration;

    fn name(digit: char) -> String {
        format!("{}.deb", digit.to_string().repeat(64))
    }

    #[test]
    fn what_came_is_kept_and_what_else_lay_there_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let home = cache.path().join(PACKAGES);
        fs::create_dir_all(home.join(".x.sandbox")).unwrap();
        fs::write(home.join(".x.sandbox").join(name('d')), "a dead process's").unwrap();
        let packages = PackageCache::open(&host, ".x.sandbox").unwrap();
        fs::write(packages.incoming.join(name('a')), "whole").unwrap();
        fs::write(packages.incoming.join("hello.deb"), "no hash").unwrap();
        fs::write(packages.incoming.join(USED), "../../etc/passwd\n").unwrap();
        drop(packages);
        let left: Vec<_> = fs::read_dir(&home)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [name('a').as_str()]);
        assert_eq!(disk_usage(&host), 5);
        let packages = PackageCache::open(&host, ".y.sandbox").unwrap();
        let command = packages.add_to(Invocation::new("sh")).unwrap();
        let listed = format!("{:?}", command.env["CROSS_PACKAGES"]);
        assert!(
            listed.contains(&format!(" {} ", "a".repeat(64))),
            "{listed}"
        );
        clear(&host);
        assert_eq!(disk_usage(&host), 0);
    }

    #[test]
    fn what_was_not_used_for_long_goes_first() {
        let home = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        for (digit, age) in [('a', 0), ('b', 2), ('c', 1)] {
            let file = File::create(home.path().join(name(digit))).unwrap();
            file.set_len(10).unwrap();
            file.set_modified(long_ago + Duration::from_secs(100 - age))
                .unwrap();
        }
        trim(home.path(), 20);
        let left = cached(home.path());
        assert_eq!(left.len(), 2);
        assert!(left.iter().all(|package| !package.hash.starts_with('b')));
    }
}
