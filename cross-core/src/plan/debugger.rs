//! Runs whose programs wait for gdb, which QEMU or gdbserver serves.

use std::path::PathBuf;

use cross_engine::{EnvValue, Mount, Network, RunSpec, nameable};
use cross_targets::Runner;

use crate::facts::facts::Facts;
use crate::facts::run_inputs::kept_file;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Step;
use crate::target::runner;

/// The debugger setup of a run: a script that makes each program wait for gdb.
#[derive(Clone, Debug)]
pub(crate) struct Debugger {
    /// The step that writes the script.
    pub(crate) prepare: Step,
    script: PathBuf,
    /// The variable that tells cargo the runner, which is the script.
    pub(crate) variable: String,
    port: u16,
}

impl Debugger {
    /// Creates the setup for gdb on this port.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Debugger`] if the target's runner cannot serve gdb.
    pub(crate) fn new(facts: &Facts, port: u16) -> Result<Self> {
        let target = &facts.target;
        let configured = facts.config.runner.as_ref();
        let runner = match configured.map(|runner| runner.value.as_str()) {
            None | Some("" | "qemu-user") => facts.env_spec.runner(target),
            Some("native") => Runner::Native,
            Some(command) => {
                let origin =
                    configured.map_or_else(String::new, |runner| format!(" ({})", runner.origin));
                let message = format!("cannot debug with the custom runner `{command}`{origin}");
                return Err(Error::new(ErrorKind::Debugger, message).with_help(
                    "remove the key `runner`, or start a gdb server in the command itself",
                ));
            }
        };
        let Some(text) = runner::debugged(&runner) else {
            let message = format!("the runner for {} cannot serve gdb", target.triple());
            return Err(Error::new(ErrorKind::Debugger, message).with_help(
                "only programs that run natively or under QEMU's user mode can be debugged",
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

    /// Makes the programs of a run wait for gdb. The run uses the host's network, so that a
    /// debugger on the host can connect.
    pub(crate) fn attach(&self, spec: RunSpec) -> RunSpec {
        let plain = |value: String| EnvValue::Plain(value);
        let inside = nameable(&self.script, 1);
        spec.network(Network::Host)
            .mounts([Mount::read(&self.script).at(&inside)])
            .env([
                (runner::GDB_PORT.to_owned(), plain(self.port.to_string())),
                (self.variable.clone(), plain(inside.display().to_string())),
            ])
    }
}
