//! What happens while files go to an engine on another machine and come back.

use std::ops::ControlFlow;
use std::path::Path;

/// What happens while files go to an engine on another machine and come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferEvent<'a> {
    /// Another caller fills the volume. This one waits.
    #[non_exhaustive]
    Waiting {
        /// The name of the volume.
        volume: &'a str,
    },
    /// Bytes of files were sent to a volume.
    #[non_exhaustive]
    Sent {
        /// The name of the volume.
        volume: &'a str,
        /// The bytes that were sent so far.
        bytes: u64,
        /// The bytes that are sent in all.
        of: u64,
        /// The number of files that are sent in all.
        files: usize,
    },
    /// Bytes of files were fetched from a volume.
    #[non_exhaustive]
    Fetched {
        /// The name of the volume.
        volume: &'a str,
        /// The bytes that were fetched so far.
        bytes: u64,
        /// The bytes that are fetched in all.
        of: u64,
        /// The number of files that are fetched in all.
        files: usize,
    },
    /// A file that a run made where it may write stays on the engine's machine, because its name
    /// cannot be asked for: it is no text, or has a line break or a backslash.
    #[non_exhaustive]
    Left {
        /// Its path here, if it were here.
        path: &'a Path,
    },
}

/// Receives transfer events, from any thread. It breaks to stop the transfer.
pub type TransferSink<'a> = dyn FnMut(TransferEvent<'_>) -> ControlFlow<()> + Send + 'a;
