//! The clock. Nothing else in this workspace reads the time.

use std::time::{Duration, Instant, SystemTime};

/// The current monotonic time.
#[expect(clippy::disallowed_methods, reason = "this is the clock door")]
pub fn now() -> Instant {
    Instant::now()
}

/// The current time of day as the duration since the Unix epoch; zero if the clock is set before
/// it.
#[expect(clippy::disallowed_methods, reason = "this is the clock door")]
pub fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
