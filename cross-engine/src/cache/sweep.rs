//! Removal of what a crash left behind.
//!
//! If a process is killed, lifelines end its runs, and the next run or build of the same kind
//! removes its files. This has to be done explicitly after a crash of the machine, and for a
//! container whose command stopped its lifeline, if both the owner and the watcher beside the run
//! were killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engines::answers;
use crate::engines::container;
use crate::engines::engine::EngineKind;
use crate::environment::base_rootfs;
use crate::environment::environments::Environments;
use crate::environment::manifest;
use crate::environment::package_cache;
use crate::image::staging::{IMPORT_LOCK, IMPORT_STAGED, remove_tree};
use crate::image::store;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::Result;
use crate::process::invocation::Invocation;
use crate::process::owner;
use crate::reach::transfer::FILLED;
use crate::reuse;
use crate::reuse::slot;
use crate::run::fifo_lifeline;
use crate::run::jobserver;
use crate::run::run_dir;
use crate::run::run_dir::GRACE;
use crate::run::test_relay;

/// What a sweep removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SweepSummary {
    /// The names of this library's containers that did not run any more or whose owner is gone, and
    /// of reused containers without an owner.
    pub containers: Vec<String>,
    /// The names of volumes on a remote engine that this machine used once and not for 30 days.
    /// Without the feature `remote`, they stay.
    pub volumes: Vec<String>,
    /// Directories of the cache: incomplete environments, bases and packages, lifelines, job
    /// servers and relays.
    pub directories: Vec<PathBuf>,
}

impl Environments<'_> {
    /// Removes what a crash of the machine left: this library's containers that do not run or have
    /// no owner, directories of the cache without an owner, and volumes that this machine has not
    /// used for 30 days. What is in use stays, and so does
    /// what was started less than a minute ago.
    ///
    /// # Errors
    ///
    /// If the engine or the cache cannot be read. What cannot be removed is not an error, and is
    /// not in the summary.
    pub fn sweep(&self, cancel: &Cancel) -> Result<SweepSummary> {
        let run_dirs = [
            fifo_lifeline::LIFELINES,
            jobserver::JOBSERVERS,
            test_relay::RELAYS,
            slot::PRIVATE,
        ]
        .map(|dir| self.store.host.cache.join(dir));
        let mut directories: Vec<_> = run_dirs
            .iter()
            .flat_map(|dir| run_dir::sweep(dir))
            .collect();
        directories.extend(self.sweep_directories());
        let mut containers = self.sweep_containers(cancel)?;
        if self.store.engine.has_images() {
            let (engine, host) = (self.store.engine, self.store.host);
            containers.extend(reuse::sweep::containers(engine, host, cancel)?);
            directories.extend(reuse::sweep::directories(engine, host, cancel)?);
        }
        Ok(SweepSummary {
            volumes: self.sweep_volumes(cancel)?,
            containers,
            directories,
        })
    }

    fn sweep_containers(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let (engine, variables) = (self.store.engine, &self.store.host.variables);
        if !engine.has_images() {
            return Ok(Vec::new());
        }
        let listed = self.listed(&container::list_stopped(engine), cancel)?;
        let now = clock::unix_time();
        let mut removed = Vec::new();
        for name in listed.lines() {
            // It has the name of its volume. Whoever has just created it is about to start it.
            if name.ends_with(FILLED) {
                if self.remove_filled(name, cancel)? {
                    removed.push(name.to_owned());
                }
                continue;
            }
            if started_at(name).is_none_or(|at| now.saturating_sub(at) < GRACE) {
                continue;
            }
            let output = process::output(&container::remove(engine, name), variables, cancel)?;
            if output.exit.success() {
                removed.push(name.to_owned());
            }
        }
        removed.extend(self.sweep_orphans(cancel)?);
        removed.extend(self.sweep_inner(cancel)?);
        Ok(removed)
    }

    /// Removes the containers that were started from within containers that do not run any more.
    fn sweep_inner(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let (engine, variables) = (self.store.engine, &self.store.host.variables);
        let listed = self.listed(&container::list_outer(engine), cancel)?;
        let inner: Vec<_> = listed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect();
        if inner.is_empty() {
            return Ok(Vec::new());
        }
        let running = process::output(&container::list_running(engine), variables, cancel)?;
        if !running.exit.success() {
            return Ok(Vec::new());
        }
        let is_gone = |outer: &str| !running.stdout.lines().any(|id| id.trim() == outer);
        let gone = inner.into_iter().filter(|(_, outer)| is_gone(outer));
        gone.filter_map(|(name, _)| self.end(name, cancel).transpose())
            .collect()
    }

    /// Kills and removes the container `name`, and returns its name if it was there.
    fn end(&self, name: &str, cancel: &Cancel) -> Result<Option<String>> {
        let (engine, variables) = (self.store.engine, &self.store.host.variables);
        // The engine removes a killed container by itself, so the removal can fail.
        let killed = process::output(&container::kill(engine, name), variables, cancel)?;
        let deleted = process::output(&container::remove(engine, name), variables, cancel)?;
        let was_there = killed.exit.success() || deleted.exit.success();
        Ok(was_there.then(|| name.to_owned()))
    }

    /// Removes the running containers whose owner is gone. A command in a container can stop its
    /// lifeline, and the watcher outside may have been killed, too.
    fn sweep_orphans(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let listed = self.listed(&container::list_owned(self.store.engine), cancel)?;
        let owned = listed.lines().filter_map(|line| line.split_once(' '));
        let orphans = owned.filter(|(_, owner)| owner::is_gone(owner));
        orphans
            .filter_map(|(name, _)| self.end(name, cancel).transpose())
            .collect()
    }

    fn listed(&self, list: &Invocation, cancel: &Cancel) -> Result<String> {
        answers::list(self.store.engine, list, self.store.host, cancel)
    }

    fn sweep_directories(&self) -> Vec<PathBuf> {
        let parents = [
            (store::ENVIRONMENTS, EngineKind::Sandbox.name()),
            (base_rootfs::BASES, base_rootfs::KIND),
            (package_cache::PACKAGES, "package"),
        ];
        let cache = &self.store.host.cache;
        let swept = parents.map(|(dir, kind)| self.sweep_incomplete(&cache.join(dir), kind));
        swept.concat()
    }

    /// Removes the incomplete entries of `dir`. `kind` is the prefix of their lock files.
    fn sweep_incomplete(&self, dir: &Path, kind: &str) -> Vec<PathBuf> {
        let mut removed = Vec::new();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let Some(lock) = name.to_str().and_then(|name| lock_of(name, &path, kind)) else {
                continue;
            };
            // A build holds the lock. Two processes may remove the same directory.
            let Ok(Some(_lock)) = self.store.try_lock(&lock) else {
                continue;
            };
            if path.exists() && remove_tree(&path).is_ok() {
                removed.push(path);
            }
        }
        removed
    }
}

/// The start of a container's run since the Unix epoch. Names end with it, in hexadecimal
/// nanoseconds.
fn started_at(name: &str) -> Option<Duration> {
    let (_, nanos) = name.rsplit_once('-')?;
    u64::from_str_radix(nanos, 16)
        .ok()
        .map(Duration::from_nanos)
}

/// The lock file of an incomplete entry; `None` for a complete one.
fn lock_of(name: &str, path: &Path, kind: &str) -> Option<String> {
    let Some(staged) = name.strip_prefix('.') else {
        let is_incomplete = path.is_dir() && !manifest::is_complete(path);
        return is_incomplete.then(|| format!("{kind}-{name}"));
    };
    let staged = staged.split(".removing.").next()?;
    if staged.starts_with(IMPORT_STAGED) {
        return Some(IMPORT_LOCK.to_owned());
    }
    let (environment, kind) = staged.rsplit_once('.')?;
    Some(format!("{kind}-{environment}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::engine::Engine;
    use crate::environment::manifest::MANIFEST;
    use crate::process::host::Host;
    use crate::process::invocation::Variables;
    use crate::process::lock::Lock;

    #[test]
    fn half_made_directories_go_unless_somebody_holds_them() {
        let cache = tempfile::tempdir().unwrap();
        let at = |name: &str| cache.path().join("environments").join(name);
        for name in [
            "whole-1",
            "half-removed-2",
            ".half-made-3.sandbox",
            ".half-made-4.docker.removing.77",
            ".in-the-making-5.sandbox",
            ".cross-import-0123456789ab",
            ".cross-import-0123456789ab.removing.7",
        ] {
            fs::create_dir_all(at(name).join("root")).unwrap();
        }
        fs::write(at("whole-1").join(MANIFEST), "{}").unwrap();
        let engine = Engine::sample(EngineKind::Sandbox);
        let lock = cache.path().join("locks/sandbox-in-the-making-5");
        let _lock = Lock::acquire(&lock, &Cancel::new(), &mut || ()).unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let swept = Environments::new(&engine, &host).sweep(&Cancel::new());
        let mut directories = swept.unwrap().directories;
        directories.sort();
        let gone = [
            ".cross-import-0123456789ab",
            ".cross-import-0123456789ab.removing.7",
            ".half-made-3.sandbox",
            ".half-made-4.docker.removing.77",
            "half-removed-2",
        ];
        assert_eq!(directories, gone.map(at));
        assert!(at("whole-1").exists() && at(".in-the-making-5.sandbox").exists());

        let staged = at(".cross-import-0123456789ab");
        fs::create_dir_all(&staged).unwrap();
        let lock = cache.path().join("locks/import");
        let lock = Lock::acquire(&lock, &Cancel::new(), &mut || ()).unwrap();
        let sweep = || Environments::new(&engine, &host).sweep(&Cancel::new());
        let swept = sweep().unwrap().directories;
        assert!(swept.is_empty(), "an import is running: {swept:?}");
        drop(lock);
        assert_eq!(sweep().unwrap().directories, [staged]);
    }

    #[test]
    fn a_containers_name_says_when_it_began() {
        let started = started_at("cross-aarch64-unknown-linux-gnu-71-187a5b2c4d0e1f00").unwrap();
        assert_eq!(started.as_nanos(), 0x187a_5b2c_4d0e_1f00);
        assert_eq!(super::started_at("somebody-elses"), None);
    }
}
