//! The containers that are kept for one owner.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::engines::engine::Engine;
use crate::engines::probe_cache;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::unique_name::unique;
use crate::reuse::argv;
use crate::reuse::config::Warm;
use crate::reuse::place::{HOME, Now, Place, SHARED};
use crate::reuse::record::{self, Record};
use crate::run::test_relay;
use crate::spec::mount::{Access, arranged};
use crate::spec::run_spec::{Root, RunSpec};

/// How many containers for the same purpose a pool keeps: the one in use, and the one before it, in case
/// two ways of building take turns.
const PER_PURPOSE: usize = 2;

/// The containers that are kept for one owner. Those that are only its own are gone when it is dropped.
#[derive(Debug)]
pub struct Pool {
    pub(super) warm: Warm,
    /// Tells this pool's containers from those of others on this machine.
    id: String,
    places: Mutex<BTreeMap<String, Arc<Place>>>,
    clock: AtomicU64,
}

/// What a run in a kept container has to know of its image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptImage {
    /// The image's id, where its name alone does not say what is in it.
    pub id: Option<String>,
    /// What the image starts before every command.
    pub entrypoint: Vec<String>,
}

impl KeptImage {
    /// An image with this id that starts these words before every command.
    pub fn new(id: Option<String>, entrypoint: Vec<String>) -> Self {
        KeptImage { id, entrypoint }
    }
}

/// Where a run is entered: made by [`Pool::for_image`].
#[derive(Clone, Copy, Debug)]
pub struct KeptIn<'a> {
    pub(super) pool: &'a Pool,
    pub(super) image: &'a KeptImage,
}

/// A kept container, as it is or would be now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Kept {
    /// Its name.
    pub container: String,
    /// Whether it is believed to run. If it does not, it is started.
    pub running: bool,
    /// What starts it. One that ends with its owner hangs on this command's standard input.
    pub start: Invocation,
}

impl Pool {
    /// One that keeps containers like this.
    pub fn new(warm: Warm) -> Self {
        Pool {
            warm,
            id: unique(""),
            places: Mutex::default(),
            clock: AtomicU64::new(0),
        }
    }

    /// How its containers are kept.
    pub fn warm(&self) -> &Warm {
        &self.warm
    }

    /// Whether `spec` can be entered into a kept container of `engine`: it has images, and no words of the
    /// user's stand in its `run`, since nobody knows what of them would hold for an `exec`.
    pub fn serves(&self, engine: &Engine, spec: &RunSpec) -> bool {
        engine.has_images() && spec.options.is_empty()
    }

    /// The command that enters the container for `spec`, and which one that is. Looks at the files that are mounted, and asks nothing
    /// of the engine.
    ///
    /// # Errors
    ///
    /// When a path is not UTF-8.
    pub fn kept(
        &self,
        engine: &Engine,
        spec: &RunSpec,
        image: &KeptImage,
        host: &Host,
    ) -> Result<(Invocation, Kept)> {
        let place = self.place(engine, spec, image, host)?;
        let now = self.now(&place);
        let container = place.name(now.generation);
        let enter = argv::enter(engine, spec, &container, &image.entrypoint)?;
        let kept = Kept {
            running: now.running,
            start: argv::named(place.start.clone(), &container),
            container,
        };
        Ok((enter, kept))
    }

    /// These containers for runs of an image.
    pub fn for_image<'a>(&'a self, image: &'a KeptImage) -> KeptIn<'a> {
        KeptIn { pool: self, image }
    }

    /// Whether a container of this image is believed to run, so that the image needs no asking for.
    pub fn has_image(&self, engine: &Engine, image: &str, host: &Host) -> bool {
        let image = format!("{} {image}", client(engine, host));
        if self.warm.is_across_processes() {
            return record::all(&host.cache.join(SHARED)).any(|(_, record)| {
                record.image == image && record.is_fresh(self.warm.time_to_live())
            });
        }
        let places = self.places();
        places
            .values()
            .any(|place| place.image == image && place.state().is_running())
    }

    pub(super) fn places(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn idle_seconds(&self) -> u64 {
        self.warm.time_to_live().as_secs().max(1)
    }

    /// What is believed of the place now.
    pub(super) fn now(&self, place: &Place) -> Now {
        let (generation, running) = match self.warm.is_across_processes() {
            true => match Record::read(&place.met) {
                Some(it) => {
                    let fresh = it.key == place.key && it.is_fresh(self.warm.time_to_live());
                    (it.generation, fresh)
                }
                None => (0, false),
            },
            false => {
                let mut state = place.state();
                (state.generation, state.is_running())
            }
        };
        Now {
            generation: if running { generation } else { generation + 1 },
            running,
        }
    }

    pub(super) fn place(
        &self,
        engine: &Engine,
        spec: &RunSpec,
        image: &KeptImage,
        host: &Host,
    ) -> Result<Arc<Place>> {
        let idle = self.idle_seconds();
        let start = |met: &Path| {
            let relays = host.cache.join(test_relay::HOME);
            argv::start(
                engine,
                spec,
                met,
                &relays,
                idle,
                self.warm.is_across_processes(),
            )
        };
        let nowhere = start(Path::new("/"))?;
        let client = client(engine, host);
        let key = format!("{client}\n{nowhere}\n{image:?}\n{}", identities(spec));
        if let Some(place) = self.places().get(&key) {
            return Ok(Arc::clone(place));
        }
        // What is remembered says which key it is of.
        let hash = probe_cache::short_name(&key);
        let (base, met) = match self.warm.is_across_processes() {
            true => {
                let base = format!("{}-{hash}", spec.name);
                let met = host.cache.join(SHARED).join(&base);
                (base, met)
            }
            false => {
                let base = format!("{}-{hash}{}", spec.name, self.id);
                let met = host.cache.join(HOME).join(&base);
                (base, met)
            }
        };
        let named = match &spec.root {
            Root::Image(image) => image.as_str(),
            Root::Directory { .. } | Root::Host => "",
        };
        Ok(Arc::new(Place {
            purpose: format!("{} {:?} {}", spec.name, spec.network, spec.cwd.display()),
            image: format!("{client} {named}"),
            start: start(&met)?,
            key,
            base,
            met,
            state: Mutex::default(),
            used: AtomicU64::new(0),
        }))
    }

    /// Holds on to the place, so that later runs find it.
    pub(super) fn remember(&self, place: Arc<Place>) -> Arc<Place> {
        let mut places = self.places();
        Arc::clone(places.entry(place.key.clone()).or_insert(place))
    }

    /// Marks the place as the one used last.
    pub(super) fn touch(&self, place: &Place) {
        let now = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        place.used.store(now, Ordering::Relaxed);
    }

    /// Lets go of places for the same purpose that are not needed any more.
    pub(super) fn retire(&self, of: &Place) {
        let mut places = self.places();
        let mut same: Vec<_> = places
            .values()
            .filter(|place| place.purpose == of.purpose)
            .map(|place| (place.used.load(Ordering::Relaxed), place.key.clone()))
            .collect();
        same.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
        let retired: Vec<_> = same
            .into_iter()
            .skip(PER_PURPOSE)
            .filter_map(|(_, key)| places.remove(&key))
            .collect();
        drop(places);
        // Whoever is in one of them holds on to it until the end of the run.
        drop(retired);
    }
}

/// What says which engine answers, beside its program.
pub(super) fn client(engine: &Engine, host: &Host) -> String {
    const STEERING: [&str; 7] = [
        "CONTAINERS_CONF",
        "CONTAINERS_STORAGE_CONF",
        "CONTAINER_CONNECTION",
        "CONTAINER_HOST",
        "DOCKER_CONFIG",
        "DOCKER_CONTEXT",
        "DOCKER_HOST",
    ];
    let mut client = engine.program.display().to_string();
    for name in STEERING {
        if let Some(value) = host.variable(name) {
            client += &format!(" {name}={}", value.to_string_lossy());
        }
    }
    client
}

/// What is mounted, beyond its path: a directory that was removed and made again is another one, and what
/// has the old one mounted does not see the new one.
fn identities(spec: &RunSpec) -> String {
    let mut text = String::new();
    for mount in arranged(spec.lasting_mounts()) {
        if mount.access == Access::Scratch {
            continue;
        }
        if let Ok(meta) = fs::metadata(&mount.source) {
            text += &format!("{}:{} ", meta.dev(), meta.ino());
        }
    }
    if let Some(profile) = &spec.seccomp {
        text += &fs::read_to_string(profile).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests;
