//! Cancellation and deadlines: the caller's way to stop what runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::process::clock;

/// A handle that stops what runs, from any thread or from a signal handler the caller owns.
///
/// Clones share one flag. The library polls it about every 50 ms; what runs is then ended and
/// waited for, so that nothing is left when the call returns.
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

/// What is set by [`Cancel::cancel`]; what is above it counts as well.
#[derive(Debug, Default)]
struct Flag {
    set: AtomicBool,
    above: Option<Arc<Flag>>,
}

impl Flag {
    fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst) || self.above.as_ref().is_some_and(|it| it.is_set())
    }
}

/// Why something was stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// The caller cancelled.
    Cancelled,
    /// The deadline passed.
    Deadline,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stopped::Cancelled => "cancelled",
            Stopped::Deadline => "deadline exceeded",
        })
    }
}

impl Cancel {
    /// A handle nobody has cancelled, without a deadline.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same handle, which also stops when `limit` has passed from now on.
    ///
    /// Where both are set, the earlier deadline holds.
    #[must_use]
    pub fn with_deadline(mut self, limit: Duration) -> Self {
        // A limit beyond what the clock can say is no limit.
        if let Some(at) = clock::now().checked_add(limit) {
            self.deadline = Some(self.deadline.map_or(at, |old| old.min(at)));
        }
        self
    }

    /// A handle for a part of the work: it stops when this one does, and can be stopped alone.
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
                above: Some(Arc::clone(&self.flag)),
            }),
            deadline: self.deadline,
        }
    }

    /// Stops everything that was given this handle, a clone or a [`child`](Cancel::child) of it.
    pub fn cancel(&self) {
        self.flag.set.store(true, Ordering::SeqCst);
    }

    /// `Ok` while work may go on.
    ///
    /// # Errors
    ///
    /// Why it has to stop.
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
