//! How a run starts the target's programs: cargo's runner, and the interpreter that the kernel is
//! told of.

use std::path::PathBuf;

use cross_config::Origin;
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
        let is_recipe = context.env_spec.recipe().is_some() && !is_image;
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
                    return Err(without_runner(context, runner::QEMU_SYSTEM, &key.origin));
                }
            }
            (Some(runner::QEMU_USER), Some(key)) if !is_image && !is_user_mode(&runner) => {
                return Err(without_runner(context, runner::QEMU_USER, &key.origin));
            }
            // The environments of recipes have the program only where it is the runner.
            (Some(name @ (runner::WASMTIME | runner::WASM_BINDGEN)), Some(key))
                if is_recipe && !runner::is_name_of(name, &runner) =>
            {
                return Err(without_runner(context, name, &key.origin));
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
        let script = runner::script(runner).or_else(|| {
            let refusal = refusal()?;
            self.starts_nothing = true;
            Some(refusal)
        })?;
        let name = format!("run-{}", context.target.triple());
        let file = self.file(context, &name, script, true);
        self.foreign_programs = known.and_then(|known| foreign_programs::of(known, runner, &file));
        Some(file)
    }
}

/// Whether QEMU's user mode starts the programs, or would if the machine did not do so itself.
fn is_user_mode(runner: &Runner) -> bool {
    matches!(
        runner,
        Runner::Native | Runner::QemuUser { .. } | Runner::QemuBareMetal { .. }
    )
}

/// The error for a runner's name that no recipe of the target has.
fn without_runner(context: &RunInputsContext<'_>, name: &str, origin: &Origin) -> Error {
    let (target, runner) = (context.target, context.env_spec.runner(context.target));
    let message = format!(
        "no recipe has the runner `{name}` for {} ({origin})",
        target.triple()
    );
    let instead = match runner {
        Runner::None => match target.known() {
            Some(known) => format!("remove the key: {}", known.not_run()),
            None => "name a command that starts its programs".to_owned(),
        },
        Runner::QemuUser { .. } => "use `qemu-user`, or an image that has it".to_owned(),
        _ => "remove the key: what runs its programs is the default".to_owned(),
    };
    let help = match name {
        runner::QEMU_SYSTEM | runner::QEMU_USER => instead,
        name => format!(
            "{instead}; a program that `packages` or `pre-build` installs is named by its path: `/usr/local/bin/{name}`"
        ),
    };
    Error::new(ErrorKind::Config, message).with_help(help)
}
