//! Looks at the caller's files that a run sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use hmac_sha256::Hash;

use crate::os::{FileFacts, System};
use crate::process::error::{IoContext as _, Result};
use crate::process::hex::hex;
use crate::process::untrusted::limits;
use crate::remote::manifest::{Entry, Manifest, key};
use crate::spec::mount::{Access, Mount};

/// How a directory says that it is a cache, which need not be kept.
const CACHE_TAG: &str = "CACHEDIR.TAG";
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// The files of a tree: what is sent, and where each is.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) manifest: Manifest,
    /// Where the content of each entry is.
    pub(crate) places: BTreeMap<Vec<u8>, PathBuf>,
    /// The mounts that were looked at.
    pub(crate) roots: Vec<Vec<u8>>,
}

impl Scan {
    fn add(&mut self, path: &Path, entry: Entry) {
        let key = key(path);
        self.places.insert(key.clone(), path.to_owned());
        self.manifest.entries.insert(key, entry);
    }

    /// Adds the directories above `path`, and an empty file or directory at it, on which another
    /// mount is made.
    fn add_mount_point(&mut self, path: &Path, is_dir: bool, below: &Path) {
        let above = path.ancestors().skip(1);
        for dir in above.take_while(|dir| dir.starts_with(below)) {
            self.add(dir, Entry::Directory);
        }
        match is_dir {
            true => self.add(path, Entry::Directory),
            false => {
                let empty = Entry::File {
                    size: 0,
                    modified: 0,
                    mode: 0o644,
                    hash: hex(&Hash::hash(b"")),
                };
                self.manifest.entries.insert(key(path), empty);
            }
        }
    }
}

/// Looks at everything that a run sees through those of `mounts`, which are all of the run in order,
/// that `is_of_tree`. What another mount covers is not looked at, and a cache only if one of the
/// mounts that the caller has `named` is in it.
pub(crate) fn sources(
    mounts: &[Mount],
    named: &[Mount],
    is_of_tree: impl Fn(&Path) -> bool,
    with_caches: bool,
) -> Result<Scan> {
    let mut scan = Scan::default();
    let ours = mounts
        .iter()
        .filter(|mount| mount.access != Access::Scratch && is_of_tree(&mount.source));
    for mount in ours {
        let meta = fs::metadata(&mount.source).on("read", &mount.source)?;
        scan.roots.push(key(&mount.source));
        if !meta.is_dir() {
            scan.add(&mount.source, file(&meta));
            continue;
        }
        let inner = mounts.iter().filter(|inner| inner.target != mount.target);
        let covered: BTreeMap<PathBuf, &Mount> = inner
            .filter_map(|inner| {
                let below = inner.target.strip_prefix(&mount.target).ok()?;
                Some((mount.source.join(below), inner))
            })
            .collect();
        let covered_at: BTreeSet<&Path> = covered.keys().map(PathBuf::as_path).collect();
        let look = |scan: &mut Scan, root: &Path| {
            walk(root, &mut |path, meta| {
                if covered_at.contains(path) {
                    return false;
                }
                if meta.is_dir() && !with_caches && path != root && is_cache(path) {
                    return false;
                }
                if let Some(entry) = entry(path, meta) {
                    scan.add(path, entry);
                }
                true
            })
        };
        look(&mut scan, &mount.source)?;
        let named = named.iter().filter(|mount| mount.access != Access::Scratch);
        for path in named.map(|mount| mount.source.as_path()) {
            let is_elsewhere = covered_at.iter().any(|at| path.starts_with(at));
            let is_known = scan.manifest.entries.contains_key(&key(path));
            if !path.starts_with(&mount.source) || is_elsewhere || is_known {
                continue;
            }
            let above = path.ancestors().skip(1);
            for dir in above.take_while(|dir| dir.starts_with(&mount.source)) {
                scan.add(dir, Entry::Directory);
            }
            look(&mut scan, path)?;
        }
        for (place, inner) in covered {
            let is_dir = inner.access == Access::Scratch || inner.source.is_dir();
            scan.add_mount_point(&place, is_dir, &mount.source);
        }
    }
    Ok(scan)
}

/// Looks at everything in these parts of a tree.
pub(crate) fn parts<'a>(parts: impl IntoIterator<Item = &'a Path>) -> Result<Scan> {
    let mut scan = Scan::default();
    for part in parts {
        for dir in part
            .ancestors()
            .skip(1)
            .filter(|dir| dir.parent().is_some())
        {
            scan.add(dir, Entry::Directory);
        }
        walk(part, &mut |path, meta| {
            if let Some(entry) = entry(path, meta) {
                scan.add(path, entry);
            }
            true
        })?;
    }
    Ok(scan)
}

/// What a part of a tree that only grows is recorded as: its path, its size and its time.
pub(crate) fn part_key(part: &Path) -> Option<Vec<u8>> {
    let meta = fs::symlink_metadata(part).ok()?;
    let size = if meta.is_file() { meta.len() } else { 0 };
    let stamp = format!(" {size} {}", modified(&meta));
    Some([key(part), stamp.into_bytes()].concat())
}

/// The SHA-256 of the file at `path`; empty if it cannot be read.
pub(crate) fn hash(path: &Path) -> String {
    let mut hash = Hash::new();
    let mut bytes = vec![0; limits::CHUNK];
    let Ok(mut file) = File::open(path) else {
        return String::new();
    };
    loop {
        match file.read(&mut bytes) {
            Ok(0) => return hex(&hash.finalize()),
            Ok(read) => hash.update(&bytes[..read]),
            Err(_) => return String::new(),
        }
    }
}

/// Shows `root` and everything in it to `visit`, which returns whether to go into a directory.
/// Links are not followed, except that `root` may be one.
fn walk(root: &Path, visit: &mut dyn FnMut(&Path, &Metadata) -> bool) -> Result<()> {
    let meta = fs::metadata(root).on("read", root)?;
    let mut dirs = Vec::new();
    if visit(root, &meta) && meta.is_dir() {
        dirs.push(root.to_owned());
    }
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = fs::read_dir(&dir) else {
            // A run could not read it either.
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            // What is removed meanwhile is not there.
            let Ok(meta) = fs::symlink_metadata(&path) else {
                continue;
            };
            if visit(&path, &meta) && meta.is_dir() {
                dirs.push(path);
            }
        }
    }
    Ok(())
}

/// The entry for what is at `path`; `None` for what is neither file, link nor directory.
fn entry(path: &Path, meta: &Metadata) -> Option<Entry> {
    if meta.is_dir() {
        return Some(Entry::Directory);
    }
    if meta.is_file() {
        return Some(file(meta));
    }
    let to = System::HERE.for_linux(&fs::read_link(path).ok()?);
    Some(Entry::Link(to.as_os_str().as_encoded_bytes().to_vec()))
}

fn file(meta: &Metadata) -> Entry {
    Entry::File {
        size: meta.len(),
        modified: modified(meta),
        mode: FileFacts::of(meta).mode & 0o777,
        hash: String::new(),
    }
}

fn modified(meta: &Metadata) -> u128 {
    let modified = meta.modified().ok();
    let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos())
}

fn is_cache(dir: &Path) -> bool {
    let mut begin = [0; CACHE_SIGNATURE.len()];
    let read = File::open(dir.join(CACHE_TAG)).and_then(|mut tag| tag.read_exact(&mut begin));
    read.is_ok() && begin == CACHE_SIGNATURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(scan: &Scan, root: &Path) -> Vec<String> {
        let root = String::from_utf8(key(root)).unwrap();
        let keys = scan.manifest.entries.keys();
        let names = keys.map(|key| String::from_utf8(key.clone()).unwrap());
        names.map(|name| name.replacen(&root, "", 1)).collect()
    }

    #[test]
    fn what_other_mounts_cover_and_what_is_a_cache_stays() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("app");
        for file in [
            "src/main.rs",
            ".git/config",
            "out/CACHEDIR.TAG",
            "out/x/made",
            "secret",
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, CACHE_SIGNATURE).unwrap();
        }
        let mounts = [
            Mount::read(&root),
            Mount::scratch(root.join(".git")),
            Mount::write(root.join("out/x")),
            Mount::read(root.join("src/main.rs")).at(root.join("secret")),
        ];
        let of_tree = |path: &Path| path == root;
        let scan = sources(&mounts, &[], of_tree, false).unwrap();
        assert_eq!(
            keys(&scan, &root),
            [
                "",
                "/.git",
                "/out",
                "/out/x",
                "/secret",
                "/src",
                "/src/main.rs"
            ]
        );
        assert!(!scan.places.contains_key(&key(&root.join("secret"))));
        let scan = sources(&mounts, &[], of_tree, true).unwrap();
        assert!(keys(&scan, &root).contains(&"/out/CACHEDIR.TAG".to_owned()));
        assert!(!keys(&scan, &root).contains(&"/out/x/made".to_owned()));

        // What is named is looked at, and nothing that is beside it.
        for path in ["out/named/program", "out/beside"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "made").unwrap();
        }
        let named = [Mount::read(root.join("out/named"))];
        let named = [&named[..], &mounts[..]].concat();
        let scan = sources(&mounts, &named, of_tree, false).unwrap();
        let found = keys(&scan, &root);
        assert!(
            found.contains(&"/out/named/program".to_owned()),
            "{found:?}"
        );
        assert!(!found.contains(&"/out/beside".to_owned()), "{found:?}");
        assert!(!found.contains(&"/out/x/made".to_owned()), "{found:?}");
    }
}
