//! The threads that do what the schedule says, and what becomes of a panic in one of them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use cross_engine::Cancel;

use crate::api::batch::schedule::{Job, Schedule};

/// What a panic carries.
type Payload = Box<dyn Any + Send>;

/// Does everything in `schedule`, with so many threads, until it is over. When `cancel` says so, nothing
/// more begins.
///
/// A panic in `job` (the caller's listener is called there) stops the rest by `cancel`, and is returned
/// when nothing runs any more, so that it can go on in the caller's thread.
pub(crate) fn drive(
    schedule: Schedule,
    threads: usize,
    cancel: &Cancel,
    job: impl Fn(Job) + Sync,
) -> Result<(), Payload> {
    let driver = Driver {
        schedule: Mutex::new(schedule),
        changed: Condvar::new(),
        panic: Mutex::default(),
        cancel,
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| driver.work(&job));
        }
    });
    let panic = driver.panic.into_inner();
    match panic.unwrap_or_else(PoisonError::into_inner) {
        Some(payload) => Err(payload),
        None => Ok(()),
    }
}

struct Driver<'a> {
    schedule: Mutex<Schedule>,
    /// The schedule is another: something may be ready now, or all be over.
    changed: Condvar,
    /// The first one.
    panic: Mutex<Option<Payload>>,
    cancel: &'a Cancel,
}

impl Driver<'_> {
    fn work(&self, job: &(impl Fn(Job) + Sync)) {
        while let Some(next) = self.next() {
            let done = catch_unwind(AssertUnwindSafe(|| job(next)));
            if let Err(payload) = done {
                self.cancel.cancel();
                lock(&self.panic).get_or_insert(payload);
            }
            lock(&self.schedule).done(next);
            self.changed.notify_all();
        }
    }

    /// Waits for something to do; nothing when all is over.
    fn next(&self) -> Option<Job> {
        let mut schedule = lock(&self.schedule);
        loop {
            if self.cancel.check().is_err() {
                schedule.stop();
            }
            if let Some(job) = schedule.next() {
                return Some(job);
            }
            if schedule.is_over() {
                return None;
            }
            // Something runs, and its end wakes.
            schedule = self
                .changed
                .wait(schedule)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::batch::schedule::{Item, Limits};

    const LIMITS: Limits = Limits {
        at_once: 2,
        environments: 1,
    };

    fn works(count: usize) -> Schedule {
        Schedule::new(LIMITS, vec![Item::default(); count])
    }

    #[test]
    fn everything_is_done_once() {
        let done = Mutex::new(Vec::new());
        let count = |job| lock(&done).push(job);
        drive(works(9), 3, &Cancel::new(), count).unwrap();
        let mut done = done.into_inner().unwrap();
        done.sort_by_key(|job| format!("{job:?}"));
        assert_eq!(done, (0..9).map(Job::Work).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_begins_after_a_cancellation() {
        let (cancel, done) = (Cancel::new(), Mutex::new(0));
        let once = |_| {
            *lock(&done) += 1;
            cancel.cancel();
        };
        drive(works(9), 1, &cancel, once).unwrap();
        assert_eq!(*lock(&done), 1);
    }

    #[test]
    fn a_panic_stops_the_others_and_is_handed_back() {
        let cancel = Cancel::new();
        let panics = |job| match job {
            Job::Work(1) => panic!("the caller's own"),
            _ => while cancel.check().is_ok() {},
        };
        let payload = drive(works(5), 2, &cancel, panics).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"the caller's own"));
    }
}
