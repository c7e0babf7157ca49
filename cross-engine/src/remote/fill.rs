//! Fills a volume: sends what changed, as one archive.
//!
//! The container that fills a volume has the volume's name, so that the engine refuses a second
//! one: that is the lock between callers. What arrives is put beside the volume's tree first. Only
//! when all of it is there, the tree is changed, and then the list of what it has.
//!
//! Changed sources get the time of their arrival, by the engine's clock: cargo compares it with
//! that of what it built there, and the caller's clock may differ by an hour.

use std::io::{self, Read as _, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engines::engine::Engine;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::lock::Lock;
use crate::process::script::joined;
use crate::process::unique_name::unique;
use crate::reach::transfer::{FILLED, Transfer, Tree, VolumeKind};
use crate::remote::archive::Writer;
use crate::remote::event::{TransferEvent, TransferSink};
use crate::remote::helper::{self, Rights};
use crate::remote::manifest::{Changes, Entry, Manifest, key};
use crate::remote::record::{self, Record};
use crate::remote::scan::{self, Scan};
use crate::remote::volume;
use crate::spec::mount::{Mount, arrange_mounts};
use crate::spec::run_spec::RunSpec;

const FILL: &str = include_str!("fill.sh");

/// How long to wait before another attempt to fill a volume that another caller fills.
const RETRY: Duration = Duration::from_millis(200);

/// After how many attempts a container that was created and not started is taken to be left over.
const CREATED: u32 = 50;

/// After how many bytes the progress is told.
const EVERY: u64 = 32 << 20;

/// The state of a volume that has none.
const NONE: &str = "-";

/// The volume of a tree, filled.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    pub(crate) record: Record,
    pub(crate) volume: String,
}

/// Everything that filling needs to know of a run.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) spec: &'a RunSpec,
    pub(crate) transfer: &'a Transfer,
    pub(crate) host: &'a Host,
    pub(crate) cancel: &'a Cancel,
}

impl Context<'_> {
    /// Makes the volumes of all `trees` have what the run needs, at the same time: most of the time
    /// is that of starting containers.
    pub(crate) fn fill_all(
        &self,
        trees: &[&Tree],
        distrust: bool,
        on_event: &mut TransferSink<'_>,
    ) -> Result<Vec<Filled>> {
        let sink = &Mutex::new(on_event);
        let stop = &self.cancel.child();
        let context = &Context {
            cancel: stop,
            ..*self
        };
        let results: Vec<_> = thread::scope(|scope| {
            let fill = |tree| {
                let filled = context.fill(tree, distrust, &mut |event| {
                    let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                    (*sink)(event)
                });
                if filled.is_err() {
                    stop.cancel();
                }
                filled
            };
            let threads: Vec<_> = trees
                .iter()
                .map(|&tree| scope.spawn(move || fill(tree)))
                .collect();
            let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
            joined
                .map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        // The others were stopped after the first that failed.
        let is_stopped = |result: &Result<Filled>| match result {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::Cancelled,
        };
        let (stopped, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(is_stopped);
        failed.into_iter().chain(stopped).collect()
    }

    /// Makes the volume of `tree` have what the run needs. If `distrust`, what is remembered of it
    /// is compared with the volume even if nothing changed here.
    pub(crate) fn fill(
        &self,
        tree: &Tree,
        distrust: bool,
        on_event: &mut TransferSink<'_>,
    ) -> Result<Filled> {
        let lock = record::lock(self.engine, self.host, &tree.volume);
        let _lock = Lock::acquire(&lock, self.cancel, &mut || {})?;
        let mut scan = self.scan(tree)?;
        let known = record::read(self.engine, self.host, &tree.volume);
        if let Some(known) = known.clone().filter(|_| !distrust) {
            if changes(tree, &known.manifest, &mut scan)?.is_empty() {
                record::touch(self.engine, self.host, &tree.volume);
                return Ok(self.filled(tree, known));
            }
        }
        volume::make(self.engine, tree, self.host, self.cancel)?;
        // Where it is can be asked while it is filled.
        let (filled, place) = thread::scope(|scope| {
            let place = || volume::place(self.engine, tree, self.host, self.cancel);
            let place = scope.spawn(place);
            let filled = self.fill_volume(tree, known.as_ref(), &mut scan, on_event);
            let place = place.join().unwrap_or_else(|panic| resume_unwind(panic));
            (filled, place)
        });
        let (state, manifest) = filled?;
        let record = Record {
            state,
            place: place?,
            manifest,
        };
        record::write(self.engine, self.host, &tree.volume, &record)?;
        Ok(self.filled(tree, record))
    }

    /// Fills the volume of `tree`, which exists, as soon as no other caller does. Returns its state.
    fn fill_volume(
        &self,
        tree: &Tree,
        known: Option<&Record>,
        scan: &mut Scan,
        on_event: &mut TransferSink<'_>,
    ) -> Result<(String, Manifest)> {
        let filler = Filler {
            context: self,
            tree,
            name: format!("{}{}", tree.volume, FILLED),
        };
        let (mut waiting, mut attempts) = (false, 0);
        loop {
            match filler.attempt(known, scan, on_event)? {
                Some(filled) => return Ok(filled),
                None if !waiting => {
                    waiting = true;
                    let volume = &tree.volume;
                    self.emit(on_event, TransferEvent::Waiting { volume })?;
                }
                None => {
                    attempts += 1;
                    volume::remove_dead(
                        self.engine,
                        &filler.name,
                        attempts % CREATED == 0,
                        self.host,
                        self.cancel,
                    )?;
                    thread::sleep(RETRY);
                    self.cancel
                        .check()
                        .map_err(|why| Error::stopped(why, "the wait for another caller"))?;
                }
            }
        }
    }

    fn filled(&self, tree: &Tree, record: Record) -> Filled {
        Filled {
            record,
            volume: tree.volume.clone(),
        }
    }

    /// Looks at what the volume of `tree` has to have.
    fn scan(&self, tree: &Tree) -> Result<Scan> {
        let mounts = arrange_mounts(self.spec.mounts.clone());
        let is_of_tree = |path: &Path| {
            let of = self.transfer.tree_of(path);
            of.is_some_and(|of| of.volume == tree.volume)
        };
        let mut scan = match tree.kind {
            VolumeKind::Sources => {
                let (named, with_caches) = (&self.spec.mounts, self.transfer.with_caches);
                scan::sources(&mounts, named, is_of_tree, with_caches)?
            }
            VolumeKind::Target => Scan::default(),
            _ => {
                let mut scan = Scan::default();
                let keys = tree.parts.iter().filter_map(|part| scan::part_key(part));
                scan.manifest.parts = keys.collect();
                scan
            }
        };
        scan.manifest.at = clock::unix_time().as_nanos();
        if tree.kind != VolumeKind::Sources {
            let ours = mounts.iter().filter(|mount| is_of_tree(&mount.source));
            for mount in ours {
                add_directories(&mut scan.manifest, mount);
            }
        }
        Ok(scan)
    }

    pub(crate) fn emit(
        &self,
        on_event: &mut TransferSink<'_>,
        event: TransferEvent<'_>,
    ) -> Result<()> {
        match on_event(event).is_break() {
            true => Err(Error::new(
                ErrorKind::Cancelled,
                "stopped by the event listener",
            )),
            false => Ok(()),
        }
    }
}

/// Adds the directories of a mount whose files are not looked at.
fn add_directories(manifest: &mut Manifest, mount: &Mount) {
    for dir in mount
        .source
        .ancestors()
        .filter(|dir| dir.parent().is_some())
    {
        manifest.entries.insert(key(dir), Entry::Directory);
    }
}

/// What has to be done so that the volume of `tree`, which has `before`, has what `scan` says.
fn changes(tree: &Tree, before: &Manifest, scan: &mut Scan) -> Result<Changes> {
    if !tree.only_grows() {
        let places = &scan.places;
        let hash = &mut |key: &[u8]| {
            places
                .get(key)
                .map_or_else(String::new, |at| scan::hash(at))
        };
        return Ok(before.changes(&mut scan.manifest, &scan.roots, hash));
    }
    let is_new = |part: &&std::path::PathBuf| {
        scan::part_key(part).is_some_and(|key| !before.parts.contains(&key))
    };
    let new: Vec<_> = tree
        .parts
        .iter()
        .filter(is_new)
        .map(|it| it.as_path())
        .collect();
    let sent = scan::parts(new)?;
    let known = |key: &&Vec<u8>| !before.entries.contains_key(*key);
    let directories = scan.manifest.entries.keys().filter(known).cloned();
    let changes = Changes {
        send: directories
            .chain(sent.manifest.entries.keys().cloned())
            .collect(),
        remove: Vec::new(),
    };
    scan.places.extend(sent.places);
    scan.manifest.entries.extend(sent.manifest.entries);
    Ok(changes)
}

struct Filler<'a> {
    context: &'a Context<'a>,
    tree: &'a Tree,
    name: String,
}

impl Filler<'_> {
    /// Fills the volume, and returns its state; `None` if another caller fills it.
    fn attempt(
        &self,
        known: Option<&Record>,
        scan: &mut Scan,
        on_event: &mut TransferSink<'_>,
    ) -> Result<Option<(String, Manifest)>> {
        let Context {
            engine,
            spec,
            host,
            cancel,
            ..
        } = *self.context;
        let (uid, gid) = helper::owner(engine);
        let known_state = known.map_or(NONE, |known| &known.state);
        let mut args = vec![known_state.to_owned(), format!("{uid}:{gid}")];
        if self.tree.kind == VolumeKind::Sources {
            // The time of arrival.
            args.push("-m".to_owned());
        }
        let label = unique("fill");
        let names = (
            self.name.as_str(),
            label.as_str(),
            self.tree.volume.as_str(),
        );
        let script = joined([FILL]);
        let invocation = helper::invocation(engine, spec, names, Rights::Fill, script, &args)?;
        let ended = helper::converse(&invocation, host, cancel, |mut to, mut from| {
            let Some(before) = hear_state(&mut from, known)? else {
                return Ok(None);
            };
            let has_none = before.is_none();
            let (state, before) = before.unwrap_or_default();
            let changes = changes(self.tree, &before, scan)?;
            if changes.is_empty() && !has_none {
                helper::say(&mut to, b"keep\n")?;
                return Ok(Some((state, before)));
            }
            let state = unique("state");
            let order = if has_none { "anew" } else { "send" };
            helper::say(&mut to, format!("{order} {state}\n").as_bytes())?;
            let manifest = self.send(to, &before, scan, &changes, on_event)?;
            let mut rest = String::new();
            let _ = from.take(64).read_to_string(&mut rest);
            match rest.trim_end() == "filled" {
                true => Ok(Some((state, manifest))),
                false => Ok(None),
            }
        })
        .inspect_err(|_| helper::remove_begun(engine, &label, host))?;
        let what = "fill a volume";
        match (ended.said, ended.exit.success()) {
            (Ok(Some(filled)), true) => Ok(Some(filled)),
            (Err(error), _) if error.kind() != ErrorKind::Unreachable => Err(error),
            _ if ended.stderr.contains("is already in use") => Ok(None),
            (said, _) => {
                let stderr = match (ended.stderr.trim().is_empty(), said) {
                    (true, _) if ended.exit.code == Some(65) => "unexpected EOF".to_owned(),
                    (true, Err(error)) => return Err(error),
                    _ => ended.stderr,
                };
                Err(helper::failure(engine, what, ended.exit, &stderr))
            }
        }
    }

    /// Sends the archive, and returns the manifest of what the volume has then.
    fn send(
        &self,
        to: impl Write,
        before: &Manifest,
        scan: &mut Scan,
        changes: &Changes,
        on_event: &mut TransferSink<'_>,
    ) -> Result<Manifest> {
        let lost = |source: io::Error| {
            Error::new(
                ErrorKind::Unreachable,
                "the connection to the engine was lost",
            )
            .with_source(source)
        };
        let size = |entry: &Entry| match entry {
            Entry::File { size, .. } => *size,
            _ => 0,
        };
        let now = &mut scan.manifest;
        let all = changes.send.iter().filter_map(|key| now.entries.get(key));
        let (of, files) = all.fold((0, 0), |(bytes, files), entry| {
            let is_file = usize::from(matches!(entry, Entry::File { .. }));
            (bytes + size(entry), files + is_file)
        });
        let owner = helper::owner(self.context.engine);
        let to = io::BufWriter::with_capacity(256 << 10, to);
        let mut writer = Writer::new(to, owner, !self.tree.only_grows());
        writer.removals(&changes.remove).map_err(lost)?;
        let (mut bytes, mut told) = (0, 0);
        let mut tell = |bytes: u64| {
            let volume = self.tree.volume.as_str();
            let event = TransferEvent::Sent {
                volume,
                bytes,
                of,
                files,
            };
            self.context.emit(on_event, event)
        };
        for key in &changes.send {
            let Some(entry) = now.entries.get_mut(key) else {
                continue;
            };
            let place = scan.places.get(key).map(|place| place.as_path());
            writer.entry(key, entry, place).map_err(lost)?;
            bytes += size(entry);
            let is_time = bytes - told >= EVERY;
            if is_time && bytes < of {
                told = bytes;
                tell(bytes)?;
            }
        }
        tell(bytes)?;
        let mut now = std::mem::take(now);
        if self.tree.only_grows() {
            // The parts say what is there.
            now.entries.retain(|_, entry| *entry == Entry::Directory);
        }
        let after = before.updated(now, &scan.roots);
        let mut to = writer.finish(&after).map_err(lost)?;
        to.flush().map_err(lost)?;
        Ok(after)
    }
}

/// Reads the state of a volume, and what it has: `None` if the helper says nothing, and
/// `Some(None)` if the volume has no state.
#[expect(
    clippy::option_option,
    reason = "no answer is another thing than no state"
)]
fn hear_state(
    from: &mut impl io::BufRead,
    known: Option<&Record>,
) -> Result<Option<Option<(String, Manifest)>>> {
    let mut lines = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        match from.read_line(&mut line) {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) if line == ".\n" => break,
            Ok(_) => lines.push(line.trim_end_matches('\n').to_owned()),
        }
    }
    let state = lines.first().and_then(|line| line.strip_prefix("have "));
    let Some(state) = state else {
        return Ok(None);
    };
    if state == NONE {
        return Ok(Some(None));
    }
    let manifest = match known.filter(|known| known.state == state) {
        Some(known) => Some(known.manifest.clone()),
        None => Manifest::parse(&lines[1..].join("\n")),
    };
    // A volume of another version of this library is filled from nothing.
    Ok(Some(manifest.map(|manifest| (state.to_owned(), manifest))))
}
