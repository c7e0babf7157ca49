//! What of an environment is there already: asked once, with as few questions as will do.

use cross_engine::{Cancel, Environments, ImageFacts};

use crate::facts::environment_name::Named;
use crate::facts::environment_spec::{BASE_LABEL, Base, Definition};
use crate::model::error::{EngineContext as _, Result};

/// What of the environment is there already.
#[derive(Clone, Debug, Default)]
pub(crate) struct There {
    /// The recipe's environment: the environment itself, or the base of a Dockerfile.
    pub(crate) recipe: bool,
    /// The image before `pre-build`.
    pub(crate) base: Option<ImageFacts>,
    /// The image that runs, if it is up to date.
    pub(crate) image: Option<ImageFacts>,
}

impl There {
    pub(crate) fn probe(
        definition: &Definition,
        environments: &Environments<'_>,
        cancel: &Cancel,
    ) -> Result<Self> {
        let image = |reference: &str| environments.image(reference, cancel).engine();
        let mut there = There::default();
        let Some(base) = definition.base_image() else {
            there.recipe = is_there(definition.recipe(), environments, cancel)?;
            return Ok(there);
        };
        there.base = image(&base)?;
        there.image = match (definition.image(), &there.base) {
            (Some(reference), Some(facts)) if reference != base => {
                image(&reference)?.filter(|it| it.labels.get(BASE_LABEL) == Some(&facts.id))
            }
            (_, facts) => facts.clone(),
        };
        if there.base.is_none() || definition.copies() {
            there.recipe = is_there(definition.recipe(), environments, cancel)?;
        }
        Ok(there)
    }

    /// The digest by which a registry serves the image, or the one that it was built on here.
    pub(crate) fn digest(&self) -> Option<&str> {
        let images = [&self.image, &self.base].into_iter().flatten();
        images.filter_map(|it| it.digest.as_deref()).next()
    }

    /// Whether nothing has to be made before a run.
    pub(crate) fn complete(&self, definition: &Definition) -> bool {
        match definition.base {
            Base::Recipe(_) => self.recipe,
            Base::Host(_) => true,
            _ => self.image.is_some() && !definition.copies(),
        }
    }
}

fn is_there(
    recipe: Option<&Named>,
    environments: &Environments<'_>,
    cancel: &Cancel,
) -> Result<bool> {
    match recipe {
        Some(named) => environments.exists(&named.blueprint.name, cancel).engine(),
        None => Ok(false),
    }
}
