//! A cache of probe results on disk, with the state of the files that each depends on.
//!
//! An entry has the stamps of the files that it depends on, and is valid only while every one of
//! them is unchanged. What it depends on besides files is part of its key. Entries are written
//! atomically, so that concurrent processes see either the old or the new one.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::os::{self, FileFacts};
use crate::process::untrusted::{Dir, limits};
use crate::process::whole_file;

/// The state of a file, which changes whenever the file does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileStamp {
    path: PathBuf,
    /// Inode, size, and modification time in seconds and nanoseconds; `None` if there is no such
    /// file.
    state: Option<(u64, u64, i64, i64)>,
    /// A hash of the names in the directory, if only these matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<u64>,
}

impl FileStamp {
    /// Returns the current state of the file or directory at `path`.
    pub fn of(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let state = FileFacts::at(&path).ok().map(|facts| {
            let (seconds, nanoseconds) = facts.modified;
            (facts.inode, facts.len, seconds, nanoseconds)
        });
        FileStamp {
            path,
            state,
            names: None,
        }
    }

    /// Returns the state of the directory at `path`, which changes only when a name appears in it
    /// or disappears. A directory that cannot be read has no names.
    pub fn of_names(path: impl Into<PathBuf>) -> Self {
        let stamp = FileStamp::of(path);
        FileStamp {
            names: Some(hash_of_names(&stamp.path)),
            ..stamp
        }
    }

    fn changed_since(&self, time: Duration) -> bool {
        let modified = self.state.map_or((0, 0), |(.., s, ns)| (s, ns));
        let time = (time.as_secs(), time.subsec_nanos());
        (
            u64::try_from(modified.0).unwrap_or(0),
            u32::try_from(modified.1).unwrap_or(0),
        ) >= time
    }

    fn is_current(&self) -> bool {
        match self.names {
            Some(names) => hash_of_names(&self.path) == names,
            None => FileStamp::of(&self.path) == *self,
        }
    }
}

fn hash_of_names(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort_unstable();
    let mut hasher = DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish()
}

/// A directory of probe results. A cache that does not exist or cannot be written is never an
/// error; the probe runs again.
#[derive(Clone, Debug)]
pub struct ProbeCache(PathBuf);

#[derive(Serialize, Deserialize)]
struct Entry<T> {
    key: String,
    stamps: Vec<FileStamp>,
    answer: T,
}

impl ProbeCache {
    /// The probe cache in a cache directory.
    pub fn in_cache(cache: &Path) -> Self {
        // The version changes with the meaning of the entries.
        ProbeCache(cache.join("probes-v1"))
    }

    /// Returns the answer that is stored as `name` for `key`, if nothing that it depends on has
    /// changed.
    pub fn get<T: DeserializeOwned>(&self, name: &str, key: &str) -> Option<T> {
        let text = read_own(&self.0, name)?;
        let entry: Entry<T> = serde_json::from_slice(&text).ok()?;
        let is_valid = entry.key == key && entry.stamps.iter().all(FileStamp::is_current);
        is_valid.then_some(entry.answer)
    }

    /// Stores `answer` as `name` for `key`, for as long as `stamps` are current. `asked_at` is the
    /// time of the probe, as given by [`clock::unix_time`](crate::process::clock::unix_time). If a
    /// file has changed since then, it is unknown which state of it the answer is about, and
    /// nothing is stored.
    pub fn insert<T: Serialize>(
        &self,
        name: &str,
        key: &str,
        stamps: Vec<FileStamp>,
        asked_at: Duration,
        answer: &T,
    ) {
        if stamps.iter().any(|stamp| stamp.changed_since(asked_at)) {
            return;
        }
        let entry = Entry {
            key: key.to_owned(),
            stamps,
            answer,
        };
        let Ok(text) = serde_json::to_vec(&entry) else {
            return;
        };
        // The caller creates the cache itself, or refuses it.
        let created = fs::create_dir(&self.0);
        if created.is_err_and(|error| error.kind() != io::ErrorKind::AlreadyExists) {
            return;
        }
        // A cache that cannot be written only makes the next call slower.
        let _ = whole_file::write(&self.0.join(name), &text, 0o600);
    }
}

/// Reads the file `name` in `dir`, if it is a regular file of this user and not too large. Anything
/// else was not stored by this library.
fn read_own(dir: &Path, name: &str) -> Option<Vec<u8>> {
    let file = Dir::open(dir).and_then(|dir| dir.file(name)).ok()?;
    let owner = FileFacts::of(&file.as_file().metadata().ok()?).uid;
    if owner != os::users::uid() {
        return None;
    }
    file.bytes(limits::SOURCE).ok()
}

/// A hash of `key` in sixteen hexadecimal digits, for file names. Two keys may have the same hash,
/// so what is stored under the name has to contain the key.
pub(crate) fn short_hash(key: &str) -> String {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time after everything that the test writes.
    fn later() -> Duration {
        crate::process::clock::unix_time() + Duration::from_secs(1)
    }

    #[test]
    fn a_file_that_changed_after_the_question_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let asked = crate::process::clock::unix_time() - Duration::from_secs(1);
        let file = dir.path().join("Cargo.toml");
        fs::write(&file, "changed meanwhile").unwrap();
        let cache = ProbeCache::in_cache(dir.path());
        cache.insert("it", "k", vec![FileStamp::of(&file)], asked, &7_u32);
        assert_eq!(cache.get::<u32>("it", "k"), None);
    }

    #[test]
    fn an_answer_holds_until_a_file_it_depends_on_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("Cargo.toml");
        fs::write(&file, "a").unwrap();
        let cache = ProbeCache::in_cache(dir.path());
        cache.insert("it", "k", vec![FileStamp::of(&file)], later(), &7_u32);
        assert_eq!(cache.get::<u32>("it", "k"), Some(7));
        assert_eq!(cache.get::<u32>("it", "other key"), None);
        fs::write(&file, "ab").unwrap();
        assert_eq!(cache.get::<u32>("it", "k"), None);
    }

    #[test]
    fn a_file_that_appears_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let cache = ProbeCache::in_cache(dir.path());
        cache.insert(
            "it",
            "k",
            vec![FileStamp::of(&file)],
            later(),
            &"x".to_owned(),
        );
        assert!(cache.get::<String>("it", "k").is_some());
        fs::write(&file, "").unwrap();
        assert_eq!(cache.get::<String>("it", "k"), None);
    }

    #[test]
    fn a_name_that_appears_in_a_directory_is_a_change_and_new_content_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let tests = dir.path().join("tests");
        let cache = ProbeCache::in_cache(dir.path());
        let insert = || {
            let stamps = vec![FileStamp::of_names(&tests)];
            cache.insert("it", "k", stamps, later(), &7_u32);
        };
        let is_valid = || cache.get::<u32>("it", "k").is_some();
        insert();
        assert!(is_valid());
        fs::create_dir(&tests).unwrap();
        assert!(is_valid(), "an empty directory is like none");
        fs::write(tests.join("a.rs"), "").unwrap();
        assert!(!is_valid());
        insert();
        fs::write(tests.join("a.rs"), "changed").unwrap();
        assert!(is_valid());
        fs::rename(tests.join("a.rs"), tests.join("b.rs")).unwrap();
        assert!(!is_valid());
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let cache = ProbeCache::in_cache(dir.path());
        cache.insert("it", "k", vec![], later(), &1_u32);
        let entry = dir.path().join("probes-v1/it");
        let moved = dir.path().join("moved");
        fs::rename(&entry, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, &entry).unwrap();
        assert_eq!(cache.get::<u32>("it", "k"), None);
        fs::remove_file(&entry).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &entry,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        assert_eq!(cache.get::<u32>("it", "k"), None);
    }

    #[test]
    fn a_broken_entry_is_no_answer() {
        let dir = tempfile::tempdir().unwrap();
        let cache = ProbeCache::in_cache(dir.path());
        cache.insert("it", "k", vec![], later(), &1_u32);
        fs::write(dir.path().join("probes-v1/it"), "{").unwrap();
        assert_eq!(cache.get::<u32>("it", "k"), None);
    }
}
