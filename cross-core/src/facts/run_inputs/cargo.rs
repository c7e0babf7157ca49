//! The part of the run inputs that cargo's configuration has a say in.

use std::path::PathBuf;

use cross_engine::{Mount, nameable};

use super::{RunInputs, RunInputsContext};
use crate::cargo::carried::{self, Carried};
use crate::cargo::target_cfgs::TargetCfgs;
use crate::facts::{cargo_settings, sources};
use crate::target::runner;

impl RunInputs {
    /// Reads cargo's configuration.
    pub(super) fn carried(&mut self, context: &RunInputsContext<'_>) -> Carried {
        let workspace = context.workspace;
        let recipe = context.env_spec.recipe();
        let linker = format!("CARGO_TARGET_{}_LINKER", context.target.env_upper());
        let cfgs = TargetCfgs::new(context.cargo, context.target.argument());
        let mut carried = Carried::of(&carried::Surroundings {
            configs: context.configs,
            dir: context.cross.dir(),
            inside_dir: &workspace.dir_inside(context.cross.dir()),
            cargo_home: &self.cargo_home,
            roots: sources::roots(workspace).collect(),
            host: &context.env_spec.platform(context.engine).triple,
            target: context.target.triple(),
            holds: &|condition| cfgs.hold_in(condition, context.host, context.cancel),
            keeps_programs: recipe.is_none(),
            sets_linkers: recipe.is_some_and(|named| named.recipe.env.contains_key(&linker)),
        });
        let left_out = carried.left_out.iter();
        self.warnings.extend(left_out.map(cargo_settings::left_out));
        self.programs = std::mem::take(&mut carried.programs);
        self.runner = carried.runner.take();
        carried
    }

    /// What of cargo's configuration names a runner, where all of it holds.
    pub(super) fn configured_runner(&self, context: &RunInputsContext<'_>) -> Option<String> {
        let cfgs = TargetCfgs::new(context.cargo, context.target.argument());
        let triple = context.target.triple();
        let is_targets =
            |name: &str| name == triple || cfgs.hold_in(name, context.host, context.cancel);
        let all = context.configs.layers().iter();
        let all = all.map(|layer| (&layer.origin, &layer.table));
        carried::runner_in(all, &is_targets)
    }

    /// Starts programs as without a runner, where cargo's configuration names the host's.
    pub(super) fn override_runner(&mut self, context: &RunInputsContext<'_>) {
        let variable = context.target.runner_variable();
        if !self.env.contains_key(&variable) {
            let name = format!("run-{}", context.target.triple());
            let file = self.file(context, &name, runner::plain(), true);
            self.named_runner(&variable, file);
        }
    }

    /// Sets cargo's runner to a generated script, and shows it where cargo can name it.
    pub(super) fn named_runner(&mut self, variable: &str, script: PathBuf) {
        let inside = nameable(&script, 1);
        self.set(variable, inside.display().to_string());
        self.mounts.push(Mount::read(script).at(inside));
    }

    /// Lets what strips programs for Apple's systems find its library. It is a program of the
    /// toolchain, and rustup's proxies, which set this variable, are not used. No such program runs
    /// here.
    pub(super) fn toolchain_libraries(&mut self, context: &RunInputsContext<'_>) {
        let known = context.target.known();
        let is_apples = known.is_some_and(|known| known.facts().deployment_variable().is_some());
        if let Some(sysroot) = context.toolchain.sysroot().filter(|_| is_apples) {
            let libraries = sysroot.join("lib");
            self.set("LD_LIBRARY_PATH", libraries.display().to_string());
        }
    }
}
