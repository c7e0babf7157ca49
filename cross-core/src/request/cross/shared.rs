//! What every request of a `Cross` shares: offline mode, what a lock means, the job budget,
//! and the caller's variables.

use std::path::PathBuf;
use std::sync::Arc;

use cross_engine::Cancel;

use super::Cross;
use crate::request::job_budget::Budget;

impl Cross {
    /// Forbids all requests to use a network. Nothing is pulled, downloaded or installed by rustup,
    /// and cargo fetches nothing. Runs have no network either, unless the key `network` gives them
    /// one. A request that needs a download fails to plan:
    /// [`ErrorKind::Offline`](crate::ErrorKind::Offline) lists everything that is missing, and
    /// [`prefetch`](Cross::prefetch) downloads it.
    ///
    /// # Default value
    ///
    /// `false`.
    #[must_use]
    pub fn offline(mut self, yes: bool) -> Self {
        // The answers of engines do not depend on it, so they are kept.
        Arc::make_mut(&mut self.0).offline = yes;
        self
    }

    /// Refuses an environment that `Cross.lock` does not have, with
    /// [`ErrorKind::Lock`](crate::ErrorKind::Lock), instead of making it of the newest packages.
    ///
    /// # Default value
    ///
    /// The value of `CROSS_FROZEN`, else whether `CI` is set and the file exists.
    #[must_use]
    pub fn frozen(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.0).frozen = Some(yes);
        self
    }

    pub(crate) fn frozen_by_caller(&self) -> Option<bool> {
        self.0.frozen
    }

    /// Plans as if there were no lock.
    pub(crate) fn without_lock(mut self) -> Self {
        Arc::make_mut(&mut self.0).ignores_lock = true;
        self
    }

    pub(crate) fn ignores_lock(&self) -> bool {
        self.0.ignores_lock
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.0.offline
    }

    /// Shares `budget` with other requests. A listener that breaks also cancels `cancel`, which
    /// stops all of them.
    pub(crate) fn with_budget(mut self, budget: &Arc<Budget>, cancel: &Cancel) -> Self {
        let settings = Arc::make_mut(&mut self.0);
        settings.budget = Some(Arc::clone(budget));
        settings.events = settings.events.cancelling(cancel);
        self
    }

    /// Returns the path in a variable of the environment, unless it is unset or empty.
    pub(crate) fn path_variable(&self, name: &str) -> Option<PathBuf> {
        let value = self.0.env.get(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    }

    /// Returns the text in a variable of the environment, unless it is unset or empty.
    pub(crate) fn text_variable(&self, name: &str) -> Option<&str> {
        let value = self.0.env.get_str(name);
        value.filter(|value| !value.is_empty())
    }

    pub(crate) fn budget(&self) -> Option<&Arc<Budget>> {
        self.0.budget.as_ref()
    }
}
