//! The environments in engines' stores and the cache: listed, removed, and swept after a crash.

use cross_engine::{CacheUsage, Cancel, Environments, RootSource, SweepSummary};

use crate::model::error::{MapEngineError as _, Result};
use crate::request::cross::Cross;

impl Cross {
    /// Lists the environments in the store of `engine`, a name as for [`Cross::engine`].
    ///
    /// # Errors
    ///
    /// If the engine does not answer.
    pub fn environments(&self, engine: &str) -> Result<Vec<cross_engine::Environment>> {
        self.with_environments(engine, |environments, cancel| environments.list(cancel))
    }

    /// Removes what a crash of this machine left behind: our stopped containers on `engine`, a name
    /// as for [`Cross::engine`], and incomplete directories in the cache. Nothing that is in use or
    /// that other programs made is removed. Only a crash leaves anything behind.
    ///
    /// # Errors
    ///
    /// If the engine does not answer.
    pub fn sweep(&self, engine: &str) -> Result<SweepSummary> {
        self.with_environments(engine, |environments, cancel| environments.sweep(cancel))
    }

    /// Lists what the cache keeps to make environments faster: packages, and the root file systems
    /// that environments begin with. All engines share it.
    ///
    /// # Errors
    ///
    /// If no engine answers.
    pub fn stock(&self) -> Result<CacheUsage> {
        self.with_environments("auto", |environments, _| Ok(environments.cache_usage()))
    }

    /// Removes what [`stock`](Cross::stock) lists, except what is in use, and returns what was
    /// removed. Environments are kept.
    ///
    /// # Errors
    ///
    /// If no engine answers, or something cannot be removed.
    pub fn remove_stock(&self) -> Result<CacheUsage> {
        self.with_environments("auto", |environments, cancel| {
            environments.clear_cache(cancel)
        })
    }

    /// Removes an environment by its name. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// If the engine does not answer, or the environment cannot be removed.
    pub fn remove_environment(&self, engine: &str, name: &str) -> Result<bool> {
        self.with_environments(engine, |environments, cancel| {
            environments.remove(name, cancel)
        })
    }

    /// Calls `operation` with the environments of `engine`.
    fn with_environments<T>(
        &self,
        engine: &str,
        operation: impl FnOnce(Environments<'_>, &Cancel) -> cross_engine::Result<T>,
    ) -> Result<T> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, RootSource::Recipe, &host, &cancel)?;
        operation(Environments::new(&selected.engine, &host), &cancel).map_engine_error()
    }
}
