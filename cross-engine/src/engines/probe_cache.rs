//! Answers of probes, remembered on disk together with what they depend on.
//!
//! An entry holds the stamps of the files it depends on. It is believed only while every one of
//! them is unchanged; what depends on more than files has it in its key. Entries are written whole,
//! so that processes side by side see an old one or a new one.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::process::untrusted::{Dir, limits};

/// The state of a file when an answer was given: it changes whenever the file does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stamp {
    path: PathBuf,
    /// Inode, size, and time of last modification in seconds and nanoseconds; `None` if there is no
    /// such file.
    state: Option<(u64, u64, i64, i64)>,
}

impl Stamp {
    /// The state of the file or directory at `path` now.
    pub fn of(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let state = fs::metadata(&path)
            .ok()
            .map(|meta| (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()));
        Stamp { path, state }
    }

    fn changed_since(&self, time: Duration) -> bool {
        let modified = self.state.map_or((0, 0), |(.., s, ns)| (s, ns));
        let time = (time.as_secs(), time.subsec_nanos());
        (
            u64::try_from(modified.0).unwrap_or(0),
            u32::try_from(modified.1).unwrap_or(0),
        ) >= time
    }

    fn still_holds(&self) -> bool {
        Stamp::of(&self.path) == *self
    }
}

/// A directory of remembered answers. That nothing can be remembered is never an error: the question
/// is asked again.
#[derive(Clone, Debug)]
pub struct Memory(PathBuf);

#[derive(Serialize, Deserialize)]
struct Entry<T> {
    key: String,
    stamps: Vec<Stamp>,
    answer: T,
}

impl Memory {
    /// The memory below a cache directory.
    pub fn in_cache(cache: &Path) -> Self {
        // The version changes with the meaning of what is stored.
        Memory(cache.join("probes-v1"))
    }

    /// The answer that was remembered as `name` for `key`, if nothing it depends on has changed.
    pub fn recall<T: DeserializeOwned>(&self, name: &str, key: &str) -> Option<T> {
        let text = read_own(&self.0, name)?;
        let entry: Entry<T> = serde_json::from_slice(&text).ok()?;
        let valid = entry.key == key && entry.stamps.iter().all(Stamp::still_holds);
        valid.then_some(entry.answer)
    }

    /// Remembers `answer` as `name` for `key`, as long as `stamps` hold. `asked` is when the question
    /// was asked, as [`clock::unix_time`](crate::process::clock::unix_time) said: if a file has changed since,
    /// nobody knows which state of it the answer is about, and nothing is remembered.
    pub fn remember<T: Serialize>(
        &self,
        name: &str,
        key: &str,
        stamps: Vec<Stamp>,
        asked: Duration,
        answer: &T,
    ) {
        if stamps.iter().any(|stamp| stamp.changed_since(asked)) {
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
        let written = fs::create_dir_all(&self.0).and_then(|()| {
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            file.write_all(&text)?;
            file.persist(self.0.join(name))?;
            Ok(())
        });
        // A cache that cannot be written is a slower one, no more.
        drop(written);
    }
}

/// The file `name` in `dir`, if it is a regular file of this user's and not too large: whatever else is
/// there was not remembered by this library.
fn read_own(dir: &Path, name: &str) -> Option<Vec<u8>> {
    let file = Dir::open(dir).and_then(|dir| dir.file(name)).ok()?;
    let owner = file.as_file().metadata().ok()?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        return None;
    }
    file.bytes(limits::SOURCE).ok()
}

/// Sixteen hexadecimal digits for a name of what belongs to `key`. That two keys have the same is nothing bad
/// where what is kept under the name says which key it is of.
pub(crate) fn short_name(key: &str) -> String {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment after everything the test has written.
    fn later() -> Duration {
        crate::process::clock::unix_time() + Duration::from_secs(1)
    }

    #[test]
    fn a_file_that_changed_after_the_question_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let asked = crate::process::clock::unix_time() - Duration::from_secs(1);
        let file = dir.path().join("Cargo.toml");
        fs::write(&file, "changed meanwhile").unwrap();
        let memory = Memory::in_cache(dir.path());
        memory.remember("it", "k", vec![Stamp::of(&file)], asked, &7_u32);
        assert_eq!(memory.recall::<u32>("it", "k"), None);
    }

    #[test]
    fn an_answer_holds_until_a_file_it_depends_on_changes() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("Cargo.toml");
        fs::write(&file, "a").unwrap();
        let memory = Memory::in_cache(dir.path());
        memory.remember("it", "k", vec![Stamp::of(&file)], later(), &7_u32);
        assert_eq!(memory.recall::<u32>("it", "k"), Some(7));
        assert_eq!(memory.recall::<u32>("it", "other key"), None);
        fs::write(&file, "ab").unwrap();
        assert_eq!(memory.recall::<u32>("it", "k"), None);
    }

    #[test]
    fn a_file_that_appears_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let memory = Memory::in_cache(dir.path());
        memory.remember("it", "k", vec![Stamp::of(&file)], later(), &"x".to_owned());
        assert!(memory.recall::<String>("it", "k").is_some());
        fs::write(&file, "").unwrap();
        assert_eq!(memory.recall::<String>("it", "k"), None);
    }

    #[test]
    fn what_is_no_file_is_neither_waited_for_nor_followed() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::in_cache(dir.path());
        memory.remember("it", "k", vec![], later(), &1_u32);
        let entry = dir.path().join("probes-v1/it");
        let moved = dir.path().join("moved");
        fs::rename(&entry, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, &entry).unwrap();
        assert_eq!(memory.recall::<u32>("it", "k"), None);
        fs::remove_file(&entry).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &entry,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        assert_eq!(memory.recall::<u32>("it", "k"), None);
    }

    #[test]
    fn a_broken_entry_is_no_answer() {
        let dir = tempfile::tempdir().unwrap();
        let memory = Memory::in_cache(dir.path());
        memory.remember("it", "k", vec![], later(), &1_u32);
        fs::write(dir.path().join("probes-v1/it"), "{").unwrap();
        assert_eq!(memory.recall::<u32>("it", "k"), None);
    }
}
