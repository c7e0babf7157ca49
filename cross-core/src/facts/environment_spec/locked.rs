//! Environment specs that a lock completes: packages by their hashes, and images by their digests.

use std::collections::{BTreeMap, BTreeSet};

use cross_engine::LockedPackages;
use cross_targets::RustSource;

use super::base_images::{pin, references, with_digest};
use super::{Base, EnvironmentSpec, SpecContext};
use crate::facts::environment_name::NamedRecipe;
use crate::model::hash::short_hash;
use crate::model::lock_file::{LockedEnvironment, how_to_update};

/// The length of the hashes that stand for long values.
const SHORT: usize = 12;

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
        set("suite", config.suite.as_ref().map(|key| key.value.clone()));
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
        set("pre-build", script.map(|script| short_hash(script, SHORT)));
        // Only a runner that the library knows by its name brings packages along.
        let runner = config.runner.as_ref().map(|key| key.value.clone());
        set(
            "runner",
            runner.filter(|_| context.named_runner().is_some()),
        );
        set("sdk", self.sdk.as_ref().map(|_| "yes".to_owned()));
        match &self.base {
            Base::Image { reference, .. } => set("image.name", Some(reference.clone())),
            Base::Dockerfile(file) => {
                let arguments = format!("{:?}", file.arguments);
                set("dockerfile.file", Some(short_hash(&file.text, SHORT)));
                set("dockerfile.build-args", Some(short_hash(&arguments, SHORT)));
            }
            Base::Recipe(_) | Base::Host(_) => {}
        }
        self.deciding_keys = keys;
    }

    /// The images that the environment is, or is based on, and that come from a registry.
    pub(crate) fn registry_images(&self) -> BTreeSet<String> {
        match &self.base {
            Base::Recipe(_) | Base::Host(_) => BTreeSet::new(),
            Base::Image { reference, .. } if reference.contains('@') => BTreeSet::new(),
            Base::Image { reference, .. } => BTreeSet::from([reference.clone()]),
            Base::Dockerfile(file) => {
                let mut images = references(&file.text, &file.arguments);
                let base = file.image.iter().filter(|image| !image.contains('@'));
                images.extend(base.cloned());
                images
            }
        }
    }

    /// Whether exactly the same environment can be made again elsewhere: it is locked, or an image
    /// with its digest.
    pub(crate) fn is_pinned(&self) -> bool {
        let is_locked = |named: &NamedRecipe| named.blueprint.locked.is_some();
        match &self.base {
            Base::Recipe(named) => is_locked(named),
            Base::Image { reference, .. } => reference.contains('@') && self.pre_build.is_none(),
            Base::Dockerfile(file) => {
                let has_images = !references(&file.text, &file.arguments).is_empty();
                file.recipe.as_ref().is_none_or(is_locked) && (file.pinned.is_some() || !has_images)
            }
            Base::Host(_) => false,
        }
    }

    /// Makes the spec that of the locked environment.
    pub(crate) fn lock(&mut self, environment: &LockedEnvironment, snapshot: Option<&str>) {
        let triple = self.triple.clone();
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
                let pinned = pin(&file.text, &file.arguments, &environment.images);
                file.pinned = (pinned != file.text).then_some(pinned);
            }
            Base::Host(_) => {}
        }
    }
}

/// Names the environment of a recipe by the lock, and makes it of the packages there.
fn lock_recipe(
    named: &mut NamedRecipe,
    environment: &LockedEnvironment,
    snapshot: Option<&str>,
    triple: &str,
) {
    let suite = &named.recipe.suite;
    let hash = environment.sha256();
    named.blueprint.name = format!("{triple}-{suite}-{}", &hash[..SHORT]);
    let update = how_to_update(&environment.target);
    let packages = LockedPackages::new(
        environment.releases.clone(),
        environment.packages.clone(),
        update,
    );
    let blueprint = named.blueprint.clone();
    named.blueprint = blueprint.locked(packages.snapshot(snapshot.map(str::to_owned)));
}
