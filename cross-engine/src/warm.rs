//! Containers that are kept, so that a command is entered into one that runs already.
//!
//! Entering costs a third to a half of starting. What is fixed when a container starts (image, mounts, user,
//! network and the like) is its key; variables, directory and command come with each run. A key never
//! changes its container: what depends on something else gets another one.
//!
//! Finding out whether one is there costs no question: it is entered, and where it turns out to be gone,
//! another one is started.

mod argv;
mod attached;
mod keep;
mod record;
mod script;
mod session;
pub(crate) mod sweep;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::engine::Engine;
use crate::error::Result;
use crate::host::Host;
use crate::invocation::Invocation;
use crate::memory;
use crate::relay;
use crate::run::{Access, Root, RunSpec, arranged};
use crate::session::unique;

use keep::State;
pub use session::KeptSink;

/// The directory of the cache for containers that end with their owner.
pub(crate) const HOME: &str = "warm";
/// The directory of the cache for containers that processes share.
pub(crate) const SHARED: &str = "warm-shared";
/// How long a container is kept that nobody uses, unless it is said.
const IDLE: Duration = Duration::from_secs(600);
/// How many containers for the same purpose a pool keeps: the one in use, and the one before it, in case
/// two ways of building take turns.
const PER_PURPOSE: usize = 2;

/// Whether and how containers are kept between runs.
///
/// Only container CLIs have something to gain: the sandbox starts in a few milliseconds and ignores it.
///
/// What runs leave outside of their mounts (in `/tmp`, in their home) is seen by later runs in the same
/// container. Processes that a run leaves are ended with it.
///
/// ```
/// use std::time::Duration;
/// use cross_engine::Warm;
///
/// let mine = Warm::new();
/// assert_eq!(mine.time_to_live(), Duration::from_secs(600));
/// let everybodys = Warm::across_processes(Duration::from_secs(60));
/// assert_ne!(mine, everybodys);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warm {
    idle: Duration,
    across: bool,
}

impl Default for Warm {
    fn default() -> Self {
        Warm::new()
    }
}

impl Warm {
    /// Containers end with what keeps them, however that ends, and after ten minutes without a run.
    pub fn new() -> Self {
        Warm {
            idle: IDLE,
            across: false,
        }
    }

    /// Containers are left behind for later processes of the same user, and end by themselves when nobody
    /// has used them for `time_to_live`: in whole seconds, at least one.
    pub fn across_processes(time_to_live: Duration) -> Self {
        Warm {
            idle: time_to_live,
            across: true,
        }
    }

    /// How long a container is kept that nobody uses.
    pub fn time_to_live(&self) -> Duration {
        self.idle
    }

    /// Whether later processes find it.
    pub fn is_across_processes(&self) -> bool {
        self.across
    }

    /// Keeps a container that nobody uses for this long: in whole seconds, at least one.
    ///
    /// # Default value
    ///
    /// Ten minutes.
    #[must_use]
    pub fn idle_for(mut self, time_to_live: Duration) -> Self {
        self.idle = time_to_live;
        self
    }
}

/// The containers that are kept for one owner. Those that are only its own are gone when it is dropped.
#[derive(Debug)]
pub struct Pool {
    warm: Warm,
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
    pool: &'a Pool,
    image: &'a KeptImage,
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

/// What happens to a kept container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptEvent<'a> {
    /// It was started.
    #[non_exhaustive]
    Started {
        /// Its name.
        container: &'a str,
        /// Why.
        why: WhyStarted,
    },
    /// A run enters it.
    #[non_exhaustive]
    Entered {
        /// Its name.
        container: &'a str,
    },
}

/// Why a container was started that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WhyStarted {
    /// There was none for this purpose.
    First,
    /// The one before is gone: it was removed, or ended after its time.
    Gone,
    /// There is one for this purpose, but something that is fixed when it starts has changed since.
    Changed,
}

/// One key's container, and those that came before it under the same key.
#[derive(Debug)]
struct Place {
    /// Everything that is fixed when it starts.
    key: String,
    /// What it is for: containers of one purpose and different keys replace each other.
    purpose: String,
    image: String,
    /// Its name but for the generation.
    base: String,
    /// The directory in which it meets those who enter it: inside, only `shown` is seen.
    met: PathBuf,
    start: Invocation,
    state: Mutex<State>,
    used: AtomicU64,
}

impl Place {
    /// The name of the `generation`th container.
    fn name(&self, generation: u32) -> String {
        format!("{}-{generation}-warm", self.base)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        if self.warm.across {
            return record::all(&host.cache.join(SHARED))
                .any(|(_, record)| record.image == image && record.is_fresh(self.warm.idle));
        }
        let places = self.places();
        places
            .values()
            .any(|place| place.image == image && place.state().is_running())
    }

    fn places(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle_seconds(&self) -> u64 {
        self.warm.idle.as_secs().max(1)
    }

    fn place(
        &self,
        engine: &Engine,
        spec: &RunSpec,
        image: &KeptImage,
        host: &Host,
    ) -> Result<Arc<Place>> {
        let idle = self.idle_seconds();
        let start = |met: &Path| {
            let relays = host.cache.join(relay::HOME);
            argv::start(engine, spec, met, &relays, idle, self.warm.across)
        };
        let nowhere = start(Path::new("/"))?;
        let client = client(engine, host);
        let key = format!("{client}\n{nowhere}\n{image:?}\n{}", identities(spec));
        if let Some(place) = self.places().get(&key) {
            return Ok(Arc::clone(place));
        }
        // What is remembered says which key it is of.
        let hash = memory::short_name(&key);
        let (base, met) = match self.warm.across {
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
    fn remember(&self, place: Arc<Place>) -> Arc<Place> {
        let mut places = self.places();
        Arc::clone(places.entry(place.key.clone()).or_insert(place))
    }

    /// Marks the place as the one used last.
    fn touch(&self, place: &Place) {
        let now = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        place.used.store(now, Ordering::Relaxed);
    }

    /// Lets go of places for the same purpose that are not needed any more.
    fn retire(&self, of: &Place) {
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
fn client(engine: &Engine, host: &Host) -> String {
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

/// Held by whoever starts a container that processes share.
fn lock(host: &Host, base: &str) -> PathBuf {
    host.cache.join("locks").join(format!("warm-{base}"))
}

#[cfg(test)]
mod tests;
