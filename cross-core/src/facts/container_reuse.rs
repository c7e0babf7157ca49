//! Containers that are kept between requests: whether, which one, and what is told of it.

use std::sync::Arc;
use std::time::Duration;

use cross_config::Settings;
use cross_engine::{Engine, Host, Invocation, Kept, KeptImage, Pool, RunSpec, Warm};

use crate::facts::environment_spec::{Base, EnvironmentSpec};
use crate::facts::environment_state::EnvironmentState;
use crate::model::error::{MapEngineError as _, Result};
use crate::request::cross::Cross;

/// The containers that a plan's runs are entered into.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    pool: Arc<Pool>,
    /// What has to be known of the image; nothing as long as it is not there.
    pub(crate) image: Option<KeptImage>,
}

impl Keeping {
    /// Whether anything is kept: as the caller says, else as the variable does.
    pub(crate) fn chosen(cross: &Cross, settings: &Settings) -> Option<Self> {
        let asked = settings.reuse_containers.as_ref().filter(|it| it.value > 0);
        let shared = || {
            let idle = Duration::from_secs(asked?.value.into());
            Some(Arc::new(Pool::new(Warm::across_processes(idle))))
        };
        let pool = cross.kept().cloned().or_else(shared)?;
        Some(Keeping { pool, image: None })
    }

    /// What of a recipe's environment is there, if a container tells: where one runs, the image is there and
    /// needs no asking for.
    pub(crate) fn state(
        &self,
        env_spec: &EnvironmentSpec,
        engine: &Engine,
        host: &Host,
    ) -> Option<EnvironmentState> {
        let Base::Recipe(named) = &env_spec.base else {
            return None;
        };
        let environments = cross_engine::Environments::new(engine, host);
        let cross_engine::Location::Image(image) = environments.location(&named.blueprint.name)
        else {
            return None;
        };
        let runs = self.pool.has_image(engine, &image, host);
        runs.then(|| EnvironmentState {
            recipe: true,
            ..EnvironmentState::default()
        })
    }

    /// The same with what is known of the image.
    pub(crate) fn of_image(mut self, env_spec: &EnvironmentSpec, state: &EnvironmentState) -> Self {
        self.image = match (&env_spec.base, &state.image) {
            // Its name is a hash of what is in it.
            (Base::Recipe(_), _) => Some(KeptImage::default()),
            (_, Some(facts)) => Some(kept_image(facts)),
            _ => None,
        };
        self
    }

    /// The pool, if it serves this run.
    pub(crate) fn pool(&self, engine: &Engine, spec: &RunSpec) -> Option<&Pool> {
        self.pool.serves(engine, spec).then_some(&*self.pool)
    }
}

pub(crate) fn kept_image(facts: &cross_engine::ImageFacts) -> KeptImage {
    KeptImage::new(Some(facts.id.clone()), facts.entrypoint.clone())
}

/// The command that runs `spec`, and the kept container that it enters if it enters one.
pub(crate) fn command(
    keeping: Option<&Keeping>,
    engine: &Engine,
    spec: &RunSpec,
    host: &Host,
) -> Result<(Invocation, Option<Kept>)> {
    let Some((keeping, pool)) = keeping.and_then(|it| Some((it, it.pool(engine, spec)?))) else {
        return Ok((engine.invocation(spec).map_engine_error()?, None));
    };
    let image = keeping.image.clone().unwrap_or_default();
    let (enter, kept) = pool.kept(engine, spec, &image, host).map_engine_error()?;
    Ok((enter, Some(kept)))
}
