//! The place of one key's container: its names, its directory, and what its pool knows of it.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::reuse::attached::Attached;
use crate::run::run_dir::Shown;

/// The directory of the cache for containers that end with their owner.
pub(crate) const HOME: &str = "warm";
/// The directory of the cache for containers that processes share.
pub(crate) const SHARED: &str = "warm-shared";

/// One key's container, and those that came before it under the same key.
#[derive(Debug)]
pub(super) struct Place {
    /// Everything that is fixed when it starts.
    pub(super) key: String,
    /// What it is for: containers of one purpose and different keys replace each other.
    pub(super) purpose: String,
    pub(super) image: String,
    /// Its name but for the generation.
    pub(super) base: String,
    /// The directory in which it meets those who enter it: inside, only `shown` is seen.
    pub(super) met: PathBuf,
    pub(super) start: Invocation,
    pub(super) state: Mutex<State>,
    pub(super) used: AtomicU64,
}

impl Place {
    /// The name of the `generation`th container.
    pub(super) fn name(&self, generation: u32) -> String {
        format!("{}-{generation}-warm", self.base)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a place by the pool whose container it is.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) generation: u32,
    /// Before the directory it meets in, which is there as long as it is.
    pub(super) attached: Option<Attached>,
    pub(super) shown: Option<Shown>,
}

impl State {
    pub(super) fn is_running(&mut self) -> bool {
        self.attached.as_mut().is_some_and(Attached::is_running)
    }

    pub(super) fn let_go(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.let_go();
        }
    }
}

/// The container that a place has, or would have next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Now {
    pub(super) generation: u32,
    pub(super) running: bool,
}

/// Held by whoever starts a container that processes share.
pub(super) fn lock(host: &Host, base: &str) -> PathBuf {
    host.cache.join("locks").join(format!("warm-{base}"))
}
