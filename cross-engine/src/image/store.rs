//! The store of one engine, and its files in the cache.

use std::path::PathBuf;

use crate::engines::engine::Engine;
use crate::image::progress::{Progress, ProgressSink};
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::lock::Lock;

/// The cache's subdirectory for environments.
pub(crate) const ENVIRONMENTS: &str = "environments";

/// The store of one engine: its images, or root file systems in the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) host: &'a Host,
}

impl Store<'_> {
    /// Waits for the lock on `name`.
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

    /// The staging directory for `name`.
    pub(crate) fn staging(&self, name: &str) -> PathBuf {
        self.environments_dir()
            .join(format!(".{name}.{}", self.engine.kind))
    }

    /// Takes the lock called `file`, unless somebody holds it.
    pub(crate) fn try_lock(&self, file: &str) -> Result<Option<Lock>> {
        Lock::try_acquire(&self.host.cache.join("locks").join(file))
    }

    /// The directory of the environments.
    pub(crate) fn environments_dir(&self) -> PathBuf {
        self.host.cache.join(ENVIRONMENTS)
    }
}
