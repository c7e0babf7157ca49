//! What one engine holds, and where the cache has what is made for it.

use std::path::PathBuf;

use crate::engines::engine::Engine;
use crate::image::progress::{Progress, ProgressSink};
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::lock::Lock;

/// The directory of the cache where environments are.
pub(crate) const HOME: &str = "environments";

/// What one engine holds: images, or root file systems in the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) host: &'a Host,
}

impl Store<'_> {
    /// Waits until this process alone works on `name`.
    pub(crate) fn lock(
        &self,
        name: &str,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<Lock> {
        let file = format!("{}-{name}", self.engine.kind);
        Lock::acquire(
            &self.host.cache.join("locks").join(file),
            cancel,
            &mut || {
                let _ = progress(Progress::Waiting);
            },
        )
    }

    pub(crate) fn staging(&self, name: &str) -> PathBuf {
        self.home().join(format!(".{name}.{}", self.engine.kind))
    }

    /// The lock called `file`, unless somebody holds it.
    pub(crate) fn try_lock(&self, file: &str) -> Result<Option<Lock>> {
        Lock::try_acquire(&self.host.cache.join("locks").join(file))
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.host.cache.join(HOME)
    }
}
