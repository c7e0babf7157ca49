//! Whether and how containers are kept between runs.

use std::time::Duration;

use serde::Serialize;

/// How long a container is kept that nobody uses, unless it is said.
const IDLE: Duration = Duration::from_secs(600);

/// Whether and how containers are kept between runs.
///
/// Only container CLIs have something to gain: the sandbox starts in a few milliseconds and ignores it.
///
/// What runs leave outside of their mounts (in `/tmp`, in their home) is seen by later runs in the same
/// container. Processes that a run leaves are ended with it.
///
/// ```
/// use std::time::Duration;
/// use cross_engine::Warm;
///
/// let mine = Warm::new();
/// assert_eq!(mine.time_to_live(), Duration::from_secs(600));
/// let everybodys = Warm::across_processes(Duration::from_secs(60));
/// assert_ne!(mine, everybodys);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warm {
    idle: Duration,
    across: bool,
}

impl Default for Warm {
    fn default() -> Self {
        Warm::new()
    }
}

impl Warm {
    /// Containers end with what keeps them, however that ends, and after ten minutes without a run.
    pub fn new() -> Self {
        Warm {
            idle: IDLE,
            across: false,
        }
    }

    /// Containers are left behind for later processes of the same user, and end by themselves when nobody
    /// has used them for `time_to_live`: in whole seconds, at least one.
    pub fn across_processes(time_to_live: Duration) -> Self {
        Warm {
            idle: time_to_live,
            across: true,
        }
    }

    /// How long a container is kept that nobody uses.
    pub fn time_to_live(&self) -> Duration {
        self.idle
    }

    /// Whether later processes find it.
    pub fn is_across_processes(&self) -> bool {
        self.across
    }

    /// Keeps a container that nobody uses for this long: in whole seconds, at least one.
    ///
    /// # Default value
    ///
    /// Ten minutes.
    #[must_use]
    pub fn idle_for(mut self, time_to_live: Duration) -> Self {
        self.idle = time_to_live;
        self
    }
}
