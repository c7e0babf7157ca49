//! The record of a shared container: a small file, by which processes find it.
//!
//! The file's modification time is the time of the container's last use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::process::clock;
use crate::process::error::Result;
use crate::process::whole_file;

const FILE: &str = "record.json";

/// The newest container of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) key: String,
    pub(super) purpose: String,
    /// The engine's client, and the image.
    pub(super) image: String,
    pub(super) generation: u32,
    /// The time to live of the idle container, in seconds.
    pub(super) idle: u64,
    /// The time of the last use, since the Unix epoch.
    #[serde(skip)]
    pub(super) used: Duration,
}

impl Record {
    /// Reads the record in a container's directory.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        let file = dir.join(FILE);
        let modified = fs::metadata(&file).and_then(|meta| meta.modified()).ok()?;
        let text = fs::read(&file).ok()?;
        Some(Record {
            used: modified.duration_since(UNIX_EPOCH).ok()?,
            ..serde_json::from_slice(&text).ok()?
        })
    }

    /// Writes the record to a container's directory, atomically.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        whole_file::write(&dir.join(FILE), &text, 0o600)
    }

    /// Whether a container with this time to live can be relied on. One whose time is nearly over
    /// would end while a run enters it.
    pub(super) fn is_fresh(&self, time_to_live: Duration) -> bool {
        let margin = (time_to_live / 4).min(Duration::from_secs(5));
        let idle = clock::unix_time().saturating_sub(self.used);
        idle < time_to_live - margin
    }
}

/// Records a use of the container now.
pub(super) fn touch(dir: &Path) {
    let now = UNIX_EPOCH + clock::unix_time();
    // Otherwise the container is taken to be gone too early, which does no harm.
    let _ = File::options()
        .write(true)
        .open(dir.join(FILE))
        .and_then(|file| file.set_modified(now));
}

/// Records that the container is gone.
pub(super) fn expire(dir: &Path) {
    let _ = File::options()
        .write(true)
        .open(dir.join(FILE))
        .and_then(|file| file.set_modified(UNIX_EPOCH));
}

/// All records, with their containers' directories.
pub(super) fn all(parent: &Path) -> impl Iterator<Item = (PathBuf, Record)> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let dir = entry.path();
        Record::read(&dir).map(|record| (dir, record))
    })
}
