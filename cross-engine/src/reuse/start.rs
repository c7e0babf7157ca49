//! The start of the container that a slot needs.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::engines::container;
use crate::engines::engine::Engine;
use crate::os;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::{ErrorKind, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::lock::Lock;
use crate::reuse::argv;
use crate::reuse::attached::{AttachedContainer, not_started};
use crate::reuse::event::StartReason;
use crate::reuse::pool::ContainerPool;
use crate::reuse::record::{self, Record};
use crate::reuse::slot::{PRIVATE, SHARED, Slot, lock_file};
use crate::run::run_dir::{self, RunDir};
use crate::run::test_relay::RELAYS;

/// How many names are tried if they are taken: the record of a container may be lost while the
/// container still exists.
const NAME_ATTEMPTS: u32 = 8;

impl ContainerPool {
    /// Starts a container for the slot unless somebody else has. `gone` is the generation that is
    /// known to be gone. Returns the generation that runs, and why it was started if this call did
    /// so.
    pub(super) fn start(
        &self,
        slot: &Slot,
        gone: Option<u32>,
        engine: &Engine,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<(u32, Option<StartReason>)> {
        let relays = host.cache.join(RELAYS);
        fs::create_dir_all(&relays).on("create directory", &relays)?;
        match self.reuse.is_across_processes() {
            true => self.start_shared(slot, gone, engine, host, cancel),
            false => self.start_private(slot, gone, engine, host, cancel),
        }
    }

    fn start_private(
        &self,
        slot: &Slot,
        gone: Option<u32>,
        engine: &Engine,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<(u32, Option<StartReason>)> {
        let has_predecessor = self.has_other_key(slot);
        // Other threads wait here, and find the container started.
        let mut private = slot.private();
        if gone == Some(private.generation) {
            private.attached = None;
        }
        if private.is_running() {
            return Ok((private.generation, None));
        }
        if private.dir.is_none() {
            private.dir = Some(RunDir::new(&host.cache.join(PRIVATE), &slot.base_name)?);
        }
        let why = match private.generation {
            0 if has_predecessor => StartReason::Changed,
            0 => StartReason::First,
            _ => StartReason::Gone,
        };
        private.generation += 1;
        let name = slot.name(private.generation);
        let start = argv::named(slot.start.clone(), &name);
        let attached = AttachedContainer::start(engine, &start, &name, host, cancel)?;
        private.attached = Some(attached);
        Ok((private.generation, Some(why)))
    }

    /// Whether there is a slot for the same purpose under another key.
    fn has_other_key(&self, than: &Slot) -> bool {
        self.slots()
            .values()
            .any(|slot| slot.key != than.key && slot.purpose == than.purpose)
    }

    fn start_shared(
        &self,
        slot: &Slot,
        gone: Option<u32>,
        engine: &Engine,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<(u32, Option<StartReason>)> {
        let parent = host.cache.join(SHARED);
        let _lock = Lock::acquire(&lock_file(host, &slot.base_name), cancel, &mut || {})?;
        let previous = Record::read(&slot.dir);
        let status = self.status(slot);
        if status.running && gone != Some(status.generation) {
            return Ok((status.generation, None));
        }
        if status.running {
            record::expire(&slot.dir);
        }
        create_shared_dir(&slot.dir)?;
        let first = previous.as_ref().map_or(0, |record| record.generation) + 1;
        let generation =
            start_detached(slot, first, engine, host, cancel).inspect_err(|error| {
                if error.kind() == ErrorKind::Environment {
                    forget_image(&parent, &slot.image);
                }
            })?;
        let mut others = record::all(&parent).filter(|(dir, _)| *dir != slot.dir);
        let why = match previous {
            Some(record) if record.key != slot.key => StartReason::Changed,
            Some(_) => StartReason::Gone,
            None if others.any(|(_, record)| record.purpose == slot.purpose) => {
                StartReason::Changed
            }
            None => StartReason::First,
        };
        let record = Record {
            key: slot.key.clone(),
            purpose: slot.purpose.clone(),
            image: slot.image.clone(),
            generation,
            idle: self.idle_seconds(),
            used: Duration::ZERO,
        };
        record.write(&slot.dir)?;
        Ok((generation, Some(why)))
    }
}

/// Expires every container of an image that is gone, so that the next plan inspects the image.
fn forget_image(parent: &Path, image: &str) {
    for (dir, _) in record::all(parent).filter(|(_, record)| record.image == image) {
        record::expire(&dir);
    }
}

/// Creates the directory of a shared container. Other users of the machine cannot reach into it.
fn create_shared_dir(dir: &Path) -> Result<()> {
    let shown = dir.join("shown");
    os::create_private_directory(dir, true).on("create directory", dir)?;
    fs::create_dir_all(&shown).on("create directory", &shown)?;
    run_dir::set_mode(&shown, 0o755)
}

/// Starts the container of the first generation whose name is free, beginning with `first`.
fn start_detached(
    slot: &Slot,
    first: u32,
    engine: &Engine,
    host: &Host,
    cancel: &Cancel,
) -> Result<u32> {
    let mut generation = first;
    loop {
        let name = slot.name(generation);
        let start = argv::named(slot.start.clone(), &name);
        let output = match process::output(&start, &host.variables, cancel) {
            Ok(output) => output,
            Err(error) => {
                // The engine may have started the container, or may still do so.
                let limit = Cancel::new().with_deadline(Duration::from_secs(5));
                let remove = container::remove(engine, &name);
                let _ = process::output(&remove, &host.variables, &limit);
                return Err(error);
            }
        };
        if output.exit.success() {
            return Ok(generation);
        }
        let is_taken = output.stderr.contains("already in use");
        if !is_taken || generation == first + NAME_ATTEMPTS {
            return Err(not_started(engine, output.exit, &output.stderr));
        }
        generation += 1;
    }
}

impl Drop for ContainerPool {
    fn drop(&mut self) {
        let slots: Vec<Arc<Slot>> = std::mem::take(&mut *self.slots()).into_values().collect();
        // All containers are told to end before any is waited for.
        slots.iter().for_each(|slot| slot.private().stop());
    }
}
