//! Waiting for conditions, with a limit.

use std::thread;
use std::time::Duration;

use cross_core::{Cancel, Error, Result};
use cross_engine::process::clock;

/// Checks for `duration` that the condition `holds`, and panics if it does not.
#[track_caller]
pub fn stays_true(duration: Duration, what: &str, holds: impl Fn() -> bool) {
    let start = clock::now();
    loop {
        let is_last = start.elapsed() >= duration;
        assert!(holds(), "{what}: not for {duration:?}");
        if is_last {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until the condition `holds`, and panics after `limit`.
#[track_caller]
pub fn wait_until(limit: Duration, what: &str, holds: impl Fn() -> bool) {
    let start = clock::now();
    while !holds() {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Calls `run` with a deadline until that comes late enough for what has to happen before, and
/// returns the error. How far a run gets within some seconds depends on what else the machine does.
///
/// # Panics
///
/// If `run` succeeds, or is never far enough.
#[track_caller]
pub fn until_deadline<T>(
    run: impl Fn(&Cancel) -> Result<T>,
    is_far: impl Fn(&Error) -> bool,
) -> Error {
    let mut last = None;
    for seconds in [6, 20, 60] {
        let cancel = Cancel::new().with_deadline(Duration::from_secs(seconds));
        match run(&cancel) {
            Ok(_) => panic!("it ended within {seconds} s"),
            Err(error) if is_far(&error) => return error,
            Err(error) => last = Some(error),
        }
    }
    panic!("it was never far enough: {last:?}")
}
