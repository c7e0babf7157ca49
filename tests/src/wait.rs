//! Waiting for conditions, with a limit.

use std::thread;
use std::time::Duration;

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
