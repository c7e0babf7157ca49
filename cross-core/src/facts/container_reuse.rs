//! Reused containers: whether a request reuses containers, and which container a run enters.

use std::sync::Arc;
use std::time::Duration;

use cross_config::Settings;
use cross_engine::{
    ContainerImage, ContainerPool, ContainerReuse, Engine, EnvironmentLocation, Environments, Host,
    ImageFacts, Invocation, Reach, ReusedContainer, RunSpec,
};

use crate::facts::environment_spec::{Base, EnvironmentSpec};
use crate::facts::environment_state::EnvironmentState;
use crate::model::error::{MapEngineError as _, Result};
use crate::request::cross::Cross;

/// The pool of reused containers that a plan's runs enter.
#[derive(Clone, Debug)]
pub(crate) struct PlannedReuse {
    pool: Arc<ContainerPool>,
    /// The facts of the image; `None` if there is no image yet.
    pub(crate) image: Option<ContainerImage>,
}

impl PlannedReuse {
    /// The reuse that the caller configured, else the reuse that the variable configures.
    pub(crate) fn configured(cross: &Cross, settings: &Settings) -> Option<Self> {
        let reuse_containers = settings
            .reuse_containers
            .as_ref()
            .filter(|setting| setting.value > 0);
        let shared = || {
            let idle = Duration::from_secs(reuse_containers?.value.into());
            Some(Arc::new(ContainerPool::new(
                ContainerReuse::across_processes(idle),
            )))
        };
        let pool = cross.container_pool().cloned().or_else(shared)?;
        Some(PlannedReuse { pool, image: None })
    }

    /// The state of a recipe's environment, if a container of it runs. Then its image exists, and
    /// the engine need not be queried.
    pub(crate) fn known_state(
        &self,
        env_spec: &EnvironmentSpec,
        engine: &Engine,
        host: &Host,
    ) -> Option<EnvironmentState> {
        let Base::Recipe(named) = &env_spec.base else {
            return None;
        };
        let environments = Environments::new(engine, host);
        let EnvironmentLocation::Image(image) = environments.location(&named.blueprint.name) else {
            return None;
        };
        let runs = self.pool.has_image(engine, &image, host);
        runs.then(|| EnvironmentState {
            recipe: true,
            ..EnvironmentState::default()
        })
    }

    /// Adds the facts of the image.
    pub(crate) fn with_image(
        mut self,
        env_spec: &EnvironmentSpec,
        state: &EnvironmentState,
    ) -> Self {
        self.image = match (&env_spec.base, &state.image) {
            // The name of a recipe's image is a hash of its contents.
            (Base::Recipe(_), _) => Some(ContainerImage::default()),
            (_, Some(facts)) => Some(container_image(facts)),
            _ => None,
        };
        self
    }

    /// The pool, if it serves the run.
    pub(crate) fn pool(&self, engine: &Engine, spec: &RunSpec) -> Option<&ContainerPool> {
        self.pool.can_run(engine, spec).then_some(&*self.pool)
    }
}

/// The facts of an image that a reused container needs.
pub(crate) fn container_image(facts: &ImageFacts) -> ContainerImage {
    ContainerImage::new(Some(facts.id.clone()), facts.entrypoint.clone())
}

/// The command that runs `spec`, and the reused container that it enters, if any.
pub(crate) fn command(
    container_reuse: Option<&PlannedReuse>,
    engine: &Engine,
    spec: &RunSpec,
    host: &Host,
) -> Result<(Invocation, Option<ReusedContainer>)> {
    let serving = container_reuse.and_then(|reuse| Some((reuse, reuse.pool(engine, spec)?)));
    // Where a remote engine has the volumes, and so its container, is found out by a run.
    let serving = serving.filter(|_| !matches!(engine.reach, Reach::Remote(_)));
    let Some((reuse, pool)) = serving else {
        return Ok((engine.invocation(spec).map_engine_error()?, None));
    };
    let image = reuse.image.clone().unwrap_or_default();
    let (enter, container) = pool
        .reused_container(engine, spec, &image, host)
        .map_engine_error()?;
    Ok((enter, Some(container)))
}
