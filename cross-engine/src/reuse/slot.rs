//! The state of one key: its current container, and the names and directory of all its containers.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::reuse::attached::AttachedContainer;
use crate::run::run_dir::RunDir;

/// The cache's subdirectory for containers that end with their owner.
pub(crate) const PRIVATE: &str = "reused";
/// The cache's subdirectory for containers that processes share.
pub(crate) const SHARED: &str = "reused-shared";

/// The container of one key. Each container that is started for the key is a new generation.
#[derive(Debug)]
pub(super) struct Slot {
    /// Everything that is fixed when the container starts.
    pub(super) key: String,
    /// What the container is for. Containers with one purpose and different keys replace each
    /// other.
    pub(super) purpose: String,
    /// The engine's client, and the image.
    pub(super) image: String,
    /// The container's name without the generation.
    pub(super) base_name: String,
    /// The directory that the container shares with the runs that enter it. The container sees only
    /// its subdirectory `shown`.
    pub(super) dir: PathBuf,
    /// The command that starts the container, without its name.
    pub(super) start: Invocation,
    pub(super) private: Mutex<PrivateContainer>,
    /// The pool's clock at the last use.
    pub(super) last_used: AtomicU64,
}

impl Slot {
    /// The name of the container of this generation.
    pub(super) fn name(&self, generation: u32) -> String {
        format!("{}-{generation}-reused", self.base_name)
    }

    pub(super) fn private(&self) -> MutexGuard<'_, PrivateContainer> {
        self.private.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A container that ends with its owner.
#[derive(Debug, Default)]
pub(super) struct PrivateContainer {
    pub(super) generation: u32,
    /// Dropped before its directory.
    pub(super) attached: Option<AttachedContainer>,
    pub(super) dir: Option<RunDir>,
}

impl PrivateContainer {
    pub(super) fn is_running(&mut self) -> bool {
        self.attached
            .as_mut()
            .is_some_and(AttachedContainer::is_running)
    }

    /// Tells the container to end, without waiting for it.
    pub(super) fn stop(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.stop();
        }
    }
}

/// The container that a slot has or, if none is running, would have next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotStatus {
    pub(super) generation: u32,
    pub(super) running: bool,
}

/// The lock file for starting the shared container with this name.
pub(super) fn lock_file(host: &Host, base_name: &str) -> PathBuf {
    host.cache.join("locks").join(format!("reused-{base_name}"))
}
