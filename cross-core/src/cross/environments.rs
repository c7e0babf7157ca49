//! The environments that engines hold: listed, removed, and swept after a crash.

use cross_engine::{Cancel, Environments, Needs, Swept};

use super::Cross;
use crate::error::{EngineContext as _, Result};

impl Cross {
    /// The environments that `engine` (a name as for [`Cross::engine`]) holds.
    ///
    /// # Errors
    ///
    /// When no such engine answers.
    pub fn environments(&self, engine: &str) -> Result<Vec<cross_engine::Environment>> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, Needs::Recipe, &host, &cancel)?;
        Environments::new(&selected.engine, &host)
            .list(&cancel)
            .engine()
    }

    /// Removes what a crash of this machine left behind: containers of ours that do not run any more on
    /// `engine` (a name as for [`Cross::engine`]), and half-made directories of the cache. Nothing that is
    /// in use, and nothing that others made. After anything less than a crash there is nothing to do.
    ///
    /// # Errors
    ///
    /// When no such engine answers.
    pub fn sweep(&self, engine: &str) -> Result<Swept> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, Needs::Recipe, &host, &cancel)?;
        Environments::new(&selected.engine, &host)
            .sweep(&cancel)
            .engine()
    }

    /// Removes an environment by its name; says whether it was there.
    ///
    /// # Errors
    ///
    /// When no such engine answers, or the environment cannot be removed.
    pub fn remove_environment(&self, engine: &str, name: &str) -> Result<bool> {
        let (host, cancel) = (self.host()?, Cancel::new());
        let selected = self.select(engine, Needs::Recipe, &host, &cancel)?;
        Environments::new(&selected.engine, &host)
            .remove(name, &cancel)
            .engine()
    }
}
