//! The usage of the build cache, and its removal.

use serde::Serialize;

use crate::environment::base_rootfs;
use crate::environment::environments::Environments;
use crate::environment::package_cache;
use crate::process::cancel::Cancel;
use crate::process::error::Result;

/// The usage of the build cache: what is kept to build environments faster. All of it can be
/// recreated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheUsage {
    /// The size of downloaded packages in bytes, at most 2^30. The least recently used ones are
    /// removed first.
    pub packages: u64,
    /// The bases of environments: their names, and their sizes in bytes. As root, a base shares
    /// equal files with environments on disk; as another user it is an archive.
    pub bases: Vec<(String, u64)>,
}

impl Environments<'_> {
    /// The usage of the build cache, for all engines.
    pub fn cache_usage(&self) -> CacheUsage {
        CacheUsage {
            packages: package_cache::disk_usage(self.store.host),
            bases: base_rootfs::all(self.store.host),
        }
    }

    /// Clears the build cache except for bases in use, and returns what was removed.
    ///
    /// # Errors
    ///
    /// If something cannot be removed.
    pub fn clear_cache(&self, cancel: &Cancel) -> Result<CacheUsage> {
        let mut removed = CacheUsage {
            packages: package_cache::disk_usage(self.store.host),
            bases: Vec::new(),
        };
        package_cache::clear(self.store.host);
        for (name, bytes) in base_rootfs::all(self.store.host) {
            if cancel.check().is_err() {
                break;
            }
            if let Some(_exclusive) = self.store.try_lock(&base_rootfs::lock_file(&name))? {
                base_rootfs::remove(&base_rootfs::base_dir(self.store.host, &name))?;
                removed.bases.push((name, bytes));
            }
        }
        Ok(removed)
    }
}
