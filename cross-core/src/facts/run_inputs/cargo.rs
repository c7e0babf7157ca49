//! The part of the run inputs that cargo's configuration has a say in.

use cross_engine::Mount;

use super::{RunInputs, RunInputsContext};
use crate::cargo::carried::{self, Carried};
use crate::facts::{cargo_settings, sources};
use crate::host::toolchain::host_triple;
use crate::model::error::Result;
use crate::target::runner;

impl RunInputs {
    /// Reads cargo's configuration.
    pub(super) fn carried(&mut self, context: &RunInputsContext<'_>) -> Result<Carried> {
        let workspace = context.workspace;
        let recipe = context.env_spec.recipe();
        let linker = format!("CARGO_TARGET_{}_LINKER", context.target.env_upper());
        let mut carried = Carried::read(&carried::Surroundings {
            dir: context.cross.dir(),
            inside_dir: workspace.dir_inside(context.cross.dir()),
            cargo_home: &self.cargo_home,
            roots: sources::roots(workspace).collect(),
            host: &host_triple(),
            target: context.target.triple(),
            keeps_programs: recipe.is_none(),
            sets_linkers: recipe.is_some_and(|named| named.recipe.env.contains_key(&linker)),
        })?;
        let left_out = carried.left_out.iter();
        self.warnings.extend(left_out.map(cargo_settings::left_out));
        self.programs = std::mem::take(&mut carried.programs);
        Ok(carried)
    }

    /// Starts programs as without a runner, where cargo's configuration names the host's.
    pub(super) fn override_runner(&mut self, context: &RunInputsContext<'_>) {
        let variable = context.target.runner_variable();
        if !self.env.contains_key(&variable) {
            let name = format!("run-{}", context.target.triple());
            let file = self.file(context, &name, runner::PLAIN.to_owned(), true);
            self.set(&variable, file.display().to_string());
            self.mounts.push(Mount::read(file));
        }
    }
}
