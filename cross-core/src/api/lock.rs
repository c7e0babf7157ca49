//! Locking: finds out what the environments of targets are made of, and writes it to the lock file.

mod changes;
mod events;

use std::path::{Path, PathBuf};

use cross_engine::{Cancel, Contents, EnvironmentLocation, Lock, Progress, os};
use serde::Serialize;

use crate::api::requests::distinct;
use crate::facts::environment_name::NamedRecipe;
use crate::facts::environment_spec::EnvironmentSpec;
use crate::facts::facts::Facts;
use crate::facts::lock::Policy;
use crate::facts::{lock, probe};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::hash::short_hash;
use crate::model::lock_file::{EntryKey, LOCK_FILE, LockFile, LockedEnvironment};
use crate::request::cross::Cross;
use crate::request::request::Request;
pub use changes::{LockChange, PackageChange};
use events::notify;

/// A request to lock the environments of targets. [`Cross::lock`] creates it.
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct LockRequest {
    cross: Cross,
    targets: Vec<String>,
    update: bool,
    prune: bool,
    check: bool,
}

/// The outcome of locking.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LockOutcome {
    /// The lock file.
    pub path: PathBuf,
    /// The targets, in the order of the request, without duplicates.
    pub targets: Vec<LockedTarget>,
    /// The entries that are not in the file any more.
    pub removed: Vec<RemovedEntry>,
}

/// An entry of the lock file that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemovedEntry {
    /// Its target.
    pub target: String,
    /// The Debian architecture of the machines that it is for.
    pub architecture: String,
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
    /// What else differs from what was locked before, sorted. Empty for a new target.
    pub other_changes: Vec<LockChange>,
    /// What of the environment the lock does not decide, each for the end of a sentence: what the
    /// commands of a Dockerfile install.
    pub unlocked: Vec<String>,
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
            prune: false,
            check: false,
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

    /// Removes the entries of all other targets: those that the project does not build any more.
    ///
    /// # Default value
    ///
    /// `false`: other targets in the file are kept.
    pub fn prune(mut self, yes: bool) -> Self {
        self.prune = yes;
        self
    }

    /// Writes nothing, and fails if the file would change.
    ///
    /// # Default value
    ///
    /// `false`, unless [`Cross::frozen`] or `CROSS_FROZEN` freezes the file.
    pub fn check(mut self, yes: bool) -> Self {
        self.check = yes;
        self
    }

    /// Locks the targets. An environment that does not exist is made, because only then it is known
    /// what it is made of. Processes that lock at the same time and have the same cache directory
    /// wait for each other to write.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`] if the lock file cannot be used, if an environment cannot be locked, or
    /// if the file would change and must not; the errors of planning and of making an environment.
    /// The file is written at the end, whole or not at all. A damaged entry of a target that
    /// [`update`](LockRequest::update) locks again, or that [`prune`](LockRequest::prune) removes,
    /// is no error.
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
        let mut policy = None;
        for target in &self.targets {
            let request = cross.build(target);
            let facts = probe::probe(&request, cancel)?;
            let policy = policy.get_or_insert_with(|| Policy::of(&self.cross, &facts.settings));
            let root = facts.workspace.root.clone();
            let architecture = facts.env_spec.locked_architecture()?;
            let (file, _) = self.read(&root)?;
            let kept = file.find(target, &architecture);
            let kept = kept.filter(|it| !self.update && fits(it, &facts.env_spec));
            let environment = match kept {
                Some(environment) => {
                    events::ended(&request, 0.0, None);
                    environment.clone()
                }
                None if self.must_stay(policy) && !self.update => {
                    let what = format!("`{target}` is not locked as it is configured");
                    return Err(would_change(&[what], policy));
                }
                None => events::as_step(&request, || {
                    self.lock_one(&request, &facts, architecture, cancel)
                })?,
            };
            place = Some((root, facts.host.cache));
            found.push(Found {
                environment,
                unlocked: facts.env_spec.unlocked_parts(),
            });
        }
        let (Some((root, cache)), Some(policy)) = (place, policy) else {
            let message = "there is no target to lock";
            return Err(Error::new(ErrorKind::Request, message).with_help("name a target"));
        };
        // The link of a user's stays one.
        let link = root.join(LOCK_FILE);
        let path = os::canonical(&link).unwrap_or(link);
        let guard = format!("lock-file-{}", short_hash(&path.to_string_lossy(), 12));
        let guard = cache.join("locks").join(guard);
        let _guard = Lock::acquire(&guard, cancel, &mut || {}).map_engine_error()?;
        let (mut file, left_out) = self.read(&root)?;
        let outcome = self.update_file(&mut file, left_out, found, root.join(LOCK_FILE));
        if self.must_stay(&policy) {
            let changes = outcome.summary();
            match changes.is_empty() {
                true => return Ok(outcome),
                false => return Err(would_change(&changes, &policy)),
            }
        }
        files::write(&path, &file.render(), false)?;
        Ok(outcome)
    }

    /// Reads the lock without the damaged entries that it will not have in any case.
    fn read(&self, root: &Path) -> Result<(LockFile, Vec<EntryKey>)> {
        let is_replaced = |target: &str| {
            let is_named = self.targets.iter().any(|it| it == target);
            (self.update && is_named) || (self.prune && !is_named)
        };
        let read = lock::read_to_update(root, &is_replaced)?;
        Ok(read.unwrap_or_default())
    }

    /// Whether the file must not change.
    fn must_stay(&self, policy: &Policy) -> bool {
        self.check || policy.is_asked()
    }

    /// Puts what was found into `file`, which another process may have written since.
    fn update_file(
        &self,
        file: &mut LockFile,
        left_out: Vec<EntryKey>,
        found: Vec<Found>,
        path: PathBuf,
    ) -> LockOutcome {
        let mut removed = left_out;
        if self.prune {
            removed.extend(file.remove(|target| !self.targets.iter().any(|it| it == target)));
        }
        let targets: Vec<_> = found
            .into_iter()
            .map(|found| found.put(file, self.update))
            .collect();
        let is_gone = |(target, architecture): &EntryKey| file.find(target, architecture).is_none();
        let removed = removed.into_iter().filter(is_gone);
        let removed = removed.map(|(target, architecture)| RemovedEntry {
            target,
            architecture,
        });
        LockOutcome {
            path,
            targets,
            removed: removed.collect(),
        }
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
        if let Some(word) = facts.env_spec.unreadable_images().first() {
            let message = format!(
                "the Dockerfile's `{word}` names an image that only the engine can tell, so it \
                 cannot be locked"
            );
            let help = "write out the name of the image, or give its arguments a value \
                        (`ARG NAME=value`, `dockerfile.build-args`); name an image that is copied \
                        from or mounted as a stage: `FROM image AS name`";
            return Err(Error::new(ErrorKind::Lock, message).with_help(help));
        }
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

/// What a target's environment is made of.
struct Found {
    environment: LockedEnvironment,
    unlocked: Vec<String>,
}

impl Found {
    /// Puts the environment into the lock, and tells what it changes. What another process locked
    /// meanwhile of the same configuration stays, unless this is an update: it may be newer.
    fn put(self, file: &mut LockFile, is_update: bool) -> LockedTarget {
        let Found {
            environment,
            unlocked,
        } = self;
        let target = environment.target.clone();
        let there = file.find(&target, &environment.architecture);
        if let Some(there) = there.filter(|it| !is_update && is_of_same(it, &environment)) {
            return LockedTarget {
                target,
                sha256: there.sha256(),
                is_new: false,
                changes: Vec::new(),
                other_changes: Vec::new(),
                unlocked,
            };
        }
        let before = file.put(environment.clone());
        let is_new = before.is_none();
        let before = before.unwrap_or_else(|| environment.clone());
        LockedTarget {
            target,
            sha256: environment.sha256(),
            is_new,
            changes: changes::of_packages(&before, &environment),
            other_changes: changes::of_others(&before, &environment),
            unlocked,
        }
    }
}

fn fits(environment: &LockedEnvironment, env_spec: &EnvironmentSpec) -> bool {
    lock::check_fits(environment, env_spec).is_ok()
}

/// Whether both are of the same configuration.
fn is_of_same(one: &LockedEnvironment, other: &LockedEnvironment) -> bool {
    one.keys == other.keys
        && one.recipe == other.recipe
        && one.images.keys().eq(other.images.keys())
}

impl LockOutcome {
    /// What differs from the file, each in a few words.
    fn summary(&self) -> Vec<String> {
        let targets = self.targets.iter().filter_map(|target| {
            let count = target.changes.len() + target.other_changes.len();
            let name = &target.target;
            match (target.is_new, count) {
                (true, _) => Some(format!("`{name}` is not locked")),
                (false, 0) => None,
                (false, count) => Some(format!("`{name}` has {count} changes")),
            }
        });
        let removed = self.removed.iter().map(|entry| {
            let (target, architecture) = (&entry.target, &entry.architecture);
            format!("the entry of `{target}` (on {architecture}) would be removed")
        });
        targets.chain(removed).collect()
    }
}

/// The error for a file that would change and must not.
fn would_change(changes: &[String], policy: &Policy) -> Error {
    let message = format!("{LOCK_FILE} is not up to date: {}", changes.join(", "));
    let help = match policy.is_asked() {
        true => format!(
            "it is frozen: lock with {}, and commit the file",
            policy.remedy()
        ),
        false => "run the same without the check, and commit the file".to_owned(),
    };
    Error::new(ErrorKind::Lock, message).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::InstalledPackage;

    fn environment(target: &str, version: &str) -> LockedEnvironment {
        LockedEnvironment {
            target: target.to_owned(),
            architecture: "amd64".to_owned(),
            recipe: Some("r".to_owned()),
            packages: vec![InstalledPackage::new("gcc", version, "amd64")],
            ..LockedEnvironment::default()
        }
    }

    fn found(environment: LockedEnvironment) -> Vec<Found> {
        let unlocked = Vec::new();
        vec![Found {
            environment,
            unlocked,
        }]
    }

    /// A lock with this version of a package, which another process wrote.
    fn lock(version: &str) -> LockFile {
        let mut file = LockFile::default();
        file.put(environment("a", version));
        file
    }

    fn request(prune: bool, update: bool) -> LockRequest {
        let request = Cross::at(".").lock(["a"]);
        request.prune(prune).update(update)
    }

    #[test]
    fn what_another_process_locked_meanwhile_stays_unless_this_is_an_update() {
        let put = |update: bool, ours: LockedEnvironment| {
            let mut file = lock("2");
            let request = request(false, update);
            let done = request.update_file(&mut file, Vec::new(), found(ours), "x".into());
            let sha256 = file.environments[0].sha256();
            assert_eq!(
                done.targets[0].sha256, sha256,
                "what is told is in the file"
            );
            (file.environments.remove(0), done.summary().len())
        };
        let (older, newer) = (environment("a", "1"), environment("a", "2"));
        assert_eq!(put(false, older.clone()), (newer, 0));
        assert_eq!(put(true, older.clone()), (older.clone(), 1));
        let other = LockedEnvironment {
            recipe: Some("of another configuration".to_owned()),
            ..older
        };
        assert_eq!(put(false, other.clone()), (other, 1));
    }

    #[test]
    fn entries_of_targets_that_are_not_named_are_removed_on_demand_and_told() {
        for prune in [false, true] {
            let mut file = lock("1");
            file.put(environment("gone", "1"));
            let ours = found(environment("a", "1"));
            let request = request(prune, false);
            let done = request.update_file(&mut file, Vec::new(), ours, "x".into());
            assert_eq!(file.environments.len(), if prune { 1 } else { 2 });
            let removed: Vec<_> = done.removed.iter().map(|it| it.target.as_str()).collect();
            assert_eq!(removed, if prune { vec!["gone"] } else { vec![] });
            assert_eq!(done.summary().len(), usize::from(prune));
        }
        // A damaged entry that is there again is no loss.
        let key = |architecture: &str| ("a".to_owned(), architecture.to_owned());
        let left_out = vec![key("amd64"), key("arm64")];
        let ours = found(environment("a", "1"));
        let done =
            request(false, true).update_file(&mut LockFile::default(), left_out, ours, "x".into());
        assert_eq!(done.removed.len(), 1);
        assert_eq!(done.removed[0].architecture, "arm64");
    }
}
