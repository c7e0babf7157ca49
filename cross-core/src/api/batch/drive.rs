//! The threads that run a batch's tasks in the order of its schedule.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use cross_engine::Cancel;

use crate::api::batch::schedule::{Schedule, Task};

/// The payload of a panic.
type Payload = Box<dyn Any + Send>;

/// Runs every task of `schedule` by `perform`, on this many threads. Once `cancel` is cancelled, no
/// further task starts.
///
/// A panic in `perform`, which calls the caller's listener, cancels `cancel`. Its payload is
/// returned when no task runs any more, so that the caller's thread can resume the panic.
pub(crate) fn drive(
    schedule: Schedule,
    threads: usize,
    cancel: &Cancel,
    perform: impl Fn(Task) + Sync,
) -> Result<(), Payload> {
    let driver = Driver {
        schedule: Mutex::new(schedule),
        changed: Condvar::new(),
        panic: Mutex::default(),
        cancel,
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| driver.work(&perform));
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
    /// Notified when the schedule has changed: a task may be ready, or all may be finished.
    changed: Condvar,
    /// The payload of the first panic.
    panic: Mutex<Option<Payload>>,
    cancel: &'a Cancel,
}

impl Driver<'_> {
    /// Runs tasks until the schedule is finished.
    fn work(&self, perform: &(impl Fn(Task) + Sync)) {
        while let Some(task) = self.next() {
            let result = catch_unwind(AssertUnwindSafe(|| perform(task)));
            if let Err(payload) = result {
                self.cancel.cancel();
                lock(&self.panic).get_or_insert(payload);
            }
            lock(&self.schedule).finish(task);
            self.changed.notify_all();
        }
    }

    /// Waits for a task that can start. Returns `None` when the schedule is finished.
    fn next(&self) -> Option<Task> {
        let mut schedule = lock(&self.schedule);
        loop {
            if self.cancel.check().is_err() {
                schedule.stop();
            }
            if let Some(task) = schedule.next() {
                return Some(task);
            }
            if schedule.is_finished() {
                return None;
            }
            // A task is running. Its end wakes this thread.
            schedule = self
                .changed
                .wait(schedule)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Locks `mutex`, even if a thread panicked while it held the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::batch::schedule::{Limits, Needs};

    const LIMITS: Limits = Limits {
        requests: 2,
        environments: 1,
    };

    fn requests(count: usize) -> Schedule {
        Schedule::new(LIMITS, vec![Needs::default(); count])
    }

    #[test]
    fn every_task_runs_once() {
        let done = Mutex::new(Vec::new());
        let count = |task| lock(&done).push(task);
        drive(requests(9), 3, &Cancel::new(), count).unwrap();
        let mut done = done.into_inner().unwrap();
        done.sort_by_key(|task| format!("{task:?}"));
        assert_eq!(done, (0..9).map(Task::Request).collect::<Vec<_>>());
    }

    #[test]
    fn no_task_starts_after_a_cancellation() {
        let (cancel, done) = (Cancel::new(), Mutex::new(0));
        let once = |_| {
            *lock(&done) += 1;
            cancel.cancel();
        };
        drive(requests(9), 1, &cancel, once).unwrap();
        assert_eq!(*lock(&done), 1);
    }

    #[test]
    fn a_panic_stops_the_other_tasks_and_is_returned() {
        let cancel = Cancel::new();
        let panics = |task| match task {
            Task::Request(1) => panic!("the caller's own"),
            _ => while cancel.check().is_ok() {},
        };
        let payload = drive(requests(5), 2, &cancel, panics).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"the caller's own"));
    }
}
