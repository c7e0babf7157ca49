//! The manifest of an environment's directory.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::environment::blueprint::Blueprint;
use crate::process::clock;
use crate::process::error::{IoContext as _, Result};

/// The file that makes a directory an environment. It is written last.
pub(crate) const MANIFEST: &str = "environment.json";
/// What a directory's manifest says.
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
    /// Of what `blueprint` says, made now.
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

    /// That of the directory `home`, if it is whole.
    pub(crate) fn read(home: &Path) -> Option<Self> {
        let text = fs::read_to_string(home.join(MANIFEST)).ok()?;
        serde_json::from_str(&text).ok()
    }

    pub(crate) fn write(&self, home: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        let path = home.join(MANIFEST);
        fs::write(&path, text).on("write", &path)
    }

    /// Whether both are of one suite.
    pub(crate) fn is_of(&self, blueprint: &Blueprint) -> bool {
        self.suite == blueprint.suite && self.name != blueprint.name
    }

    pub(crate) fn made_at(&self) -> u64 {
        self.made_at_unix
    }
}
