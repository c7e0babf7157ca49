//! The CI cache of a plan: its key and its paths.

use std::fs;
use std::io;
use std::path::PathBuf;

use cross_engine::EnvironmentLocation;

use super::Plan;
use crate::model::error::{IoContext as _, Result};
use crate::model::hash::short_hash;

impl Plan {
    /// Returns the key for a CI cache of [`cache_paths`](Plan::cache_paths):
    /// `cross-<target>-<environment and toolchain>-<Cargo.lock>`. The last two parts are hashes of
    /// twelve hexadecimal digits. The environment counts with all that a target directory is for:
    /// the version of an SDK, the oldest version of Apple's system, and whether the build is
    /// reproducible. Paths of this machine do not count, except those of a toolchain in a directory
    /// and of the tools of the engine `host`.
    ///
    /// A cache whose key differs only in the last part is still useful, since only dependencies
    /// differ. GitHub's `restore-keys` accept such a prefix.
    ///
    /// # Errors
    ///
    /// If `Cargo.lock` exists and cannot be read.
    pub fn cache_key(&self) -> Result<String> {
        let lock = self.workspace_root.join("Cargo.lock");
        let contents = match fs::read_to_string(&lock) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.on("read", &lock)?,
        };
        let environment = format!("{}\n{}", self.compiled_for, self.toolchain);
        Ok(format!(
            "cross-{}-{}-{}",
            self.target,
            short_hash(&environment, 12),
            short_hash(&contents, 12)
        ))
    }

    /// Returns the directories that are worth caching between runs in CI, whether they exist or
    /// not: the sandbox's environment, cargo's downloads, and the target directory. The image of
    /// another engine is in that engine's own store.
    ///
    /// # Errors
    ///
    /// If CARGO_HOME is unknown.
    pub fn cache_paths(&self) -> Result<Vec<PathBuf>> {
        let environment = match &self.environment.location {
            EnvironmentLocation::Directory(dir) => Some(dir.clone()),
            _ => None,
        };
        let home = &self.context.cargo_home;
        // Cargo quickly unpacks sources from archives and checkouts again.
        let downloads = ["registry/index", "registry/cache", "git/db"].map(|part| home.join(part));
        Ok(environment
            .into_iter()
            .chain(downloads)
            .chain([self.target_dir.clone()])
            .collect())
    }
}
