//! The packages that makings obtained, kept for the next: each once, whatever environment it was for.
//!
//! A package is kept under the SHA-256 that the archive's signed index gives it. Nothing here is
//! believed: who takes one compares it with the index first (`derive.sh`), and obtains one that is
//! damaged anew.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::image::staging::remove_tree;
use crate::process::clock;
use crate::process::error::{IoContext as _, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;

/// The directory of the cache where packages are.
pub(crate) const HOME: &str = "packages";
/// The list of those that a making took.
const USED: &str = "used";
/// How many bytes are kept; what was not used for the longest time goes first.
const LIMIT: u64 = 1 << 30;
/// How many packages a making is told of: Linux limits the length of a variable.
const TOLD: usize = 1500;

/// The packages during one making. What it obtained is kept when this is dropped.
#[derive(Debug)]
pub(crate) struct Packages {
    home: PathBuf,
    incoming: PathBuf,
}

/// A package in the cache.
struct Kept {
    path: PathBuf,
    hash: String,
    bytes: u64,
    used: SystemTime,
}

impl Packages {
    /// For the making that goes on under the name `meeting`, and under its lock: what is there of it
    /// is a dead process's.
    pub(crate) fn open(host: &Host, meeting: &str) -> Result<Self> {
        let home = host.cache.join(HOME);
        let incoming = home.join(meeting);
        remove_tree(&incoming)?;
        fs::create_dir_all(&incoming).on("create directory", &incoming)?;
        Ok(Packages { home, incoming })
    }

    /// Where a making leaves what it obtained.
    pub(crate) fn incoming(&self) -> &Path {
        &self.incoming
    }

    /// `command` with the variables by which it finds the packages, and leaves others.
    pub(crate) fn shown_to(&self, command: Invocation) -> Result<Invocation> {
        let mut kept = kept(&self.home);
        kept.sort_by_key(|it| std::cmp::Reverse(it.used));
        let hashes: Vec<_> = kept.into_iter().take(TOLD).map(|it| it.hash).collect();
        Ok(command
            .env("CROSS_CACHE", utf8(&self.home)?)
            .env("CROSS_INCOMING", utf8(&self.incoming)?)
            .env("CROSS_PACKAGES", format!(" {} ", hashes.join(" "))))
    }

    /// Keeps what came, and notes what was used.
    fn adopt(&self) {
        for entry in fs::read_dir(&self.incoming).into_iter().flatten().flatten() {
            if hash_of(&entry.path()).is_some() {
                let _ = fs::rename(entry.path(), self.home.join(entry.file_name()));
            }
        }
        let now = SystemTime::UNIX_EPOCH + clock::unix_time();
        let used = fs::read_to_string(self.incoming.join(USED)).unwrap_or_default();
        for hash in used.lines() {
            let path = self.home.join(format!("{hash}.deb"));
            if hash_of(&path).is_some() {
                let _ = File::options()
                    .append(true)
                    .open(path)
                    .and_then(|it| it.set_modified(now));
            }
        }
        let _ = remove_tree(&self.incoming);
    }
}

impl Drop for Packages {
    fn drop(&mut self) {
        self.adopt();
        trim(&self.home, LIMIT);
    }
}

/// What the packages in the cache of `host` occupy.
pub(crate) fn bytes(host: &Host) -> u64 {
    kept(&host.cache.join(HOME)).iter().map(|it| it.bytes).sum()
}

/// Removes every package from the cache of `host`.
pub(crate) fn forget(host: &Host) {
    trim(&host.cache.join(HOME), 0);
}

/// Removes what was not used for the longest time, until there are no more than `limit` bytes. Who
/// is about to take one that goes obtains it instead.
fn trim(home: &Path, limit: u64) {
    let mut kept = kept(home);
    kept.sort_by_key(|it| std::cmp::Reverse(it.used));
    let mut sum = 0;
    for package in kept {
        sum += package.bytes;
        if sum > limit {
            let _ = fs::remove_file(package.path);
        }
    }
}

fn kept(home: &Path) -> Vec<Kept> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let (path, meta) = (entry.path(), entry.metadata().ok()?);
            Some(Kept {
                hash: hash_of(&path)?.to_owned(),
                path,
                bytes: meta.len(),
                used: meta.modified().ok()?,
            })
        })
        .collect()
}

/// The hash that a package's file is named by.
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
        let home = cache.path().join(HOME);
        fs::create_dir_all(home.join(".x.sandbox")).unwrap();
        fs::write(home.join(".x.sandbox").join(name('d')), "a dead process's").unwrap();
        let packages = Packages::open(&host, ".x.sandbox").unwrap();
        fs::write(packages.incoming.join(name('a')), "whole").unwrap();
        fs::write(packages.incoming.join("hello.deb"), "no hash").unwrap();
        fs::write(packages.incoming.join(USED), "../../etc/passwd\n").unwrap();
        drop(packages);
        let left: Vec<_> = fs::read_dir(&home)
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        assert_eq!(left, [name('a').as_str()]);
        assert_eq!(bytes(&host), 5);
        let told = Packages::open(&host, ".y.sandbox").unwrap();
        let told = told.shown_to(Invocation::new("sh")).unwrap();
        let told = format!("{:?}", told.env["CROSS_PACKAGES"]);
        assert!(told.contains(&format!(" {} ", "a".repeat(64))), "{told}");
        forget(&host);
        assert_eq!(bytes(&host), 0);
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
        let left = kept(home.path());
        assert_eq!(left.len(), 2);
        assert!(left.iter().all(|it| !it.hash.starts_with('b')));
    }
}
