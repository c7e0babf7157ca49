//! The record of the directories of a workspace that were ever `writable`. What a build wrote there
//! may name places of the host, so neither its links nor its literals are followed, even when the
//! key is gone. The record is in the cache, which no run sees.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::hash::short_hash;
use crate::model::step::Prepared;

/// Returns the directories that are and were writable, and the record if it has to change. `root`
/// is the root of the workspace.
pub(crate) fn of(
    root: &Path,
    writable: &[PathBuf],
    cache: &Path,
) -> (Vec<PathBuf>, Option<Prepared>) {
    let name = short_hash(&root.display().to_string(), 16);
    let path = cache.join("written").join(name);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let known: BTreeSet<PathBuf> = text.lines().map(PathBuf::from).collect();
    let all: BTreeSet<PathBuf> = known.iter().chain(writable).cloned().collect();
    let record = (all != known).then(|| Prepared::File {
        path,
        text: all
            .iter()
            .map(|dir| format!("{}\n", dir.display()))
            .collect(),
        executable: false,
    });
    (all.into_iter().collect(), record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files;

    #[test]
    fn what_was_writable_once_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let (root, cache) = (Path::new("/w"), dir.path());
        let paths = |names: &[&str]| names.iter().map(|name| root.join(name)).collect::<Vec<_>>();
        assert_eq!(of(root, &[], cache), (Vec::new(), None));
        let (all, record) = of(root, &paths(&["b"]), cache);
        assert_eq!(all, paths(&["b"]));
        files::prepare(record.as_slice()).unwrap();
        assert_eq!(of(root, &paths(&["b"]), cache).1, None);
        assert_eq!(of(root, &[], cache), (paths(&["b"]), None));
        assert_eq!(of(root, &paths(&["a"]), cache).0, paths(&["a", "b"]));
        assert_eq!(
            of(Path::new("/other"), &[], cache).0,
            [""; 0].map(PathBuf::from)
        );
    }
}
