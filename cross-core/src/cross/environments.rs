//! The environments that engines hold: listed, removed, and swept after a crash.

use cross_engine::{CacheUsage, Cancel, Environments, RootSource, SweepSummary};

use super::Cross;
use crate::error::{EngineContext as _, Result};

impl Cross {
    /// The environments that `engine` (a name as for [`Cross::engine`]) holds.
    ///
    /// # Errors
    ///
    /// When no such engine answers.
    pub fn environments(&self, engine: &str) -> Result<Vec<cross_engine::Environment>> {
        self.of_engine(engine, |held, cancel| held.list(cancel))
    }

    /// Removes what a crash of this machine left behind: containers of ours that do not run any more on
    /// `engine` (a name as for [`Cross::engine`]), and half-made directories of the cache. Nothing that is
    /// in use, and nothing that others made. After anything less than a crash there is nothing to do.
    ///
    /// # Errors
    ///
    /// When no such engine answers.
    pub fn sweep(&self, engine: &str) -> Result<SweepSummary> {
        self.of_engine(engine, |held, cancel| held.sweep(cancel))
    }

    /// What the cache keeps so that environments are made sooner: packages, and what environments begin
    /// with. It is the same for all engines.
    ///
    /// # Errors
    ///
    /// When no engine answers.
    pub fn stock(&self) -> Result<CacheUsage> {
        self.of_engine("auto", |held, _| Ok(held.cache_usage()))
    }

    /// Removes what [`stock`](Cross::stock) tells of, but for what is in use at this moment; says what was
    /// removed. Environments stay as they are.
    ///
    /// # Errors
    ///
    /// When no engine answers, or something cannot be removed.
    pub fn remove_stock(&self) -> Result<CacheUsage> {
        self.of_engine("auto", |held, cancel| held.clear_cache(cancel))
    }

    /// Removes an environment by its name; says whether it was there.
    ///
    /// # Errors
    ///
    /// When no such engine answers, or the environment cannot be removed.
    pub fn remove_environment(&self, engine: &str, name: &str) -> Result<bool> {
        self.of_engine(engine, |held, cancel| held.remove(name, cancel))
    }

    /// What `ask` learns of the environments that `engine` holds.
    fn of_engine<T>(
        &self,
        engine: &str,
        ask: impl FnOnce(Environments<'_>, &Cancel) -> cross_engine::Result<T>,
    ) -> Result<T> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, RootSource::Recipe, &host, &cancel)?;
        ask(Environments::new(&selected.engine, &host), &cancel).engine()
    }
}
