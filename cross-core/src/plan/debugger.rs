//! A program that waits for gdb: by the stub of the emulator that runs it, or by gdbserver.

use std::path::PathBuf;

use cross_engine::{EnvValue, Mount, Network, RunSpec};
use cross_targets::Runner;

use crate::facts::facts::Facts;
use crate::facts::run_inputs::kept_file;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Step;
use crate::target::runner;

/// What makes the program of a run wait for gdb.
#[derive(Clone, Debug)]
pub(crate) struct Debugger {
    /// The step that writes its script.
    pub(crate) prepare: Step,
    script: PathBuf,
    /// The variable by which cargo finds the script.
    pub(crate) variable: String,
    port: u16,
}

impl Debugger {
    /// # Errors
    ///
    /// [`ErrorKind::Debugger`] where nothing that runs the target's programs serves gdb.
    pub(crate) fn new(facts: &Facts, port: u16) -> Result<Self> {
        let target = &facts.target;
        let asked = facts.config.runner.as_ref();
        let runner = match asked.map(|it| it.value.as_str()) {
            None | Some("" | "qemu-user") => facts.env_spec.runner(target),
            Some("native") => Runner::Native,
            Some(command) => {
                let by = asked.map_or_else(String::new, |it| format!(" ({})", it.origin));
                let message = format!("the runner `{command}`{by} is not known to serve gdb");
                return Err(Error::new(ErrorKind::Debugger, message).with_help(
                    "leave `runner` out, or have the command itself start what serves gdb",
                ));
            }
        };
        let Some(text) = runner::debugged(&runner) else {
            let message = format!(
                "nothing that runs programs for {} serves gdb",
                target.triple()
            );
            return Err(Error::new(ErrorKind::Debugger, message).with_help(
                "programs that the machine runs itself, by gdbserver, and programs that QEMU's user mode runs can be debugged",
            ));
        };
        let text = match facts.env_spec.host_toolset() {
            Some(toolset) => toolset.with_emulator(&text),
            None => text,
        };
        let name = format!("gdb-{}", target.triple());
        let (script, file) = kept_file(&facts.host, &name, text, true);
        Ok(Debugger {
            prepare: Step::prepare("prepare the debugger", vec![file]),
            script,
            variable: target.runner_variable(),
            port,
        })
    }

    /// The run whose programs wait. A debugger on the host reaches it, so the network is the host's.
    pub(crate) fn attach(&self, spec: RunSpec) -> RunSpec {
        let plain = |value: String| EnvValue::Plain(value);
        spec.network(Network::Host)
            .mounts([Mount::read(&self.script)])
            .env([
                (runner::GDB_PORT.to_owned(), plain(self.port.to_string())),
                (
                    self.variable.clone(),
                    plain(self.script.display().to_string()),
                ),
            ])
    }
}
