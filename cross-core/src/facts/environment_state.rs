//! What of an environment is there already: asked once, with as few questions as will do.

use cross_engine::{Cancel, Environments, ImageFacts};

use crate::facts::environment_name::NamedRecipe;
use crate::facts::environment_spec::{BASE_LABEL, Base, EnvironmentSpec};
use crate::model::error::{MapEngineError as _, Result};

/// What of the environment is there already.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnvironmentState {
    /// The recipe's environment: the environment itself, or the base of a Dockerfile.
    pub(crate) recipe: bool,
    /// The image before `pre-build`.
    pub(crate) base: Option<ImageFacts>,
    /// The image that runs, if it is up to date.
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
            state.recipe = is_there(env_spec.recipe(), environments, cancel)?;
            return Ok(state);
        };
        state.base = image(&base)?;
        state.image = match (env_spec.image(), &state.base) {
            (Some(reference), Some(facts)) if reference != base => {
                image(&reference)?.filter(|it| it.labels.get(BASE_LABEL) == Some(&facts.id))
            }
            (_, facts) => facts.clone(),
        };
        if state.base.is_none() || env_spec.copies() {
            state.recipe = is_there(env_spec.recipe(), environments, cancel)?;
        }
        Ok(state)
    }

    /// The digest by which a registry serves the image, or the one that it was built on here.
    pub(crate) fn digest(&self) -> Option<&str> {
        let images = [&self.image, &self.base].into_iter().flatten();
        images.filter_map(|it| it.digest.as_deref()).next()
    }

    /// Whether nothing has to be made before a run.
    pub(crate) fn complete(&self, env_spec: &EnvironmentSpec) -> bool {
        match env_spec.base {
            Base::Recipe(_) => self.recipe,
            Base::Host(_) => true,
            _ => self.image.is_some() && !env_spec.copies(),
        }
    }
}

fn is_there(
    recipe: Option<&NamedRecipe>,
    environments: &Environments<'_>,
    cancel: &Cancel,
) -> Result<bool> {
    match recipe {
        Some(named) => environments
            .exists(&named.blueprint.name, cancel)
            .map_engine_error(),
        None => Ok(false),
    }
}
