//! What holds for every request of a `Cross`: whether there is a network, and whose jobs it shares.

use std::sync::Arc;

use cross_engine::Cancel;

use super::Cross;
use crate::request::job_budget::Budget;

impl Cross {
    /// With `yes`, no request uses a network: nothing is pulled, downloaded, or installed by rustup, cargo
    /// fetches nothing, and what runs has no network either, unless the configuration's `network` gives it
    /// one. What is missing keeps a request from being planned:
    /// [`ErrorKind::Offline`](crate::ErrorKind::Offline) names all of it, and
    /// [`prefetch`](Cross::prefetch) makes it be there.
    ///
    /// # Default value
    ///
    /// `false`.
    #[must_use]
    pub fn offline(mut self, yes: bool) -> Self {
        // It changes nothing of what engines answer.
        Arc::make_mut(&mut self.0).offline = yes;
        self
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.0.offline
    }

    /// With a budget of jobs that it shares, and a listener who stops all that share it by breaking.
    pub(crate) fn sharing(mut self, budget: &Arc<Budget>, cancel: &Cancel) -> Self {
        let settings = Arc::make_mut(&mut self.0);
        settings.budget = Some(Arc::clone(budget));
        settings.events = settings.events.stopping(cancel);
        self
    }

    pub(crate) fn budget(&self) -> Option<&Arc<Budget>> {
        self.0.budget.as_ref()
    }
}
