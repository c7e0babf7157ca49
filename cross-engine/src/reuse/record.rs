//! What processes tell each other of a container that they share: a small file beside its meeting place.
//!
//! The file's time of modification is when the container was used last.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::process::clock;
use crate::process::error::{IoContext as _, Result};

const FILE: &str = "record.json";

/// The newest container under one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) key: String,
    pub(super) purpose: String,
    /// The engine's client, and the image.
    pub(super) image: String,
    pub(super) generation: u32,
    /// After how many seconds without use it ends.
    pub(super) idle: u64,
    /// When it was used last, since the Unix epoch.
    #[serde(skip)]
    pub(super) used: Duration,
}

impl Record {
    /// That of the meeting place `met`.
    pub(super) fn read(met: &Path) -> Option<Self> {
        let file = met.join(FILE);
        let modified = fs::metadata(&file).and_then(|meta| meta.modified()).ok()?;
        let text = fs::read(&file).ok()?;
        Some(Record {
            used: modified.duration_since(UNIX_EPOCH).ok()?,
            ..serde_json::from_slice(&text).ok()?
        })
    }

    /// Becomes that of the meeting place `met`, whole.
    pub(super) fn write(&self, met: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let written = tempfile::NamedTempFile::new_in(met).and_then(|mut file| {
            file.write_all(&text)?;
            file.persist(met.join(FILE)).map_err(|error| error.error)
        });
        written.map(drop).on("write", met.join(FILE))
    }

    /// Whether a container that ends after `idle` without use can be relied upon: one whose time is nearly
    /// over would end while it is entered.
    pub(super) fn is_fresh(&self, idle: Duration) -> bool {
        let margin = (idle / 4).min(Duration::from_secs(5));
        let since = clock::unix_time().saturating_sub(self.used);
        since < idle - margin
    }
}

/// Notes that the container of the meeting place `met` is used now.
pub(super) fn touch(met: &Path) {
    let now = UNIX_EPOCH + clock::unix_time();
    // If that cannot be noted, it is taken to be over too early.
    let _ = File::options()
        .write(true)
        .open(met.join(FILE))
        .and_then(|file| file.set_modified(now));
}

/// Notes that the container of the meeting place `met` is gone.
pub(super) fn expire(met: &Path) {
    let _ = File::options()
        .write(true)
        .open(met.join(FILE))
        .and_then(|file| file.set_modified(UNIX_EPOCH));
}

/// All records, with their meeting places.
pub(super) fn all(home: &Path) -> impl Iterator<Item = (PathBuf, Record)> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let met = entry.path();
        Record::read(&met).map(|record| (met, record))
    })
}
