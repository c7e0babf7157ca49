//! The record of engines that have run a program, so that they are not verified on every call.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::process::whole_file;
use cross_engine::{EngineKind, Host};

use crate::model::error::{MapEngineError as _, Result};

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
        whole_file::write(&path, text.as_bytes(), 0o600).map_engine_error()
    }
}

fn file(cache: &Path) -> PathBuf {
    cache.join("verified-engines.json")
}
