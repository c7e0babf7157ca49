//! What is told of kept containers.

use std::ops::ControlFlow;

use serde::Serialize;

/// What happens to a kept container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptEvent<'a> {
    /// It was started.
    #[non_exhaustive]
    Started {
        /// Its name.
        container: &'a str,
        /// Why.
        why: WhyStarted,
    },
    /// A run enters it.
    #[non_exhaustive]
    Entered {
        /// Its name.
        container: &'a str,
    },
}

/// Why a container was started that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WhyStarted {
    /// There was none for this purpose.
    First,
    /// The one before is gone: it was removed, or ended after its time.
    Gone,
    /// There is one for this purpose, but something that is fixed when it starts has changed since.
    Changed,
}

/// Receives what happens to kept containers; may break to stop the run.
pub type KeptSink<'a> = dyn FnMut(KeptEvent<'_>) -> ControlFlow<()> + 'a;
