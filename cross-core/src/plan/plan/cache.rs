//! What a CI system may keep between two runs of a plan, and under which key.

use std::fs;
use std::io;
use std::path::PathBuf;

use cross_engine::EnvironmentLocation;

use super::Plan;
use crate::model::error::{IoContext as _, Result};
use crate::model::hash::short_hash;

impl Plan {
    /// The key under which a CI system keeps [`cache_paths`](Plan::cache_paths):
    /// `cross-<target>-<environment and toolchain>-<Cargo.lock>`, each of the last two as twelve
    /// hexadecimal digits.
    ///
    /// What is kept under another key that is the same up to its last part is still of use: only
    /// dependencies differ. GitHub's `restore-keys` take such a part.
    ///
    /// # Errors
    ///
    /// When `Cargo.lock` is there and cannot be read.
    pub fn cache_key(&self) -> Result<String> {
        let lock = self.workspace_root.join("Cargo.lock");
        let locked = match fs::read_to_string(&lock) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.on("read", &lock)?,
        };
        let made_of = format!("{}\n{}", self.environment.name, self.toolchain);
        Ok(format!(
            "cross-{}-{}-{}",
            self.target,
            short_hash(&made_of, 12),
            short_hash(&locked, 12)
        ))
    }

    /// The directories that are worth keeping between two runs in CI, whether they are there or not:
    /// the environment, where it is a directory of the sandbox's (an image is in its engine's own
    /// store), what cargo fetched, and what was compiled.
    ///
    /// # Errors
    ///
    /// When there is no CARGO_HOME.
    pub fn cache_paths(&self) -> Result<Vec<PathBuf>> {
        let environment = match &self.environment.location {
            EnvironmentLocation::Directory(dir) => Some(dir.clone()),
            _ => None,
        };
        let home = &self.context.cargo_home;
        // Sources are unpacked from the archives and checkouts again in a moment.
        let fetched = ["registry/index", "registry/cache", "git/db"].map(|part| home.join(part));
        Ok(environment
            .into_iter()
            .chain(fetched)
            .chain([self.target_dir.clone()])
            .collect())
    }
}
