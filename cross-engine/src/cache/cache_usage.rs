//! What the cache keeps so that environments are made sooner, for whoever wants to see or remove it.

use serde::Serialize;

use crate::environment::base_rootfs;
use crate::environment::environments::Environments;
use crate::environment::package_cache;
use crate::process::cancel::Cancel;
use crate::process::error::Result;

/// What the cache keeps so that environments are made sooner. All of it can be made again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stock {
    /// What the packages occupy that were downloaded, in bytes: at most 2^30, of which those go first
    /// that were not used for the longest time.
    pub packages: u64,
    /// What environments begin with: names, and the bytes that each occupies. As root that is shared
    /// with the environments on disk as far as the files are equal; as another user it is an archive.
    pub bases: Vec<(String, u64)>,
}

impl Environments<'_> {
    /// What the cache keeps so that environments are made sooner, whatever engine they are for.
    pub fn stock(&self) -> Stock {
        Stock {
            packages: package_cache::bytes(self.store.host),
            bases: base_rootfs::all(self.store.host),
        }
    }

    /// Removes it, but for a base that is in use at this moment, and says what was removed.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    pub fn remove_stock(&self, cancel: &Cancel) -> Result<Stock> {
        let mut removed = Stock {
            packages: package_cache::bytes(self.store.host),
            bases: Vec::new(),
        };
        package_cache::forget(self.store.host);
        for (name, bytes) in base_rootfs::all(self.store.host) {
            if cancel.check().is_err() {
                break;
            }
            if let Some(_alone) = self.store.try_lock(&base_rootfs::lock_file(&name))? {
                base_rootfs::forget(&base_rootfs::home(self.store.host, &name))?;
                removed.bases.push((name, bytes));
            }
        }
        Ok(removed)
    }
}
