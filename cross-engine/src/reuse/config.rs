//! The configuration of container reuse.

use std::time::Duration;

use serde::Serialize;

/// The default time to live of an idle container.
const TIME_TO_LIVE: Duration = Duration::from_secs(600);

/// How containers are reused between runs.
///
/// Only container CLIs benefit from it. The sandbox starts in a few milliseconds and ignores it.
///
/// What a run leaves outside of its mounts (in `/tmp` or in its home directory) is visible to later
/// runs in the same container. Processes that a run leaves are ended with it.
///
/// ```
/// use std::time::Duration;
/// use cross_engine::ContainerReuse;
///
/// let private = ContainerReuse::new();
/// assert_eq!(private.time_to_live(), Duration::from_secs(600));
/// let shared = ContainerReuse::across_processes(Duration::from_secs(60));
/// assert_ne!(private, shared);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContainerReuse {
    idle: Duration,
    across: bool,
}

impl Default for ContainerReuse {
    fn default() -> Self {
        ContainerReuse::new()
    }
}

impl ContainerReuse {
    /// Containers end with their owner, by whatever means it ends, and after ten minutes without a
    /// run.
    pub fn new() -> Self {
        ContainerReuse {
            idle: TIME_TO_LIVE,
            across: false,
        }
    }

    /// Containers are left for later processes of the same user. They end by themselves after
    /// `time_to_live` without a run, in whole seconds and at least one.
    pub fn across_processes(time_to_live: Duration) -> Self {
        ContainerReuse {
            idle: time_to_live,
            across: true,
        }
    }

    /// How long an idle container is kept.
    pub fn time_to_live(&self) -> Duration {
        self.idle
    }

    /// Whether later processes use the containers too.
    pub fn is_across_processes(&self) -> bool {
        self.across
    }

    /// Sets how long an idle container is kept, in whole seconds and at least one.
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
