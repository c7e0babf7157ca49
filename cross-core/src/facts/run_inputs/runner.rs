//! How a run starts the target's programs: cargo's runner, and the interpreter that the kernel is
//! told of.

use std::path::PathBuf;

use cross_targets::Runner;

use super::{RunInputs, RunInputsContext};
use crate::facts::wasm_bindgen;
use crate::model::error::{Error, ErrorKind, Result};
use crate::request::plugin;
use crate::target::foreign_programs;
use crate::target::runner;

impl RunInputs {
    /// Sets cargo's runner: a generated script, or the user's command. A runner of the image
    /// overrides the script.
    pub(super) fn runner(&mut self, context: &RunInputsContext<'_>) -> Result<()> {
        let variable = context.target.runner_variable();
        let is_image = context.env_spec.image().is_some();
        let key = context.config.runner.as_ref();
        let command = key
            .map(|key| key.value.as_str())
            .filter(|command| !command.is_empty());
        let named = |name| context.target.known()?.named_runner(name);
        // An image has the emulator of the name, or has its own runner.
        let runner = match command.filter(|_| is_image).and_then(named) {
            Some(named @ (Runner::Wasmtime | Runner::WasmBindgen)) => named,
            _ => context.env_spec.runner(context.target),
        };
        if runner == Runner::WasmBindgen {
            let program = wasm_bindgen::program(context.cross)?;
            let mount = |program: PathBuf| plugin::mount(&program, &self.cargo_home);
            self.mounts.extend(program.map(mount));
        }
        let has_machine = matches!(runner, Runner::QemuSystem(_));
        match (command, key) {
            (Some("native"), Some(key)) => {
                if let (Runner::QemuUser { .. }, false) = (&runner, is_image) {
                    self.warnings.extend(foreign_programs::not_native(
                        context.target,
                        &runner,
                        &key.origin,
                    ));
                }
            }
            (Some(runner::QEMU_SYSTEM), Some(key)) if !has_machine => {
                if !is_image {
                    let message = format!(
                        "no recipe has the runner `qemu-system` for {} ({})",
                        context.target.triple(),
                        key.origin
                    );
                    let help = "use `qemu-user`, or an image that has it";
                    return Err(Error::new(ErrorKind::Config, message).with_help(help));
                }
            }
            (Some(command), _) if !runner::is_name_of(command, &runner) => {
                // The command starts the first program, and the kernel those that this one starts.
                if !is_image && matches!(runner, Runner::QemuUser { .. }) {
                    self.runner_script(context, &runner);
                }
                self.set(&variable, command);
            }
            _ => {
                if let Some(file) = self.runner_script(context, &runner) {
                    self.named_runner(&variable, file);
                    if is_image {
                        self.yielding.insert(variable);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the script of `runner`, and keeps what the kernel has to know of it. `None` if it has
    /// no script.
    fn runner_script(
        &mut self,
        context: &RunInputsContext<'_>,
        runner: &Runner,
    ) -> Option<PathBuf> {
        let known = context.target.known();
        let is_recipe = context.env_spec.recipe().is_some();
        let refusal = || known.filter(|_| is_recipe).and_then(runner::refusal);
        let script = runner::script(runner).or_else(refusal)?;
        let name = format!("run-{}", context.target.triple());
        let file = self.file(context, &name, script, true);
        self.foreign_programs = known.and_then(|known| foreign_programs::of(known, runner, &file));
        Some(file)
    }
}
