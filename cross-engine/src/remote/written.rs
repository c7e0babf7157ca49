//! What a run changed in the directories that it may write, beside its target directory: fetched,
//! removed here, and remembered, so that it is not sent back.

use std::path::PathBuf;

use crate::os::{FileFacts, FileKind};
use crate::process::error::Result;
use crate::process::lock::Lock;
use crate::process::untrusted::Dir;
use crate::reach::transfer::VolumeKind;
use crate::remote::event::{TransferEvent, TransferSink};
use crate::remote::fetch::{Fetch, There, can_be_asked_for};
use crate::remote::fill::{Context, Filled};
use crate::remote::manifest::{Entry, Manifest, is_below, key};
use crate::remote::record;
use crate::remote::scan::{self, Scan};
use crate::spec::mount::{Access, Mount, arrange_mounts};

/// Makes the directories that a run may write as it left them. `filled` are the volumes as the run
/// found them.
pub(crate) fn bring_back(
    context: &Context<'_>,
    filled: &[Filled],
    on_event: &mut TransferSink<'_>,
) -> Result<()> {
    for mount in arrange_mounts(context.spec.mounts.clone()) {
        let Some(filled) = volume_of(context, &mount, filled) else {
            continue;
        };
        let dir = Dir::open(&mount.source)?;
        let deep = [mount.source.clone()];
        let nothing = mount.source.join(".cross-nothing");
        let mut fetch = Fetch::new(&dir, &nothing, &deep);
        fetch.only_changed = true;
        let fetched = context.fetch(&fetch, &mut |_| true, on_event)?;
        let base = key(&mount.source);
        // A claim that nothing is there, not even the directory itself, is none.
        if !fetched.there.directories.contains(&base) {
            continue;
        }
        let written = Written {
            dir: &dir,
            base,
            there: &fetched.there,
        };
        let here = scan::parts([mount.source.as_path()])?;
        for path in written.unnamed(&here) {
            context.emit(on_event, TransferEvent::Left { path: &path })?;
        }
        written.make_directories(&here);
        written.remove(&here, &filled.record.manifest);
        let _lock = Lock::acquire(
            &record::lock(context.engine, context.host, &filled.volume),
            context.cancel,
            &mut || {},
        )?;
        let known = record::read(context.engine, context.host, &filled.volume);
        // Who has filled it meanwhile has compared everything.
        let Some(mut known) = known.filter(|known| known.state == filled.record.state) else {
            continue;
        };
        let mut here = scan::parts([mount.source.as_path()])?;
        for (path, hash) in fetched.received {
            let arrived = key(&mount.source.join(path));
            if let Some(Entry::File { hash: known, .. }) = here.manifest.entries.get_mut(&arrived) {
                *known = hash;
            }
        }
        written.remember(&here, &mut known.manifest);
        record::write(context.engine, context.host, &filled.volume, &known)?;
    }
    Ok(())
}

/// The volume that has the source of `mount`, if a run may write there and it is sent.
fn volume_of<'f>(context: &Context<'_>, mount: &Mount, filled: &'f [Filled]) -> Option<&'f Filled> {
    let tree = context.transfer.tree_of(&mount.source)?;
    let is_sent = mount.access == Access::Write && tree.kind == VolumeKind::Sources;
    // A run gets no single file to write.
    if !is_sent || !mount.source.is_dir() {
        return None;
    }
    filled.iter().find(|filled| filled.volume == tree.volume)
}

/// A directory that a run may write, here and there.
struct Written<'a> {
    dir: &'a Dir,
    base: Vec<u8>,
    there: &'a There,
}

impl Written<'_> {
    /// The files there that are not here and cannot be asked for.
    fn unnamed(&self, here: &Scan) -> Vec<PathBuf> {
        let others = self.there.others.iter();
        let unnamed = others
            .filter(|key| !can_be_asked_for(key) && !here.manifest.entries.contains_key(*key));
        let shown = |key: &Vec<u8>| format!("/{}", String::from_utf8_lossy(key)).into();
        unnamed.map(shown).collect()
    }

    /// Makes the directories that the run made, even if nothing is in them.
    fn make_directories(&self, here: &Scan) {
        for key in &self.there.directories {
            if !is_below(key, &self.base) || here.manifest.entries.contains_key(key) {
                continue;
            }
            let path = std::str::from_utf8(key).ok().map(|key| format!("/{key}"));
            let relative = path
                .as_ref()
                .and_then(|path| self.dir.relative(path.as_ref()));
            if let Some(relative) = relative {
                // Where a link is in the way, there is nothing to be made.
                let _ = self.dir.create_dir_all(relative);
            }
        }
    }

    /// Removes what the run removed, unless it changed here since it was sent. `sent` is what the
    /// run found.
    fn remove(&self, here: &Scan, sent: &Manifest) {
        let is_gone = |key: &Vec<u8>| {
            !self.there.directories.contains(key) && !self.there.others.contains(key)
        };
        let entries = here
            .manifest
            .entries
            .keys()
            .filter(|key| is_below(key, &self.base));
        // What is in a directory comes after it.
        for key in entries.rev().filter(|key| is_gone(key)) {
            let (Some(place), Some(sent)) = (here.places.get(key), sent.entries.get(key)) else {
                continue;
            };
            let Some(relative) = self.dir.relative(place) else {
                continue;
            };
            let facts = self.dir.facts(relative);
            if facts.is_some_and(|facts| is_as_sent(&facts, sent)) {
                self.dir.remove(relative);
            }
        }
    }

    /// Makes `known`, which is what the volume had, what it has: what is `here` and there.
    fn remember(&self, here: &Scan, known: &mut Manifest) {
        let is_there =
            |key: &Vec<u8>| self.there.directories.contains(key) || self.there.others.contains(key);
        known
            .entries
            .retain(|key, _| !is_below(key, &self.base) || is_there(key));
        for (key, entry) in &here.manifest.entries {
            let has_arrived = match entry {
                Entry::Directory => self.there.directories.contains(key),
                Entry::File { hash, .. } => !hash.is_empty() && self.there.others.contains(key),
                Entry::Link(_) => false,
            };
            if has_arrived && is_below(key, &self.base) {
                known.entries.insert(key.clone(), entry.clone());
            }
        }
    }
}

/// Whether a file is as it was when it was sent.
fn is_as_sent(facts: &FileFacts, sent: &Entry) -> bool {
    match sent {
        Entry::Directory => facts.kind == FileKind::Directory,
        Entry::Link(_) => facts.kind == FileKind::SymbolicLink,
        Entry::File { size, modified, .. } => {
            let (seconds, nanoseconds) = facts.modified;
            let now = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
            let is_same = i128::try_from(*modified).is_ok_and(|modified| modified == now);
            facts.kind == FileKind::Regular && facts.len == *size && is_same
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    /// A directory with these files, and what a scan says of it.
    fn directory(files: &[&str]) -> (tempfile::TempDir, Scan) {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, *file).unwrap();
        }
        let scan = scan::parts([dir.path()]).unwrap();
        (dir, scan)
    }

    fn names(dir: &Path) -> Vec<String> {
        let scan = scan::parts([dir]).unwrap();
        let below = scan
            .places
            .values()
            .filter_map(|it| it.strip_prefix(dir).ok());
        below.map(|it| it.display().to_string()).collect()
    }

    #[test]
    fn only_what_the_run_removed_and_nobody_changed_is_removed() {
        let (dir, sent) = directory(&["gone", "edited", "kept", "d/gone", "full/gone"]);
        let at = |name: &str| dir.path().join(name);
        fs::write(at("edited"), "by the user").unwrap();
        fs::write(at("full/new"), "by the user").unwrap();
        let there = There {
            directories: [key(dir.path())].into_iter().collect(),
            others: [key(&at("kept"))].into_iter().collect(),
        };
        let opened = Dir::open(dir.path()).unwrap();
        let written = Written {
            dir: &opened,
            base: key(dir.path()),
            there: &there,
        };
        let here = scan::parts([dir.path()]).unwrap();
        written.remove(&here, &sent.manifest);
        assert_eq!(
            names(dir.path()),
            ["", "edited", "full", "full/new", "kept"]
        );
    }

    #[test]
    fn what_leads_elsewhere_is_not_removed() {
        let (outside, _) = directory(&["f"]);
        let (dir, sent) = directory(&["d/f"]);
        fs::remove_dir_all(dir.path().join("d")).unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("d")).unwrap();
        let there = There {
            directories: [key(dir.path())].into_iter().collect(),
            ..There::default()
        };
        let opened = Dir::open(dir.path()).unwrap();
        let written = Written {
            dir: &opened,
            base: key(dir.path()),
            there: &there,
        };
        // As when the link came after the files were looked at.
        written.remove(&sent, &sent.manifest);
        assert!(outside.path().join("f").exists());
    }

    #[test]
    fn what_arrived_is_remembered_and_what_changed_here_is_not() {
        let (dir, mut here) = directory(&["arrived", "mine", "removed"]);
        let at = |name: &str| key(&dir.path().join(name));
        if let Some(Entry::File { hash, .. }) = here.manifest.entries.get_mut(&at("arrived")) {
            *hash = "known".to_owned();
        }
        let there = There {
            directories: [key(dir.path())].into_iter().collect(),
            others: [at("arrived"), at("mine")].into_iter().collect(),
        };
        let opened = Dir::open(dir.path()).unwrap();
        let written = Written {
            dir: &opened,
            base: key(dir.path()),
            there: &there,
        };
        let mut known = Manifest::default();
        known.entries.insert(at("removed"), Entry::Directory);
        written.remember(&here, &mut known);
        let keys: Vec<_> = known.entries.keys().cloned().collect();
        assert_eq!(keys, [key(dir.path()), at("arrived")]);
    }
}
