//! Resolves the runs of a plan against the environment as it is now, which may have been built
//! after the plan was made.

use std::collections::BTreeMap;
use std::path::Path;

use cross_engine::{Cancel, EnvironmentLocation, Environments, Host, ImageFacts, Network, RunSpec};
use once_cell::sync::OnceCell;

use crate::facts::run_inputs;
use crate::model::error::{MapEngineError as _, Result};
use crate::plan::plan::Plan;

/// Resolves the runs of a plan, with at most one query of the image.
pub(crate) struct RunResolver<'a> {
    plan: &'a Plan,
    host: &'a Host,
    cancel: &'a Cancel,
    /// The facts of the image, once the engine has been queried.
    image: OnceCell<Option<ImageFacts>>,
}

impl<'a> RunResolver<'a> {
    pub(crate) fn new(plan: &'a Plan, host: &'a Host, cancel: &'a Cancel) -> Self {
        RunResolver {
            plan,
            host,
            cancel,
            image: OnceCell::new(),
        }
    }

    /// Returns `spec` for the environment as it is now. The image's own variables replace those
    /// that `yielding` names.
    pub(crate) fn resolve(&self, spec: &RunSpec, yielding: &[String]) -> Result<RunSpec> {
        let mut spec = spec.clone();
        match &self.plan.environment.location {
            EnvironmentLocation::Image(_) if !yielding.is_empty() => {
                let yielding = yielding.iter().cloned().collect();
                let none = BTreeMap::new();
                let image_env = self.image()?.map_or(&none, |image| &image.env);
                run_inputs::yield_to(&mut spec.env, &yielding, image_env);
                if spec.network != Network::None {
                    run_inputs::keep_proxies(&mut spec.env, image_env);
                }
                Ok(spec)
            }
            EnvironmentLocation::Directory(_) => {
                let targets = spec.mounts.iter().map(|mount| mount.target.as_path());
                let targets: Vec<&Path> = targets.collect();
                let name = &self.plan.environment.name;
                let root = self
                    .environments()
                    .root(name, &targets)
                    .map_engine_error()?;
                Ok(spec.root(root))
            }
            _ => Ok(spec),
        }
    }

    /// Returns the facts of the image, if the environment is an image that exists.
    pub(crate) fn image(&self) -> Result<Option<&ImageFacts>> {
        let facts = self.image.get_or_try_init(|| {
            let EnvironmentLocation::Image(image) = &self.plan.environment.location else {
                return Ok(None);
            };
            self.environments()
                .image(image, self.cancel)
                .map_engine_error()
        })?;
        Ok(facts.as_ref())
    }

    fn environments(&self) -> Environments<'_> {
        Environments::new(&self.plan.engine, self.host)
    }
}
