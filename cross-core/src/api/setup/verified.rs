//! The record of engines that have run a program, so that they are not verified on every call.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cross_engine::{EngineKind, Host};

use crate::model::error::{Error, IoContext as _, Result};

/// The identity that each engine had when it ran a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verified(BTreeMap<String, String>);

impl Verified {
    /// Reads the record in the cache. It is empty if the file is missing or unreadable.
    pub(super) fn read(host: &Host) -> Self {
        let text = fs::read_to_string(file(&host.cache)).unwrap_or_default();
        Verified(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Whether the engine ran a program with this identity.
    pub(super) fn contains(&self, kind: EngineKind, identity: &str) -> bool {
        self.0
            .get(kind.name())
            .is_some_and(|recorded| recorded == identity)
    }

    /// Adds an engine.
    pub(super) fn with(mut self, kind: EngineKind, identity: String) -> Self {
        self.0.insert(kind.name().to_owned(), identity);
        self
    }

    pub(super) fn write(&self, host: &Host) -> Result<()> {
        let path = file(&host.cache);
        let text = serde_json::to_string(&self.0).unwrap_or_default();
        let mut file =
            tempfile::NamedTempFile::new_in(&host.cache).on("create a file in", &host.cache)?;
        file.write_all(text.as_bytes()).on("write", &path)?;
        file.persist(&path)
            .map(drop)
            .map_err(|error| Error::io("write", &path, error.error))
    }
}

fn file(cache: &Path) -> PathBuf {
    cache.join("verified-engines.json")
}
