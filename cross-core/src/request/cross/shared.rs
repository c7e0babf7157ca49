//! Settings that every request of a `Cross` shares: offline mode and the job budget.

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

    pub(crate) fn budget(&self) -> Option<&Arc<Budget>> {
        self.0.budget.as_ref()
    }
}
