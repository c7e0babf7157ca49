//! Events of reused containers.

use std::ops::ControlFlow;

use serde::Serialize;

/// An event of a reused container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReuseEvent<'a> {
    /// The container was started.
    #[non_exhaustive]
    Started {
        /// Its name.
        container: &'a str,
        /// The reason.
        why: StartReason,
    },
    /// A run enters the container.
    #[non_exhaustive]
    Entered {
        /// Its name.
        container: &'a str,
    },
}

/// Why a container was started for reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StartReason {
    /// There was no container for this purpose.
    First,
    /// The previous one is gone: it was removed, or its time to live passed.
    Gone,
    /// There is a container for this purpose, but something that is fixed when it starts has
    /// changed.
    Changed,
}

/// Receives the events of reused containers. It may break to stop the run.
pub type ReuseEventSink<'a> = dyn FnMut(ReuseEvent<'_>) -> ControlFlow<()> + 'a;
