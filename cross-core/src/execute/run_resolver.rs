//! The runs of a plan in the environment as it is now: it may have been made since the plan was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use cross_engine::{Cancel, EnvironmentLocation, Environments, Host, ImageFacts, RunSpec};

use crate::facts::run_inputs;
use crate::model::error::{MapEngineError as _, Result};
use crate::plan::plan::Plan;

/// The environment of a plan, asked as seldom as will do.
pub(crate) struct RunResolver<'a> {
    plan: &'a Plan,
    host: &'a Host,
    cancel: &'a Cancel,
    /// What the engine says of the image that runs, once it is asked.
    image: OnceLock<Option<ImageFacts>>,
}

impl<'a> RunResolver<'a> {
    pub(crate) fn of(plan: &'a Plan, host: &'a Host, cancel: &'a Cancel) -> Self {
        RunResolver {
            plan,
            host,
            cancel,
            image: OnceLock::new(),
        }
    }

    /// The run `spec` there; the variables `yielding` give way to the image's own.
    pub(crate) fn run(&self, spec: &RunSpec, yielding: &[String]) -> Result<RunSpec> {
        let mut spec = spec.clone();
        match &self.plan.environment.location {
            EnvironmentLocation::Image(_) if !yielding.is_empty() => {
                let yielding = yielding.iter().cloned().collect();
                let none = BTreeMap::new();
                let theirs = self.image()?.map_or(&none, |it| &it.env);
                run_inputs::yield_to(&mut spec.env, &yielding, theirs);
                Ok(spec)
            }
            EnvironmentLocation::Directory(_) => {
                let targets: Vec<&Path> = spec.mounts.iter().map(|m| m.target.as_path()).collect();
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

    /// What is true of the image that runs, if it is one.
    pub(crate) fn image(&self) -> Result<Option<&ImageFacts>> {
        if let Some(known) = self.image.get() {
            return Ok(known.as_ref());
        }
        let facts = match &self.plan.environment.location {
            EnvironmentLocation::Image(image) => self
                .environments()
                .image(image, self.cancel)
                .map_engine_error()?,
            _ => None,
        };
        Ok(self.image.get_or_init(|| facts).as_ref())
    }

    fn environments(&self) -> Environments<'_> {
        Environments::new(&self.plan.engine, self.host)
    }
}
