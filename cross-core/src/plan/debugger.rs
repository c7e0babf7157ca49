//! Runs whose programs wait for gdb, which QEMU or gdbserver serves.

use std::path::PathBuf;

use cross_engine::{EnvValue, Mount, Network, Reach, RunSpec, nameable};
use cross_targets::Runner;

use crate::facts::facts::Facts;
use crate::facts::run_inputs::kept_file;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::{Step, Warning};
use crate::request::request::Request;
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

/// Returns the warning for a program that waits for gdb on the engine's machine.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    let port = request.options.gdb?;
    let Reach::Remote(remote) = &facts.selected.engine.reach else {
        return None;
    };
    let address = remote.address.as_deref().and_then(ssh_destination);
    let machine = address.as_deref().unwrap_or("MACHINE");
    Some(Warning {
        code: "remote".to_owned(),
        message: format!(
            "a program that waits for gdb listens on port {port} of the engine's machine"
        ),
        help: Some(format!(
            "bring the port here before you start gdb: `ssh -N -L {port}:127.0.0.1:{port} {machine}`"
        )),
    })
}

/// The machine in the address of a daemon, as ssh takes it.
fn ssh_destination(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let machine = rest.split('/').next().filter(|it| !it.is_empty())?;
    match scheme {
        "ssh" => Some(format!("ssh://{machine}")),
        "tcp" | "http" | "https" => {
            let name = machine.rsplit_once(':').map_or(machine, |(name, _)| name);
            Some(name.trim_matches(['[', ']']).to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_of_an_address_is_what_ssh_takes() {
        for (address, machine) in [
            ("ssh://me@far:22/run/podman.sock", Some("ssh://me@far:22")),
            ("tcp://far.example:2375", Some("far.example")),
            ("tcp://[::1]:2375", Some("::1")),
            ("unix:///var/run/docker.sock", None),
            ("the context `far`", None),
        ] {
            assert_eq!(ssh_destination(address).as_deref(), machine, "{address}");
        }
    }
}
