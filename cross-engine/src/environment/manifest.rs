//! The manifest of an environment's or a base's directory.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::environment::blueprint::Blueprint;
use crate::process::clock;
use crate::process::error::Result;
use crate::process::whole_file;

/// The manifest's file name. The file is written last, and a directory without it is not complete.
pub(crate) const MANIFEST: &str = "environment.json";
/// The manifest of a directory.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest {
    schema_version: u32,
    pub(crate) name: String,
    suite: String,
    packages: Vec<String>,
    pub(crate) bytes: u64,
    made_at_unix: u64,
}

impl Manifest {
    /// Creates the manifest of `blueprint`, with the current time.
    pub(crate) fn new(blueprint: &Blueprint, bytes: u64) -> Self {
        Manifest {
            schema_version: 1,
            name: blueprint.name.clone(),
            suite: blueprint.suite.clone(),
            packages: blueprint.packages.clone(),
            bytes,
            made_at_unix: clock::unix_time().as_secs(),
        }
    }

    /// The manifest of `blueprint`, before its size and its time are known.
    pub(crate) fn unfinished(blueprint: &Blueprint) -> Self {
        Manifest {
            made_at_unix: 0,
            ..Manifest::new(blueprint, 0)
        }
    }

    /// Reads the manifest in `dir`, if the directory is complete.
    pub(crate) fn read(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join(MANIFEST)).ok()?;
        serde_json::from_str(&text).ok()
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        whole_file::write(&dir.join(MANIFEST), self.text().as_bytes(), 0o644)
    }

    /// The content of the file.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Whether it is of another environment of the same suite.
    pub(crate) fn is_similar(&self, blueprint: &Blueprint) -> bool {
        self.suite == blueprint.suite && self.name != blueprint.name
    }

    pub(crate) fn built_at(&self) -> u64 {
        self.made_at_unix
    }
}
