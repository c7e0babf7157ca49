//! Deduplication of root file systems: equal files become hard links of one file.
//!
//! This is safe because nothing writes to a complete root file system: runs mount it read only, and
//! every build has a directory of its own. Removing a root file system removes links, not files.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use crate::os::{self, FileFacts};

/// The number of root file systems that are searched for equal files.
pub(crate) const MAX_SEARCHED: usize = 8;

/// Replaces every file below `root` by a hard link if one of `others` has a file at the same path
/// with the same content, owner, mode and time. A file that cannot be linked stays as it is.
///
/// `scratch` is a path on the same file system that does not exist.
pub(crate) fn link_equal(root: &Path, others: &[PathBuf], scratch: &Path) -> io::Result<()> {
    let mut others: Vec<_> = others.iter().take(MAX_SEARCHED).cloned().collect();
    // Hard links cannot cross file systems.
    let device = FileFacts::of(&root.metadata()?).device;
    let is_near = |meta: Metadata| FileFacts::of(&meta).device == device;
    others.retain(|other| other.metadata().is_ok_and(is_near));
    match others.is_empty() {
        true => Ok(()),
        false => link_below(root, &others, scratch),
    }
}

fn link_below(dir: &Path, others: &[PathBuf], scratch: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let candidates = others.iter().map(|other| other.join(entry.file_name()));
        if kind.is_dir() {
            // Symbolic links are not followed.
            let is_dir = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
            let candidates: Vec<_> = candidates.filter(is_dir).collect();
            if !candidates.is_empty() {
                link_below(&path, &candidates, scratch)?;
            }
        } else if kind.is_file() {
            let meta = entry.metadata()?;
            // An empty file takes no space.
            if meta.len() > 0 {
                let equal = candidates
                    .into_iter()
                    .find(|candidate| is_equal(&path, &meta, candidate));
                equal.map_or(Ok(()), |equal| replace(&path, &equal, scratch))?;
            }
        }
    }
    Ok(())
}

/// Whether the file `other` can replace the one at `path`.
fn is_equal(path: &Path, meta: &Metadata, other: &Path) -> bool {
    let Ok(other_meta) = other.symlink_metadata() else {
        return false;
    };
    let (facts, other_facts) = (FileFacts::of(meta), FileFacts::of(&other_meta));
    let properties = |facts: &FileFacts| {
        let owner = (facts.uid, facts.gid, facts.mode);
        (facts.len, owner, facts.modified)
    };
    properties(&other_facts) == properties(&facts)
        && other_facts.inode != facts.inode
        && !os::has_attributes(path)
        && !os::has_attributes(other)
        && has_same_content(path, other).unwrap_or(false)
}

fn has_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    const BUFFER_SIZE: usize = 256 << 10;
    let open = |path| File::open(path).map(|file| BufReader::with_capacity(BUFFER_SIZE, file));
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

/// Replaces `path` by a hard link to `equal`, atomically.
fn replace(path: &Path, equal: &Path, scratch: &Path) -> io::Result<()> {
    // It may have been removed, or may have reached the limit of links.
    if fs::hard_link(equal, scratch).is_err() {
        return Ok(());
    }
    fs::rename(scratch, path)
}

/// The disk usage of the files below `dir`, in bytes.
pub(crate) fn disk_usage(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += FileFacts::of(&meta).allocated;
        if meta.is_dir() {
            bytes += disk_usage(&entry.path())?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::os::unix::fs::symlink;
    #[cfg(unix)]
    use std::time::{Duration, SystemTime};

    #[cfg(unix)]
    fn file(path: &Path, text: &str, mode: u32, age: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        os::set_mode(path, mode).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(at)
            .unwrap();
    }

    #[cfg(unix)]
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
        let scratch = dir.path().join("spare");
        link_equal(&new, &[dir.path().join("gone"), old.clone()], &scratch).unwrap();
        let links = |path: &str| FileFacts::of(&new.join(path).metadata().unwrap()).links;
        assert_eq!(links("usr/lib/equal"), 2);
        for other in ["content", "mode", "time", "empty"] {
            assert_eq!(links(&format!("usr/lib/{other}")), 1, "{other}");
        }
        assert_eq!(links("bin/through-a-link"), 1);
        assert!(!scratch.exists());
        // Removing one leaves the other.
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
        assert!(has_same_content(&one, &other).unwrap());
        *text.last_mut().unwrap() = b'y';
        fs::write(&other, &text).unwrap();
        assert!(!has_same_content(&one, &other).unwrap());
    }
}
