//! What a crash left behind: found by what makes it ours, and removed.
//!
//! What a run or a making leaves when its process is killed is ended by its lifeline, or removed by the
//! next of its kind. Nobody does either when the machine itself went down, or when a container's command has
//! stopped its lifeline and both the owner and what waits beside the run were killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engines::container;
use crate::engines::engine::Kind;
use crate::environment::base_rootfs;
use crate::environment::environments::Environments;
use crate::environment::manifest::MANIFEST;
use crate::environment::package_cache;
use crate::image::staging::remove_tree;
use crate::image::store;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::Result;
use crate::process::owner;
use crate::reuse;
use crate::reuse::place;
use crate::run::fifo_lifeline;
use crate::run::jobserver;
use crate::run::run_dir;
use crate::run::run_dir::YOUNG;
use crate::run::test_relay;

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Swept {
    /// Containers of ours, by name: those that did not run any more, those whose owner is gone, and kept ones that
    /// nobody keeps.
    pub containers: Vec<String>,
    /// Directories of the cache: environments that were half made or half removed, with their packages
    /// and what they begin with, lifelines, job servers and relays.
    pub directories: Vec<PathBuf>,
}

impl Environments<'_> {
    /// Removes what a crash of the machine left: containers with our label that do not run, or that nobody owns or
    /// keeps, and directories of the cache that nobody holds. What is in use stays, and so does what began less
    /// than a minute ago.
    ///
    /// # Errors
    ///
    /// When the engine or the cache cannot be read. That one thing cannot be removed is no error: it is
    /// not among what was removed.
    pub fn sweep(&self, cancel: &Cancel) -> Result<Swept> {
        let homes = [
            fifo_lifeline::HOME,
            jobserver::HOME,
            test_relay::HOME,
            place::HOME,
        ]
        .map(|home| self.store.host.cache.join(home));
        let mut directories: Vec<_> = homes.iter().flat_map(|home| run_dir::sweep(home)).collect();
        directories.extend(self.sweep_directories());
        let mut containers = self.sweep_containers(cancel)?;
        if self.store.engine.has_images() {
            let (engine, host) = (self.store.engine, self.store.host);
            containers.extend(reuse::sweep::containers(engine, host, cancel)?);
            directories.extend(reuse::sweep::directories(engine, host, cancel)?);
        }
        Ok(Swept {
            containers,
            directories,
        })
    }

    fn sweep_containers(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let (engine, variables) = (self.store.engine, &self.store.host.variables);
        if !engine.has_images() {
            return Ok(Vec::new());
        }
        let said = process::output(&container::ended(engine), variables, cancel)?;
        let now = clock::unix_time();
        let mut removed = Vec::new();
        for name in said.stdout.lines() {
            if began(name).is_none_or(|at| now.saturating_sub(at) < YOUNG) {
                continue;
            }
            let gone = process::output(&container::remove(engine, name), variables, cancel)?;
            if gone.exit.success() {
                removed.push(name.to_owned());
            }
        }
        removed.extend(self.sweep_orphans(cancel)?);
        Ok(removed)
    }

    /// Removes the containers whose owner is gone, and which still run: a command in one can stop its lifeline,
    /// and what waits outside may have been killed, too.
    fn sweep_orphans(&self, cancel: &Cancel) -> Result<Vec<String>> {
        let (engine, variables) = (self.store.engine, &self.store.host.variables);
        let said = process::output(&container::owned(engine), variables, cancel)?;
        let named = said.stdout.lines().filter_map(|line| line.split_once(' '));
        let mut removed = Vec::new();
        for (name, _) in named.filter(|(_, of)| owner::is_gone(of)) {
            // An engine removes one that was killed by itself, and may be at it when it is asked to.
            let killed = process::output(&container::kill(engine, name), variables, cancel)?;
            let gone = process::output(&container::remove(engine, name), variables, cancel)?;
            if killed.exit.success() || gone.exit.success() {
                removed.push(name.to_owned());
            }
        }
        Ok(removed)
    }

    fn sweep_directories(&self) -> Vec<PathBuf> {
        let homes = [
            (store::HOME, Kind::Sandbox.name()),
            (base_rootfs::HOME, base_rootfs::KIND),
            (package_cache::HOME, "package"),
        ];
        let cache = &self.store.host.cache;
        let swept = homes.map(|(home, kind)| self.sweep_half_made(&cache.join(home), kind));
        swept.concat()
    }

    /// Removes from `home` what was to become something of `kind`.
    fn sweep_half_made(&self, home: &Path, kind: &str) -> Vec<PathBuf> {
        let mut removed = Vec::new();
        for entry in fs::read_dir(home).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let Some(lock) = name.to_str().and_then(|name| lock_of(name, &path, kind)) else {
                continue;
            };
            // Whoever makes it holds the lock. One that is being removed may be removed by two.
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

/// When the run began that the container `name` is of, since the Unix epoch: names end with it, in
/// hexadecimal nanoseconds.
fn began(name: &str) -> Option<Duration> {
    let (_, nanos) = name.rsplit_once('-')?;
    u64::from_str_radix(nanos, 16)
        .ok()
        .map(Duration::from_nanos)
}

/// The lock of what the entry `name` was to become, among those of `kind`; nothing for what is whole.
fn lock_of(name: &str, path: &Path, kind: &str) -> Option<String> {
    let Some(made) = name.strip_prefix('.') else {
        let half = path.is_dir() && !path.join(MANIFEST).exists();
        return half.then(|| format!("{kind}-{name}"));
    };
    let made = made.split(".removing.").next()?;
    let (environment, kind) = made.rsplit_once('.')?;
    Some(format!("{kind}-{environment}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::engine::Engine;
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
        ] {
            fs::create_dir_all(at(name).join("root")).unwrap();
        }
        fs::write(at("whole-1").join(MANIFEST), "{}").unwrap();
        let engine = Engine {
            kind: Kind::Sandbox,
            program: "bwrap".into(),
            version: String::new(),
            rootless: false,
            architecture: "amd64".into(),
            user: (0, 0),
            floor: Default::default(),
        };
        let held = cache.path().join("locks/sandbox-in-the-making-5");
        let _held = Lock::acquire(&held, &Cancel::new(), &mut || ()).unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let swept = Environments::new(&engine, &host).sweep(&Cancel::new());
        let mut directories = swept.unwrap().directories;
        directories.sort();
        let gone = [
            ".half-made-3.sandbox",
            ".half-made-4.docker.removing.77",
            "half-removed-2",
        ];
        assert_eq!(directories, gone.map(at));
        assert!(at("whole-1").exists() && at(".in-the-making-5.sandbox").exists());
    }

    #[test]
    fn a_containers_name_says_when_it_began() {
        let began = began("cross-aarch64-unknown-linux-gnu-71-187a5b2c4d0e1f00").unwrap();
        assert_eq!(began.as_nanos(), 0x187a_5b2c_4d0e_1f00);
        assert_eq!(super::began("somebody-elses"), None);
    }
}
