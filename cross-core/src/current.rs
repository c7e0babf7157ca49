//! The runs of a plan in the environment as it is now: it may have been made since the plan was.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::Path;

use cross_engine::{Cancel, Environments, Host, Location, RunSpec};

use crate::error::{EngineContext as _, Result};
use crate::inside;
use crate::plan::Plan;

/// The environment of a plan, asked as seldom as will do.
pub(crate) struct Current<'a> {
    plan: &'a Plan,
    host: &'a Host,
    cancel: &'a Cancel,
    /// The variables of the image that runs, once they are asked for.
    image_env: OnceCell<BTreeMap<String, String>>,
}

impl<'a> Current<'a> {
    pub(crate) fn of(plan: &'a Plan, host: &'a Host, cancel: &'a Cancel) -> Self {
        Current {
            plan,
            host,
            cancel,
            image_env: OnceCell::new(),
        }
    }

    /// The run `spec` there; the variables `yielding` give way to the image's own.
    pub(crate) fn run(&self, spec: &RunSpec, yielding: &[String]) -> Result<RunSpec> {
        let mut spec = spec.clone();
        match &self.plan.environment.location {
            Location::Image(image) if !yielding.is_empty() => {
                let yielding = yielding.iter().cloned().collect();
                inside::yield_to(&mut spec.env, &yielding, self.image_env(image)?);
                Ok(spec)
            }
            Location::Directory(_) => {
                let targets: Vec<&Path> = spec.mounts.iter().map(|m| m.target.as_path()).collect();
                let name = &self.plan.environment.name;
                let root = self.environments().root(name, &targets).engine()?;
                Ok(spec.root(root))
            }
            _ => Ok(spec),
        }
    }

    fn image_env(&self, image: &str) -> Result<&BTreeMap<String, String>> {
        if let Some(known) = self.image_env.get() {
            return Ok(known);
        }
        let facts = self.environments().image(image, self.cancel).engine()?;
        let env = facts.map(|it| it.env).unwrap_or_default();
        Ok(self.image_env.get_or_init(|| env))
    }

    fn environments(&self) -> Environments<'_> {
        Environments::new(&self.plan.engine, self.host)
    }
}
