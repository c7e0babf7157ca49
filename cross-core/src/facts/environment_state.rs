//! Probes which parts of an environment exist, with the fewest engine calls.

use cross_engine::{Cancel, EnvironmentLocation, Environments, ImageFacts};

use crate::facts::environment_spec::{BASE_LABEL, Base, EnvironmentSpec};
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};

/// The parts of an environment that exist.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnvironmentState {
    /// Whether the recipe's environment exists: the environment itself, or the base of a
    /// Dockerfile.
    pub(crate) recipe: bool,
    /// The image of the recipe's environment, if it is an image that the engine was asked about.
    pub(crate) recipe_image: Option<ImageFacts>,
    /// The image without `pre-build`.
    pub(crate) base: Option<ImageFacts>,
    /// The image that runs, if it exists and is up to date.
    pub(crate) image: Option<ImageFacts>,
}

impl EnvironmentState {
    pub(crate) fn probe(
        env_spec: &EnvironmentSpec,
        environments: &Environments<'_>,
        cancel: &Cancel,
    ) -> Result<Self> {
        let image = |reference: &str| environments.image(reference, cancel).map_engine_error();
        let mut state = EnvironmentState::default();
        let Some(base) = env_spec.base_image() else {
            state.probe_recipe(env_spec, environments, cancel)?;
            return Ok(state);
        };
        state.base = image(&base)?.filter(|image| env_spec.is_built_from(image));
        state.image = match (env_spec.image(), &state.base) {
            (Some(reference), Some(facts)) if reference != base => {
                image(&reference)?.filter(|image| image.labels.get(BASE_LABEL) == Some(&facts.id))
            }
            (_, facts) => facts.clone(),
        };
        if state.base.is_none() || env_spec.copies() {
            state.probe_recipe(env_spec, environments, cancel)?;
        }
        Ok(state)
    }

    /// Probes the recipe's environment, if there is a recipe.
    fn probe_recipe(
        &mut self,
        env_spec: &EnvironmentSpec,
        environments: &Environments<'_>,
        cancel: &Cancel,
    ) -> Result<()> {
        if let Some(named) = env_spec.recipe() {
            let name = &named.blueprint.name;
            let found = environments.find(name, cancel).map_engine_error()?;
            self.recipe = found.is_some();
            self.recipe_image = found.and_then(|found| found.image);
        }
        Ok(())
    }

    /// The image that runs, if it exists.
    pub(crate) fn running_image(&self, env_spec: &EnvironmentSpec) -> Option<&ImageFacts> {
        match env_spec.base {
            Base::Recipe(_) => self.recipe_image.as_ref(),
            _ => self.image.as_ref(),
        }
    }

    /// The registry's digest of the image, or of the image that it is based on.
    pub(crate) fn digest(&self) -> Option<&str> {
        let images = [&self.image, &self.base].into_iter().flatten();
        images.filter_map(|image| image.digest.as_deref()).next()
    }

    /// Whether the environment needs no build before a run.
    pub(crate) fn complete(&self, env_spec: &EnvironmentSpec) -> bool {
        match env_spec.base {
            Base::Recipe(_) => self.recipe,
            Base::Host(_) => true,
            _ => self.image.is_some() && !env_spec.copies(),
        }
    }
}

/// Checks that the recipe's environment is what the lock says, if it exists, is used and is locked.
/// What is there may have been changed since it was made. That of a Dockerfile is used to build the
/// Dockerfile's image.
///
/// # Errors
///
/// [`ErrorKind::Lock`] that names what differs.
pub(crate) fn check_locked(
    env_spec: &EnvironmentSpec,
    state: &EnvironmentState,
    environments: &Environments<'_>,
) -> Result<()> {
    let Some(named) = env_spec.recipe() else {
        return Ok(());
    };
    let Some(locked) = named.blueprint.locked.as_ref().filter(|_| state.recipe) else {
        return Ok(());
    };
    let name = &named.blueprint.name;
    let location = environments.location(name);
    match environments.known_contents(&location, state.recipe_image.as_ref()) {
        Some(contents) => locked.check_existing(&contents, name).map_engine_error(),
        None if matches!(location, EnvironmentLocation::Directory(_)) => {
            let message = format!(
                "the environment `{name}` has no record of what is in it, which has to be what the \
                 lock says"
            );
            let help = format!(
                "remove it, and it is made again: `cargo xtask env rm {name}` \
                 (`Cross::remove_environment`)"
            );
            Err(Error::new(ErrorKind::Lock, message).with_help(help))
        }
        // The record of an image is in the cache, and is made again.
        None => Ok(()),
    }
}
