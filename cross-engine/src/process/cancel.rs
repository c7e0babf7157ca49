//! Cancellation and deadlines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::process::clock;

/// A handle that stops running work from any thread, or from the caller's signal handler.
///
/// Clones share one flag. The library polls it about every 50 ms, then ends what runs and waits for
/// it, so that nothing is left when the call returns.
///
/// ```
/// use cross_engine::Cancel;
///
/// let cancel = Cancel::new();
/// let handle = cancel.clone();
/// assert!(cancel.check().is_ok());
/// handle.cancel();
/// assert!(cancel.check().is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    flag: Arc<Flag>,
    deadline: Option<Instant>,
}

/// The flag that [`Cancel::cancel`] sets. A flag is also set when its parent is.
#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    parent: Option<Arc<Flag>>,
}

impl Flag {
    fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst) || self.parent.as_ref().is_some_and(|flag| flag.is_set())
    }
}

/// The reason why work was stopped early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("deadline exceeded")]
    Deadline,
}

impl Cancel {
    /// Creates a handle that is not cancelled and has no deadline.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a deadline: `limit` from now.
    ///
    /// If there is a deadline already, the earlier one applies.
    #[must_use]
    pub fn with_deadline(mut self, limit: Duration) -> Self {
        // A deadline beyond the clock's range is none.
        if let Some(at) = clock::now().checked_add(limit) {
            self.deadline = Some(self.deadline.map_or(at, |old| old.min(at)));
        }
        self
    }

    /// Creates a handle for a part of the work. It stops when this one does, and can be stopped
    /// alone.
    ///
    /// ```
    /// use cross_engine::Cancel;
    ///
    /// let all = Cancel::new();
    /// let (one, other) = (all.child(), all.child());
    /// one.cancel();
    /// assert!(one.check().is_err() && other.check().is_ok());
    /// all.cancel();
    /// assert!(other.check().is_err());
    /// ```
    #[must_use]
    pub fn child(&self) -> Self {
        Cancel {
            flag: Arc::new(Flag {
                set: AtomicBool::new(false),
                parent: Some(Arc::clone(&self.flag)),
            }),
            deadline: self.deadline,
        }
    }

    /// Stops everything that has this handle, a clone or a [`child`](Cancel::child) of it.
    pub fn cancel(&self) {
        self.flag.set.store(true, Ordering::SeqCst);
    }

    /// Returns `Ok` while work may continue.
    ///
    /// # Errors
    ///
    /// The reason why it must stop.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.flag.is_set() {
            return Err(Stopped::Cancelled);
        }
        match self.deadline {
            Some(at) if clock::now() >= at => Err(Stopped::Deadline),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_stops_and_the_earlier_one_holds() {
        let late = Cancel::new().with_deadline(Duration::from_secs(3600));
        assert_eq!(late.check(), Ok(()));
        let due = late
            .with_deadline(Duration::ZERO)
            .with_deadline(Duration::MAX);
        assert_eq!(due.check(), Err(Stopped::Deadline));
    }

    #[test]
    fn clones_share_the_flag() {
        let cancel = Cancel::new();
        cancel
            .clone()
            .with_deadline(Duration::from_secs(60))
            .cancel();
        assert_eq!(cancel.check(), Err(Stopped::Cancelled));
    }
}
