//! The containers that one owner reuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::engines::engine::{Engine, EngineKind};
use crate::engines::probe_cache;
use crate::os::FileFacts;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::unique_name::unique;
use crate::reuse::argv;
use crate::reuse::config::ContainerReuse;
use crate::reuse::record::{self, Record};
use crate::reuse::slot::{PRIVATE, SHARED, Slot, SlotStatus};
use crate::run::test_relay::RELAYS;
use crate::spec::mount::{Access, arrange_mounts};
use crate::spec::run_spec::{Root, RunSpec};

/// The number of containers with one purpose that a pool keeps: the one in use and the previous
/// one, in case two ways of building alternate.
const PER_PURPOSE: usize = 2;

/// The containers that one owner reuses. Those that no other process shares end when it is dropped.
#[derive(Debug)]
pub struct ContainerPool {
    pub(super) reuse: ContainerReuse,
    /// Distinguishes this pool's private containers from those of other pools on the machine.
    id: String,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    /// Counts uses.
    clock: AtomicU64,
}

/// What a run in a reused container needs to know of its image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContainerImage {
    /// The image's id, if its name alone does not determine its content.
    pub id: Option<String>,
    /// The image's entrypoint.
    pub entrypoint: Vec<String>,
}

impl ContainerImage {
    /// Creates an image with this id and entrypoint.
    pub fn new(id: Option<String>, entrypoint: Vec<String>) -> Self {
        ContainerImage { id, entrypoint }
    }
}

/// A pool's containers of one image: see [`ContainerPool::for_image`].
#[derive(Clone, Copy, Debug)]
pub struct ImagePool<'a> {
    pub(super) pool: &'a ContainerPool,
    pub(super) image: &'a ContainerImage,
}

/// A reused container, as it is now or would be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReusedContainer {
    /// Its name. A container that ends with its owner gets another one if the run creates a
    /// directory that it writes to.
    pub container: String,
    /// Whether it is expected to be running. If it is not, it is started.
    pub running: bool,
    /// The command that starts it. The standard input of this command is the lifeline of a
    /// container that ends with its owner.
    pub start: Invocation,
}

impl ContainerPool {
    /// Creates an empty pool.
    pub fn new(reuse: ContainerReuse) -> Self {
        ContainerPool {
            reuse,
            id: unique(""),
            slots: Mutex::default(),
            clock: AtomicU64::new(0),
        }
    }

    /// How the pool's containers are reused.
    pub fn reuse(&self) -> &ContainerReuse {
        &self.reuse
    }

    /// Whether `spec` can run in a reused container of `engine`. The engine has to be docker or
    /// podman, whose answers about a container that is gone are known, and the user must not add
    /// options to its `run`, because nobody knows which of them apply to an `exec`.
    pub fn can_run(&self, engine: &Engine, spec: &RunSpec) -> bool {
        let is_known = matches!(engine.kind, EngineKind::Docker | EngineKind::Podman);
        // On another kernel, the lifeline of a command is its standard input.
        let has_lifeline = !engine.own_kernel && spec.apart.is_none() || !spec.has_stdin();
        is_known && spec.options.is_empty() && has_lifeline
    }

    /// The command that enters the container for `spec`, and that container. Looks at the mounted
    /// files, and does not query the engine.
    ///
    /// # Errors
    ///
    /// If a path is not UTF-8.
    pub fn reused_container(
        &self,
        engine: &Engine,
        spec: &RunSpec,
        image: &ContainerImage,
        host: &Host,
    ) -> Result<(Invocation, ReusedContainer)> {
        let slot = self.slot(engine, spec, image, host)?;
        let status = self.status(&slot);
        let container = slot.name(status.generation);
        let enter = argv::enter(engine, spec, &container, &image.entrypoint)?;
        let reused = ReusedContainer {
            running: status.running,
            start: argv::named(slot.start.clone(), &container),
            container,
        };
        Ok((enter, reused))
    }

    /// The pool's containers for runs of an image.
    pub fn for_image<'a>(&'a self, image: &'a ContainerImage) -> ImagePool<'a> {
        ImagePool { pool: self, image }
    }

    /// Whether a container of this image is expected to be running, so that the image need not be
    /// inspected.
    pub fn has_image(&self, engine: &Engine, image: &str, host: &Host) -> bool {
        let image = format!("{} {image}", client(engine, host));
        if self.reuse.is_across_processes() {
            let time_to_live = self.reuse.time_to_live();
            return record::all(&host.cache.join(SHARED))
                .any(|(_, record)| record.image == image && record.is_fresh(time_to_live));
        }
        self.slots()
            .values()
            .any(|slot| slot.image == image && slot.private().is_running())
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn idle_seconds(&self) -> u64 {
        self.reuse.time_to_live().as_secs().max(1)
    }

    /// What is known of the slot's container now.
    pub(super) fn status(&self, slot: &Slot) -> SlotStatus {
        let (generation, running) = match self.reuse.is_across_processes() {
            true => match Record::read(&slot.dir) {
                Some(record) => {
                    let is_fresh = record.is_fresh(self.reuse.time_to_live());
                    (record.generation, record.key == slot.key && is_fresh)
                }
                None => (0, false),
            },
            false => {
                let mut private = slot.private();
                (private.generation, private.is_running())
            }
        };
        SlotStatus {
            generation: if running { generation } else { generation + 1 },
            running,
        }
    }

    /// The slot for `spec`: the pool's, or a new one that is not the pool's yet.
    pub(super) fn slot(
        &self,
        engine: &Engine,
        spec: &RunSpec,
        image: &ContainerImage,
        host: &Host,
    ) -> Result<Arc<Slot>> {
        let across_processes = self.reuse.is_across_processes();
        let start = |dir: &Path| {
            let relays = host.cache.join(RELAYS);
            let idle = self.idle_seconds();
            argv::start(engine, spec, dir, &relays, idle, across_processes)
        };
        let start_anywhere = start(Path::new("/"))?;
        let client = client(engine, host);
        // A plan names the container before the directories that a run writes to exist.
        let named = format!(
            "{client}\n{start_anywhere}\n{image:?}\n{}{}",
            identities(spec, |access| access != Access::Write),
            filter_text(spec)
        );
        let key = named.clone() + &identities(spec, |access| access == Access::Write);
        if let Some(slot) = self.slots().get(&key) {
            return Ok(Arc::clone(slot));
        }
        // Keys may have the same hash; the record has the whole key.
        let hash = probe_cache::short_hash;
        let (parent, base_name) = match across_processes {
            true => (SHARED, format!("{}-{}", spec.name, hash(&named))),
            false => (PRIVATE, format!("{}-{}{}", spec.name, hash(&key), self.id)),
        };
        let dir = host.cache.join(parent).join(&base_name);
        let image = match &spec.root {
            Root::Image(image) => image.as_str(),
            Root::Directory { .. } | Root::Host => "",
        };
        Ok(Arc::new(Slot {
            purpose: format!("{} {:?} {}", spec.name, spec.network, spec.cwd.display()),
            image: format!("{client} {image}"),
            start: start(&dir)?,
            key,
            base_name,
            dir,
            private: Mutex::default(),
            last_used: AtomicU64::new(0),
        }))
    }

    /// Adds the slot to the pool, so that later runs find it.
    pub(super) fn insert(&self, slot: Arc<Slot>) -> Arc<Slot> {
        let mut slots = self.slots();
        Arc::clone(slots.entry(slot.key.clone()).or_insert(slot))
    }

    /// Marks the slot as the one used last.
    pub(super) fn touch(&self, slot: &Slot) {
        let now = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        slot.last_used.store(now, Ordering::Relaxed);
    }

    /// Drops the slots with the same purpose that were used least recently.
    pub(super) fn retire(&self, latest: &Slot) {
        let mut slots = self.slots();
        let mut same: Vec<_> = slots
            .values()
            .filter(|slot| slot.purpose == latest.purpose)
            .map(|slot| (slot.last_used.load(Ordering::Relaxed), slot.key.clone()))
            .collect();
        same.sort_by_key(|(last_used, _)| std::cmp::Reverse(*last_used));
        let retired: Vec<_> = same
            .into_iter()
            .skip(PER_PURPOSE)
            .filter_map(|(_, key)| slots.remove(&key))
            .collect();
        // The end of a container takes a while, and other threads need the pool. A run in one of
        // these containers has a reference to its slot until it ends.
        drop(slots);
        drop(retired);
    }
}

/// What determines which engine answers: the program, and the variables that select a store or a
/// daemon.
pub(super) fn client(engine: &Engine, host: &Host) -> String {
    const SELECTING: [&str; 7] = [
        "CONTAINERS_CONF",
        "CONTAINERS_STORAGE_CONF",
        "CONTAINER_CONNECTION",
        "CONTAINER_HOST",
        "DOCKER_CONFIG",
        "DOCKER_CONTEXT",
        "DOCKER_HOST",
    ];
    let mut client = engine.program.display().to_string();
    for name in SELECTING {
        if let Some(value) = host.variable(name) {
            client += &format!(" {name}={}", value.to_string_lossy());
        }
    }
    client
}

/// The identities of the files that are mounted with a selected access. If a directory was removed
/// and created again, a container that has the old one mounted does not see the new one.
fn identities(spec: &RunSpec, selected: impl Fn(Access) -> bool) -> String {
    if let Some(identities) = &spec.apart {
        return identities.clone();
    }
    let mut text = String::new();
    for mount in arrange_mounts(spec.lasting_mounts()) {
        if mount.access == Access::Scratch || !selected(mount.access) {
            continue;
        }
        if let Ok((device, inode)) = FileFacts::at(&mount.source).map(|facts| facts.identity()) {
            text += &format!("{device}:{inode} ");
        }
    }
    text
}

/// The text of the user's own system call filter.
fn filter_text(spec: &RunSpec) -> String {
    let text = spec.seccomp.as_ref().map(fs::read_to_string);
    text.and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests;
