//! The one door to the clock.

use std::time::{Duration, Instant, SystemTime};

/// The monotonic time now.
#[expect(clippy::disallowed_methods, reason = "this is the clock door")]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day now, as the duration since the Unix epoch (zero on a clock set before it).
#[expect(clippy::disallowed_methods, reason = "this is the clock door")]
pub fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
