//! Files that are equal are stored once: as hard links of one file in several root file systems.
//!
//! That is sound because nothing writes into a root file system that is whole: runs see it read only,
//! and what makes one fills a directory of its own. Whoever gives it up removes names, not files.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How many root file systems are looked through for an equal file.
pub(crate) const LOOKED_THROUGH: usize = 8;

/// Replaces every file below `root` that one of `others` has, too, at the same path, with the same
/// content, owner, mode and time, by a link to that one. A file that cannot be linked stays as it is.
///
/// `spare` is a path on the same file system where nothing is.
pub(crate) fn link_equal(root: &Path, others: &[PathBuf], spare: &Path) -> io::Result<()> {
    let mut others: Vec<_> = others.iter().take(LOOKED_THROUGH).cloned().collect();
    // Links lead to files of the same file system only.
    let device = root.metadata()?.dev();
    others.retain(|other| other.metadata().is_ok_and(|meta| meta.dev() == device));
    match others.is_empty() {
        true => Ok(()),
        false => link_below(root, &others, spare),
    }
}

fn link_below(dir: &Path, others: &[PathBuf], spare: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let there = others.iter().map(|other| other.join(entry.file_name()));
        if kind.is_dir() {
            // A link to a directory would lead elsewhere.
            let is_dir = |it: &PathBuf| it.symlink_metadata().is_ok_and(|meta| meta.is_dir());
            let there: Vec<_> = there.filter(is_dir).collect();
            if !there.is_empty() {
                link_below(&path, &there, spare)?;
            }
        } else if kind.is_file() {
            let meta = entry.metadata()?;
            // What is empty occupies nothing.
            if meta.len() > 0 {
                let equal = there.into_iter().find(|it| is_equal(&path, &meta, it));
                equal.map_or(Ok(()), |equal| replace(&path, &equal, spare))?;
            }
        }
    }
    Ok(())
}

/// Whether `other` is a file that may stand for the one at `path`.
fn is_equal(path: &Path, meta: &Metadata, other: &Path) -> bool {
    let Ok(is) = other.symlink_metadata() else {
        return false;
    };
    let facts = |it: &Metadata| {
        let owner = (it.uid(), it.gid(), it.mode());
        (it.len(), owner, it.mtime(), it.mtime_nsec())
    };
    facts(&is) == facts(meta)
        && is.ino() != meta.ino()
        && !has_attributes(path)
        && !has_attributes(other)
        && same_content(path, other).unwrap_or(false)
}

/// Whether it has extended attributes, such as capabilities: hardly any file has.
fn has_attributes(path: &Path) -> bool {
    // A file system that knows none has none.
    rustix::fs::llistxattr(path, &mut [0_u8; 0]).is_ok_and(|length| length > 0)
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    const AT_ONCE: usize = 256 << 10;
    let open = |path| File::open(path).map(|file| BufReader::with_capacity(AT_ONCE, file));
    let (mut one, mut other) = (open(one)?, open(other)?);
    loop {
        let (a, b) = (one.fill_buf()?, other.fill_buf()?);
        let length = a.len().min(b.len());
        if length == 0 {
            return Ok(a.is_empty() && b.is_empty());
        }
        if a[..length] != b[..length] {
            return Ok(false);
        }
        one.consume(length);
        other.consume(length);
    }
}

/// Puts a link to `equal` in the place of `path`, which is there all the time.
fn replace(path: &Path, equal: &Path, spare: &Path) -> io::Result<()> {
    // It may be gone by now, or have as many links as it can.
    if fs::hard_link(equal, spare).is_err() {
        return Ok(());
    }
    fs::rename(spare, path)
}

/// What the files below `dir` occupy on disk, in bytes.
pub(crate) fn occupied(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += meta.blocks() * 512;
        if meta.is_dir() {
            bytes += occupied(&entry.path())?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::{Duration, SystemTime};

    fn file(path: &Path, text: &str, mode: u32, age: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(at)
            .unwrap();
    }

    #[test]
    fn only_what_is_equal_in_everything_is_linked() {
        let dir = tempfile::tempdir().unwrap();
        let (new, old) = (dir.path().join("new"), dir.path().join("old"));
        for (root, text, mode, age) in [(&new, "same", 0o644, 0), (&old, "else", 0o755, 1)] {
            file(&root.join("usr/lib/equal"), "same", 0o644, 0);
            file(&root.join("usr/lib/content"), text, 0o644, 0);
            file(&root.join("usr/lib/mode"), "same", mode, 0);
            file(&root.join("usr/lib/time"), "same", 0o644, age);
            file(&root.join("usr/lib/empty"), "", 0o644, 0);
        }
        file(&new.join("bin/through-a-link"), "same", 0o644, 0);
        file(&old.join("usr/bin/through-a-link"), "same", 0o644, 0);
        symlink("usr/bin", old.join("bin")).unwrap();
        let spare = dir.path().join("spare");
        link_equal(&new, &[dir.path().join("gone"), old.clone()], &spare).unwrap();
        let links = |path: &str| new.join(path).metadata().unwrap().nlink();
        assert_eq!(links("usr/lib/equal"), 2);
        for other in ["content", "mode", "time", "empty"] {
            assert_eq!(links(&format!("usr/lib/{other}")), 1, "{other}");
        }
        assert_eq!(links("bin/through-a-link"), 1);
        assert!(!spare.exists());
        // Removing the one leaves the other.
        fs::remove_dir_all(&old).unwrap();
        assert_eq!(
            fs::read_to_string(new.join("usr/lib/equal")).unwrap(),
            "same"
        );
    }

    #[test]
    fn long_contents_are_compared_to_their_end() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        let mut text = vec![b'x'; 3 << 20];
        fs::write(&one, &text).unwrap();
        fs::write(&other, &text).unwrap();
        assert!(same_content(&one, &other).unwrap());
        *text.last_mut().unwrap() = b'y';
        fs::write(&other, &text).unwrap();
        assert!(!same_content(&one, &other).unwrap());
    }
}
