//! What a system knows of a file.

use crate::os::file_kind::FileKind;

/// What the system knows of a file, by the names of Unix.
///
/// On Windows, which has no such thing, every file belongs to the caller and has the mode 0o755,
/// or 0o555 if it is read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileFacts {
    /// What it is.
    pub kind: FileKind,
    /// Its length in bytes.
    pub len: u64,
    /// The file system that it is on. On Windows, only [`FileFacts::at`] knows it; else it is 0.
    pub device: u64,
    /// What tells it from the other files of its file system. On Windows, only [`FileFacts::at`]
    /// knows it; else it is 0.
    pub inode: u64,
    /// The number of its names.
    pub links: u64,
    /// Its type and permissions, as `st_mode`.
    pub mode: u32,
    /// The user that owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
    /// When it was last modified: seconds since 1970, and nanoseconds.
    pub modified: (i64, i64),
    /// The bytes that it takes on the disk.
    pub allocated: u64,
}

impl FileFacts {
    /// What tells the file from all others.
    pub(crate) fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_told_from_one_of_the_same_moment_and_from_an_earlier_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["one", "other", "new"] {
            fs::write(at(name), "").unwrap();
        }
        let identity = |name: &str| FileFacts::at(&at(name)).unwrap().identity();
        let (one, other) = (identity("one"), identity("other"));
        assert_ne!(one, other);
        fs::write(at("one"), "changed").unwrap();
        assert_eq!(identity("one"), one, "it is the same file");
        fs::rename(at("new"), at("one")).unwrap();
        assert_ne!(identity("one"), one, "it took its name");
        fs::create_dir(at("dir")).unwrap();
        assert_eq!(identity("dir"), identity("dir"));
        assert!(FileFacts::at(&at("none")).is_err());
    }
}
