//! Locking: finds out what the environments of targets are made of, and writes it to the lock file.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use cross_engine::{Cancel, Contents, EnvironmentLocation, Lock, Progress};
use serde::Serialize;

use crate::api::requests::distinct;
use crate::facts::environment_name::{NamedRecipe, build_architecture};
use crate::facts::facts::Facts;
use crate::facts::{lock, probe};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::lock_file::{LOCK_FILE, LockFile, LockedEnvironment};
use crate::request::cross::Cross;
use crate::request::event::EventKind;
use crate::request::request::Request;

/// A request to lock the environments of targets. [`Cross::lock`] creates it.
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct LockRequest {
    cross: Cross,
    targets: Vec<String>,
    update: bool,
}

/// The outcome of locking.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LockOutcome {
    /// The lock file.
    pub path: PathBuf,
    /// The targets, in the order of the request, without duplicates.
    pub targets: Vec<LockedTarget>,
}

/// A locked target.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LockedTarget {
    /// The target, as the request named it.
    pub target: String,
    /// The SHA-256 of what the lock says of its environment, in hexadecimal. The environment has
    /// the first twelve digits in its name.
    pub sha256: String,
    /// Whether the file did not have the target before.
    pub is_new: bool,
    /// The packages that differ from those that were locked before, sorted. Empty for a new target.
    pub changes: Vec<PackageChange>,
}

/// A package whose locked version changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct PackageChange {
    /// The name of the package.
    pub name: String,
    /// Its Debian architecture.
    pub architecture: String,
    /// The version that was locked before; `None` if it was not there.
    pub before: Option<String>,
    /// The version that is locked now; `None` if it is not there any more.
    pub after: Option<String>,
}

impl Cross {
    /// Locks the environments of `targets`: writes to `Cross.lock`, beside `Cross.toml`, every
    /// package with its version and hash, and the digest of every image. Commit the file. From then
    /// on, the environments are made of exactly that, on every machine and engine.
    ///
    /// A target that the file has already stays as it is, unless the configuration that decides its
    /// environment changed. [`update`](LockRequest::update) locks the newest packages. Other
    /// targets in the file are kept.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let locked = cross.lock(["aarch64-unknown-linux-gnu"]).run()?;
    /// println!("commit {}", locked.path.display());
    /// // Next month:
    /// for target in cross.lock(["aarch64-unknown-linux-gnu"]).update(true).run()?.targets {
    ///     println!("{}: {:?}", target.target, target.changes);
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn lock<I>(&self, targets: I) -> LockRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        LockRequest {
            cross: self.clone(),
            targets: distinct(targets),
            update: false,
        }
    }
}

impl LockRequest {
    /// Locks the newest packages and images, also of targets that are locked already.
    ///
    /// # Default value
    ///
    /// `false`.
    pub fn update(mut self, yes: bool) -> Self {
        self.update = yes;
        self
    }

    /// Locks the targets. An environment that does not exist is made, because only then it is known
    /// what it is made of. Processes that lock at the same time wait for each other to write.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] if the lock file cannot be used, or if an environment cannot be locked;
    /// the errors of planning and of making an environment. The file is written at the end, whole
    /// or not at all.
    pub fn run(&self) -> Result<LockOutcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](LockRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](LockRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<LockOutcome> {
        let cross = self.cross.clone().without_lock();
        let mut found = Vec::new();
        let mut place = None;
        for target in &self.targets {
            let request = cross.build(target);
            let facts = probe::probe(&request, cancel)?;
            let root = facts.workspace.root.clone();
            let architecture = build_architecture()?.to_string();
            let locked = lock::read(&root)?.unwrap_or_default();
            let kept = locked
                .find(target, &architecture)
                .filter(|it| !self.update && lock::check_fits(it, &facts.env_spec).is_ok());
            let environment = match kept {
                Some(environment) => environment.clone(),
                None => self.lock_one(&request, &facts, architecture, cancel)?,
            };
            found.push(environment);
            place = Some((root, facts.workspace.target_directory));
        }
        let Some((root, target_dir)) = place else {
            let message = "there is no target to lock";
            return Err(Error::new(ErrorKind::Request, message).with_help("name a target"));
        };
        // Another process may have written since.
        let guard = target_dir.join("cross").join("Cross.lock.lock");
        let _guard = Lock::acquire(&guard, cancel, &mut || {}).map_engine_error()?;
        let mut file = lock::read(&root)?.unwrap_or_default();
        let targets = found
            .into_iter()
            .map(|environment| put(&mut file, environment));
        let targets = targets.collect();
        let path = root.join(LOCK_FILE);
        files::write(&path, &file.render(), false)?;
        Ok(LockOutcome { path, targets })
    }

    /// Finds out what the environment of a request is made of, and makes it if it has to.
    fn lock_one(
        &self,
        request: &Request,
        facts: &Facts,
        architecture: String,
        cancel: &Cancel,
    ) -> Result<LockedEnvironment> {
        let target = &request.target;
        if facts.env_spec.host_toolset().is_some() {
            let message =
                "the engine `host` uses the tools of this machine, which cannot be locked";
            return Err(Error::new(ErrorKind::Lock, message).with_help("name another engine"));
        }
        let mut environment = LockedEnvironment {
            target: target.clone(),
            architecture,
            keys: facts.env_spec.deciding_keys.clone(),
            ..LockedEnvironment::default()
        };
        if let Some(named) = facts.env_spec.recipe() {
            if environment.keys.contains_key("runner") {
                let message = "`runner = \"qemu-system\"` takes parts of packages that are not \
                               installed, which cannot be locked yet";
                let help = "remove `runner` for the target, or leave the target out of the lock";
                return Err(Error::new(ErrorKind::Lock, message).with_help(help));
            }
            let contents = self.contents_of(request, facts, named, cancel)?;
            environment.recipe = Some(named.sha256.clone());
            environment.releases = contents.releases;
            environment.packages = contents.packages;
            environment.downloads = contents.downloads;
        }
        for image in facts.env_spec.registry_images() {
            let digest = self.digest_of(request, facts, &image, cancel)?;
            environment.images.insert(image, digest);
        }
        Ok(environment)
    }

    /// The contents of the environment of a recipe: those of the existing one, or of a new one.
    fn contents_of(
        &self,
        request: &Request,
        facts: &Facts,
        named: &NamedRecipe,
        cancel: &Cancel,
    ) -> Result<Contents> {
        let environments = facts.environments();
        let name = &named.blueprint.name;
        let location = environments.location(name);
        let exists = environments.exists(name, cancel).map_engine_error()?;
        if exists && !self.update {
            if let Some(contents) = recorded(facts, &location, cancel)? {
                return Ok(contents);
            }
        }
        self.refuse_offline(facts, &format!("the environment `{name}`"))?;
        let mut blueprint = named.blueprint.clone();
        let mut held = None;
        if exists {
            // The existing one may be in use, and stays. The other one is this process's until it is
            // removed, and what a killed process left is not the newest.
            blueprint.name += "-update";
            let lock = format!("lock-{}", blueprint.name);
            let lock = facts.host.cache.join("locks").join(lock);
            let wait = &mut || {
                let _ = notify(request, &Progress::Waiting);
            };
            held = Some(Lock::acquire(&lock, cancel, wait).map_engine_error()?);
            let removed = environments.remove(&blueprint.name, cancel);
            removed.map_engine_error()?;
        }
        let made = environments.make(&blueprint, cancel, &mut |progress| {
            notify(request, &progress)
        });
        made.map_engine_error()?;
        let contents = recorded(facts, &environments.location(&blueprint.name), cancel);
        if exists {
            environments
                .remove(&blueprint.name, cancel)
                .map_engine_error()?;
        }
        drop(held);
        contents?.ok_or_else(|| {
            let message = format!("the environment `{name}` kept no record of what is in it");
            Error::new(ErrorKind::Lock, message)
        })
    }

    /// The digest of an image in its registry.
    fn digest_of(
        &self,
        request: &Request,
        facts: &Facts,
        image: &str,
        cancel: &Cancel,
    ) -> Result<String> {
        let environments = facts.environments();
        let mut found = environments.image(image, cancel).map_engine_error()?;
        if found.is_none() || self.update {
            self.refuse_offline(facts, &format!("the image `{image}`"))?;
            let platform = facts.env_spec.platform(&facts.selected.engine).option;
            let pulled = environments.pull(image, platform.as_deref(), cancel, &mut |progress| {
                notify(request, &progress)
            });
            pulled.map_engine_error()?;
            found = environments.image(image, cancel).map_engine_error()?;
        }
        found.and_then(|facts| facts.digest).ok_or_else(|| {
            let message =
                format!("the image `{image}` has no digest, because it is in no registry");
            let help = "push it to a registry, or describe it with a Dockerfile (`dockerfile`)";
            Error::new(ErrorKind::Lock, message).with_help(help)
        })
    }

    fn refuse_offline(&self, facts: &Facts, what: &str) -> Result<()> {
        if !facts.offline {
            return Ok(());
        }
        let message = format!("offline mode is enabled, but locking needs {what}");
        Err(Error::new(ErrorKind::Offline, message).with_help("lock while online"))
    }
}

fn recorded(
    facts: &Facts,
    location: &EnvironmentLocation,
    cancel: &Cancel,
) -> Result<Option<Contents>> {
    let environments = facts.environments();
    environments.contents(location, cancel).map_engine_error()
}

fn notify(request: &Request, progress: &Progress<'_>) -> ControlFlow<()> {
    let message = match progress {
        Progress::Waiting => "waiting for another process that builds it",
        Progress::Stage(text) | Progress::Line(text) => text,
        _ => return ControlFlow::Continue(()),
    };
    let message = message.to_owned();
    let kind = EventKind::EnvironmentProgress { message };
    request.cross.emit(&request.target, kind)
}

/// Puts an environment into the lock, and tells what it changes.
fn put(file: &mut LockFile, environment: LockedEnvironment) -> LockedTarget {
    let target = environment.target.clone();
    let sha256 = environment.sha256();
    let after = versions(&environment);
    let before = file.put(environment);
    let is_new = before.is_none();
    let before = before.map_or_else(|| after.clone(), |it| versions(&it));
    let names: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
    let mut changes: Vec<_> = names
        .into_iter()
        .filter(|name| before.get(name) != after.get(name))
        .map(|name| PackageChange {
            before: before.get(&name).cloned(),
            after: after.get(&name).cloned(),
            name: name.0,
            architecture: name.1,
        })
        .collect();
    changes.sort();
    changes.dedup();
    LockedTarget {
        target,
        sha256,
        is_new,
        changes,
    }
}

/// The versions of the packages, by name and architecture.
fn versions(environment: &LockedEnvironment) -> BTreeMap<(String, String), String> {
    let packages = environment.packages.iter();
    packages
        .map(|package| {
            let key = (package.name.clone(), package.architecture.clone());
            (key, package.version.clone())
        })
        .collect()
}
