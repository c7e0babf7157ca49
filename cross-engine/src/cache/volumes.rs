//! Removal of volumes on a remote engine, and of the containers that fill them.

use std::time::Duration;

use crate::environment::environments::Environments;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::Result;
use crate::remote::volume;

/// How long a volume may be unused.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Environments<'_> {
    /// Removes the volumes that this machine has not used for [`UNUSED`]. Those of other machines
    /// stay, and so do those that a container has.
    pub(super) fn sweep_volumes(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let (engine, host) = (self.store.engine, self.store.host);
        let now = clock::unix_time();
        let mut removed = Vec::new();
        for volume in engine.volumes(host, cancel)? {
            let used = volume.used.map(Duration::from_secs);
            let is_old = used.is_some_and(|used| now.saturating_sub(used) > UNUSED);
            if is_old
                && engine
                    .remove_volume(&volume.name, host, cancel)
                    .is_ok_and(|it| it)
            {
                removed.push(volume.name);
            }
        }
        Ok(removed)
    }

    /// Removes the container `name`, which filled a volume, if it ended. Returns whether it did.
    pub(super) fn remove_filled(&self, name: &str, cancel: &Cancel) -> Result<bool> {
        volume::remove_dead(self.store.engine, name, false, self.store.host, cancel)
    }
}
