//! The record of the directories of a workspace that were ever `writable`. What a build wrote there
//! may name places of the host, so neither its links nor its literals are followed, even when the
//! key is gone. The record is in the cache, which no run sees.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::error::{Error, Result};
use crate::model::hash::short_hash;
use crate::model::step::Prepared;

/// Returns the directories that are and were writable, and the record if it has to change. `root`
/// is the root of the workspace.
///
/// # Errors
///
/// [`ErrorKind::Io`] if there is a record that cannot be read: what it protects would not be known.
///
/// [`ErrorKind::Io`]: crate::model::error::ErrorKind::Io
pub(crate) fn of(
    root: &Path,
    writable: &[PathBuf],
    cache: &Path,
) -> Result<(Vec<PathBuf>, Option<Prepared>)> {
    let name = short_hash(&root.display().to_string(), 16);
    let path = cache.join("written").join(name);
    let text = match fs::read_to_string(&path) {
        // Below a file there is no record either. Whoever makes the cache says what is in the way.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            String::new()
        }
        text => text.map_err(|error| {
            Error::io("read", &path, error).with_help(
                "remove the file; then links and literals in directories that were `writable` once are \
                 followed again",
            )
        })?,
    };
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
    Ok((all.into_iter().collect(), record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::files;
    use crate::model::error::ErrorKind;

    #[test]
    fn what_was_writable_once_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let (root, cache) = (Path::new("/w"), dir.path());
        let paths = |names: &[&str]| names.iter().map(|name| root.join(name)).collect::<Vec<_>>();
        assert_eq!(of(root, &[], cache).unwrap(), (Vec::new(), None));
        let (all, record) = of(root, &paths(&["b"]), cache).unwrap();
        assert_eq!(all, paths(&["b"]));
        files::prepare(record.as_slice()).unwrap();
        assert_eq!(of(root, &paths(&["b"]), cache).unwrap().1, None);
        assert_eq!(of(root, &[], cache).unwrap(), (paths(&["b"]), None));
        assert_eq!(
            of(root, &paths(&["a"]), cache).unwrap().0,
            paths(&["a", "b"])
        );
        assert_eq!(
            of(Path::new("/other"), &[], cache).unwrap().0,
            [""; 0].map(PathBuf::from)
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_cache_below_a_file_has_no_record() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let none = of(Path::new("/w"), &[], &file.join("cache")).unwrap();
        assert_eq!(none, (Vec::new(), None));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_not_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (root, cache) = (Path::new("/w"), dir.path());
        let (_, record) = of(root, &[root.join("b")], cache).unwrap();
        files::prepare(record.as_slice()).unwrap();
        let Some(Prepared::File { path, .. }) = record else {
            panic!("{record:?}");
        };
        fs::write(&path, [0xff, 0xfe]).unwrap();
        let error = of(root, &[], cache).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert!(error.help().unwrap().contains("remove the file"));
    }
}
