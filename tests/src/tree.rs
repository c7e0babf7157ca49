//! Snapshots of directory trees, to find changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The state of a directory tree at one moment.
#[derive(Clone, Debug, Default)]
pub struct Tree(BTreeMap<PathBuf, Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    is_dir: bool,
    mode: u32,
    /// When it was last changed. The directory shows a file that was created and removed again.
    changed: (i64, i64),
    content: u64,
}

impl Tree {
    /// Reads the current state of `dirs`, by full paths.
    pub fn of(dirs: &[&Path]) -> Self {
        let mut tree = Tree::default();
        for dir in dirs {
            tree.enter(dir);
        }
        tree
    }

    fn enter(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let mut content = DefaultHasher::new();
            if meta.is_file() {
                fs::read(&path).unwrap().hash(&mut content);
            }
            if meta.is_dir() {
                self.enter(&path);
            }
            let entry = Entry {
                is_dir: meta.is_dir(),
                mode: meta.mode(),
                changed: (meta.mtime(), meta.mtime_nsec()),
                content: content.finish(),
            };
            self.0.insert(path, entry);
        }
    }

    /// Returns the paths that were added, removed or changed between `self` and `later`.
    pub fn changes(&self, later: &Tree) -> BTreeSet<PathBuf> {
        let paths = self.0.keys().chain(later.0.keys());
        paths
            .filter(|path| self.0.get(*path) != later.0.get(*path))
            .cloned()
            .collect()
    }

    /// Returns the [`changes`](Tree::changes) without directories.
    pub fn changed_files(&self, later: &Tree) -> BTreeSet<PathBuf> {
        let mut changes = self.changes(later);
        let both_dirs = |path: &Path| {
            let is_dir = |tree: &Tree| tree.0.get(path).is_some_and(|entry| entry.is_dir);
            is_dir(self) && is_dir(later)
        };
        changes.retain(|path| !both_dirs(path));
        changes
    }

    /// Whether `path` exists.
    pub fn has(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }
}
