//! Environment specs that a lock completes: packages by their hashes, and images by their digests.

use std::collections::{BTreeMap, BTreeSet};

use cross_engine::LockedPackages;
use cross_targets::RustSource;

use super::base_images::{self, CHOSEN, Images, with_digest};
use super::dockerfile::{CROSS_BASE_IMAGE, Dockerfile};
use super::{Base, EnvironmentSpec, SpecContext, build_architecture};
use crate::facts::environment_name::NamedRecipe;
use crate::host::sdk::UserSdk;
use crate::model::error::Result;
use crate::model::hash::short_hash;
use crate::model::lock_file::{LockedEnvironment, how_to_update};

/// The length of the hashes that stand for long values.
const SHORT: usize = 12;
/// The key of the suite.
pub(crate) const SUITE: &str = "suite";
/// The keys whose values are long, so that their hashes stand for them.
const PRE_BUILD: &str = "pre-build";
const DOCKERFILE: &str = "dockerfile.file";
const ARGUMENTS: &str = "dockerfile.build-args";
/// Stands for the version of an SDK that does not say it.
const UNKNOWN: &str = "of an unknown version";

impl EnvironmentSpec {
    /// Finds the keys of the configuration that decide what the environment is made of. The value
    /// of a text of the user's is its hash.
    pub(crate) fn find_deciding_keys(&mut self, context: &SpecContext<'_>) {
        let config = context.config;
        let mut keys = BTreeMap::new();
        let mut set = |key: &str, value: Option<String>| {
            keys.extend(value.map(|value| (key.to_owned(), value)));
        };
        let is_packaged = context.rust != RustSource::External;
        set("toolchain", is_packaged.then(|| "image".to_owned()));
        let builds_std = context.rust == RustSource::PackagedSource;
        set("build-std", builds_std.then(|| "true".to_owned()));
        set(SUITE, config.suite.as_ref().map(|key| key.value.clone()));
        let packages: Vec<_> = config
            .packages
            .iter()
            .map(|key| key.value.as_str())
            .collect();
        set(
            "packages",
            (!packages.is_empty()).then(|| packages.join(" ")),
        );
        let zig = context.zig();
        set("zig.enable", zig.map(|_| "true".to_owned()));
        set("zig.version", zig.and_then(|zig| zig.version.clone()));
        let script = self
            .recipe()
            .and_then(|named| named.blueprint.pre_build.as_ref());
        let script = script.or(self.pre_build.as_ref());
        set(PRE_BUILD, script.map(|script| short_hash(script, SHORT)));
        // Only a runner that the library knows by its name brings packages along.
        let runner = config.runner.as_ref().map(|key| key.value.clone());
        set(
            "runner",
            runner.filter(|_| context.named_runner().is_some()),
        );
        let version = |sdk: &UserSdk| sdk.version.clone().unwrap_or(UNKNOWN.to_owned());
        set("sdk", self.sdk.as_ref().map(version));
        match &self.base {
            Base::Image { reference, .. } => set("image.name", Some(reference.clone())),
            Base::Dockerfile(file) => {
                set(DOCKERFILE, Some(short_hash(&file.text, SHORT)));
                set(ARGUMENTS, Some(hash_of(&file.arguments)));
            }
            Base::Recipe(_) | Base::Host(_) => {}
        }
        self.deciding_keys = keys;
    }

    /// Debian's name of the architecture that an entry of a lock is for: that of the engine's
    /// machine, whose native programs are in the environment.
    pub(crate) fn locked_architecture(&self) -> Result<String> {
        Ok(build_architecture(self.engine_architecture)?.to_string())
    }

    /// The images that the environment is, or is based on, and that come from a registry.
    pub(crate) fn registry_images(&self) -> BTreeSet<String> {
        match &self.base {
            Base::Recipe(_) | Base::Host(_) => BTreeSet::new(),
            Base::Image { reference, .. } if reference.contains('@') => BTreeSet::new(),
            Base::Image { reference, .. } => BTreeSet::from([reference.clone()]),
            Base::Dockerfile(file) => {
                let mut images = self.images_of(file).references();
                let base = file.image.iter().filter(|image| !image.contains('@'));
                images.extend(base.cloned());
                images
            }
        }
    }

    /// The images of a Dockerfile, as far as its text and its arguments tell.
    fn images_of(&self, file: &Dockerfile) -> Images {
        let mut arguments = file.arguments.clone();
        let has_base = file.recipe.is_some() || file.image.is_some();
        for (name, value) in [
            ("CROSS_TARGET", Some(self.triple.as_str())),
            ("CROSS_DEB_ARCH", self.deb_arch),
            (CROSS_BASE_IMAGE, has_base.then_some(CHOSEN)),
        ] {
            if let Some(value) = value {
                arguments.entry(name.to_owned()).or_insert(value.to_owned());
            }
        }
        base_images::find(&file.text, &arguments)
    }

    /// The words of the Dockerfile that name an image which only the engine can tell, and which
    /// therefore has no digest.
    pub(crate) fn unreadable_images(&self) -> Vec<String> {
        match &self.base {
            Base::Dockerfile(file) => self.images_of(file).unreadable,
            _ => Vec::new(),
        }
    }

    /// What a lock does not decide, each for the end of a sentence.
    pub(crate) fn unlocked_parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if let Base::Dockerfile(file) = &self.base {
            if self.images_of(file).are_installed_upon {
                let path = file.file.display();
                parts.push(format!("what the commands in `{path}` install"));
            }
        }
        if self.pre_build.is_some() {
            parts.push("what `pre-build` installs into the image".to_owned());
        }
        if let Some(sdk) = self.sdk.as_ref().filter(|_| self.has_unknown_sdk()) {
            let path = sdk.path.display();
            parts.push(format!("the SDK `{path}`, which does not say its version"));
        }
        parts
    }

    fn has_unknown_sdk(&self) -> bool {
        let sdk = self.deciding_keys.get("sdk");
        sdk.is_some_and(|version| version == UNKNOWN)
    }

    /// Whether exactly the same environment can be made again elsewhere: it is locked, or an image
    /// with its digest, and nothing of it is unlocked.
    pub(crate) fn is_pinned(&self) -> bool {
        let is_locked = |named: &NamedRecipe| named.blueprint.locked.is_some();
        let has_digest = |image: &String| image.contains('@');
        let is_pinned = match &self.base {
            Base::Recipe(named) => is_locked(named),
            Base::Image { reference, .. } => has_digest(reference),
            Base::Dockerfile(file) => {
                let images = self.images_of(file);
                let are_pinned = file.pinned.is_some() || images.references().is_empty();
                file.recipe.as_ref().is_none_or(is_locked)
                    && file.image.as_ref().is_none_or(has_digest)
                    && images.unreadable.is_empty()
                    && are_pinned
            }
            Base::Host(_) => false,
        };
        is_pinned && self.unlocked_parts().is_empty()
    }

    /// Makes the spec that of the locked environment.
    pub(crate) fn lock(&mut self, environment: &LockedEnvironment, snapshot: Option<&str>) {
        let triple = self.triple.clone();
        let pinned = match &self.base {
            Base::Dockerfile(file) => {
                let pinned = self.images_of(file).pin(&file.text, &environment.images);
                (pinned != file.text).then_some(pinned)
            }
            _ => None,
        };
        match &mut self.base {
            Base::Recipe(named) => lock_recipe(named, environment, snapshot, &triple),
            Base::Image { reference, .. } => {
                if let Some(digest) = environment.images.get(reference) {
                    *reference = with_digest(reference, digest);
                }
            }
            Base::Dockerfile(file) => {
                if let Some(named) = &mut file.recipe {
                    lock_recipe(named, environment, snapshot, &triple);
                }
                if let Some(image) = &mut file.image {
                    if let Some(digest) = environment.images.get(image) {
                        *image = with_digest(image, digest);
                    }
                }
                file.pinned = pinned;
            }
            Base::Host(_) => {}
        }
    }
}

/// Whether the value of a deciding key is a hash, which says nothing to a user.
pub(crate) fn is_hashed(key: &str) -> bool {
    [PRE_BUILD, DOCKERFILE, ARGUMENTS].contains(&key)
}

/// Whether the value of a deciding key is the hash of nothing.
pub(crate) fn is_empty(key: &str, value: &str) -> bool {
    key == ARGUMENTS && value == hash_of(&BTreeMap::new())
}

/// The hash that stands for the arguments of a Dockerfile.
fn hash_of(arguments: &BTreeMap<String, String>) -> String {
    short_hash(&format!("{arguments:?}"), SHORT)
}

/// Names the environment of a recipe by the lock, and makes it of the packages there.
fn lock_recipe(
    named: &mut NamedRecipe,
    environment: &LockedEnvironment,
    snapshot: Option<&str>,
    triple: &str,
) {
    let suite = &named.recipe.suite;
    let end = end_of_locked_name(environment);
    named.blueprint.name = format!("{triple}-{suite}{end}");
    let packages = locked_packages(environment);
    let blueprint = named.blueprint.clone();
    named.blueprint = blueprint.locked(packages.snapshot(snapshot.map(str::to_owned)));
}

/// The end of the name of a locked environment, which no other one has.
pub(crate) fn end_of_locked_name(environment: &LockedEnvironment) -> String {
    format!("-{}", &environment.sha256()[..SHORT])
}

/// The packages of a locked environment.
pub(crate) fn locked_packages(environment: &LockedEnvironment) -> LockedPackages {
    LockedPackages::new(
        environment.releases.clone(),
        environment.packages.clone(),
        how_to_update(&environment.target),
    )
}
