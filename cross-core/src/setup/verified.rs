//! What is remembered of engines that have run something: so that it is not run at every call.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use cross_engine::{EngineKind, Host};

use crate::error::{Error, IoContext as _, Result};

/// For each engine the identity under which it ran something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verified(BTreeMap<String, String>);

impl Verified {
    /// What is remembered in this cache: nothing, where the file is missing or unreadable.
    pub(super) fn read(host: &Host) -> Self {
        let text = fs::read_to_string(file(&host.cache)).unwrap_or_default();
        Verified(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Whether the engine ran something when it was what it is now.
    pub(super) fn knows(&self, kind: EngineKind, identity: &str) -> bool {
        self.0
            .get(kind.name())
            .is_some_and(|known| known == identity)
    }

    /// With this engine.
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
