//! Which container there is under a key, and the start of another one.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::engines::container;
use crate::engines::engine::Engine;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::{ErrorKind, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::lock::Lock;
use crate::reuse::argv;
use crate::reuse::attached::{Attached, not_started};
use crate::reuse::event::WhyStarted;
use crate::reuse::place::{HOME, Place, SHARED, lock};
use crate::reuse::pool::Pool;
use crate::reuse::record::{self, Record};
use crate::run::run_dir::{self, Shown};
use crate::run::test_relay;

/// How often another name is tried where one is taken: what is remembered of a container may be lost, and
/// the container still be there.
const NAMES: u32 = 8;

impl Pool {
    /// Starts a container for the place, unless somebody else has: `gone` is the one that is known not to
    /// be there. Returns its name, and why it was started if it was.
    pub(super) fn start(
        &self,
        place: &Place,
        gone: Option<u32>,
        engine: &Engine,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<(u32, Option<WhyStarted>)> {
        let relays = host.cache.join(test_relay::HOME);
        fs::create_dir_all(&relays).on("create directory", &relays)?;
        match self.warm.is_across_processes() {
            true => self.start_shared(place, gone, engine, host, cancel),
            false => self.start_own(place, gone, engine, host, cancel),
        }
    }

    fn start_own(
        &self,
        place: &Place,
        gone: Option<u32>,
        engine: &Engine,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<(u32, Option<WhyStarted>)> {
        let why = match self.has_another(place) {
            true => WhyStarted::Changed,
            false => WhyStarted::First,
        };
        // Other threads wait here, and find it started.
        let mut state = place.state();
        if gone == Some(state.generation) {
            state.attached = None;
        }
        if state.is_running() {
            return Ok((state.generation, None));
        }
        if state.shown.is_none() {
            state.shown = Some(Shown::new(&host.cache.join(HOME), &place.base)?);
        }
        let why = if state.generation > 0 {
            WhyStarted::Gone
        } else {
            why
        };
        state.generation += 1;
        let name = place.name(state.generation);
        let start = argv::named(place.start.clone(), &name);
        state.attached = Some(Attached::start(engine, &start, &name, host, cancel)?);
        Ok((state.generation, Some(why)))
    }

    /// Whether a container for the same purpose runs under another key.
    fn has_another(&self, of: &Place) -> bool {
        let places = self.places();
        let mut others = places.values().filter(|place| place.key != of.key);
        others.any(|place| place.purpose == of.purpose)
    }

    fn start_shared(
        &self,
        place: &Place,
        gone: Option<u32>,
        engine: &Engine,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<(u32, Option<WhyStarted>)> {
        let home = host.cache.join(SHARED);
        let _lock = Lock::acquire(&lock(host, &place.base), cancel, &mut || {})?;
        let before = Record::read(&place.met);
        let now = self.now(place);
        if now.running && gone != Some(now.generation) {
            return Ok((now.generation, None));
        }
        if now.running {
            record::expire(&place.met);
        }
        make_met(&place.met)?;
        let first = before.as_ref().map_or(0, |it| it.generation) + 1;
        let generation =
            start_detached(place, first, engine, host, cancel).inspect_err(|error| {
                if error.kind() == ErrorKind::Environment {
                    forget_image(&home, &place.image);
                }
            })?;
        let mut others = record::all(&home).filter(|(met, _)| *met != place.met);
        let why = match before {
            Some(_) => WhyStarted::Gone,
            None if others.any(|(_, it)| it.purpose == place.purpose) => WhyStarted::Changed,
            None => WhyStarted::First,
        };
        let record = Record {
            key: place.key.clone(),
            purpose: place.purpose.clone(),
            image: place.image.clone(),
            generation,
            idle: self.idle_seconds(),
            used: std::time::Duration::ZERO,
        };
        record.write(&place.met)?;
        Ok((generation, Some(why)))
    }
}

/// No container of this image can be relied upon any more: the next plan asks for the image.
fn forget_image(home: &Path, image: &str) {
    for (met, _) in record::all(home).filter(|(_, record)| record.image == image) {
        record::expire(&met);
    }
}

/// Makes the meeting place: others of the machine reach nothing in it.
fn make_met(met: &Path) -> Result<()> {
    let shown = met.join("shown");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(met)
        .on("create directory", met)?;
    DirBuilder::new()
        .recursive(true)
        .create(&shown)
        .on("create directory", &shown)?;
    run_dir::permit(&shown, 0o755)
}

/// Starts the container of the first generation from `first` on whose name is free.
fn start_detached(
    place: &Place,
    first: u32,
    engine: &Engine,
    host: &Host,
    cancel: &Cancel,
) -> Result<u32> {
    let mut generation = first;
    loop {
        let name = place.name(generation);
        let start = argv::named(place.start.clone(), &name);
        let said = match process::output(&start, &host.variables, cancel) {
            Ok(said) => said,
            Err(error) => {
                // It may have come so far, or come so far yet.
                let soon = Cancel::new().with_deadline(std::time::Duration::from_secs(5));
                let remove = container::remove(engine, &name);
                let _ = process::output(&remove, &host.variables, &soon);
                return Err(error);
            }
        };
        if said.exit.success() {
            return Ok(generation);
        }
        let taken = said.stderr.contains("already in use");
        if !taken || generation == first + NAMES {
            return Err(not_started(engine, said.exit, &said.stderr));
        }
        generation += 1;
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let places: Vec<Arc<Place>> = std::mem::take(&mut *self.places()).into_values().collect();
        // All are told first, and then waited for.
        places.iter().for_each(|place| place.state().let_go());
    }
}
