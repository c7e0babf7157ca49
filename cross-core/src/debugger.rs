//! A program that waits for gdb: by the stub of the emulator that runs it, or by gdbserver.

use std::path::PathBuf;

use cross_engine::{EnvValue, Mount, Network, RunSpec};
use cross_targets::Runner;

use crate::error::{Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::inside::kept_file;
use crate::plan::Step;
use crate::planner::Facts;
use crate::runner;

/// The variable by which a script knows the port.
pub(crate) const PORT: &str = "CROSS_GDB_PORT";
/// What starts a program where no emulator is needed.
pub(crate) const GDBSERVER: &str = "gdbserver";
/// What a script says before it waits; the port and the program's path follow, with a colon between.
pub(crate) const WAITING: &str = "cross: waits for gdb on port ";

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
            None | Some("" | "qemu-user") => facts.definition.runner(target),
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
        let text = match facts.definition.equipment() {
            Some(equipment) => equipment.with_emulator(&text),
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
                (PORT.to_owned(), plain(self.port.to_string())),
                (
                    self.variable.clone(),
                    plain(self.script.display().to_string()),
                ),
            ])
    }
}

/// Listens to a run whose programs may wait for gdb.
#[derive(Debug)]
pub(crate) struct Listening {
    waits: bool,
    /// Whether the environment has no gdbserver.
    missing: bool,
}

impl Listening {
    pub(crate) fn to(spec: &RunSpec) -> Self {
        Listening {
            waits: spec.env.contains_key(PORT),
            missing: false,
        }
    }

    /// Reads a line of standard error; an event in place of what a script of ours says.
    pub(crate) fn read(&mut self, line: &str) -> Option<EventKind> {
        if !self.waits {
            return None;
        }
        self.missing |= line == runner::missing(GDBSERVER);
        let (port, program) = line.strip_prefix(WAITING)?.split_once(": ")?;
        Some(EventKind::WaitsForDebugger {
            port: port.parse().ok()?,
            program: program.into(),
            command: format!("gdb-multiarch -ex 'target remote :{port}' '{program}'"),
        })
    }

    /// The error where the run failed for want of gdbserver.
    pub(crate) fn failure(&self) -> Option<Error> {
        let message = "the environment has no gdbserver, by which native programs are debugged";
        let help = "add it: `packages = [\"gdbserver\"]` for the target in Cross.toml";
        self.missing
            .then(|| Error::new(ErrorKind::Debugger, message).with_help(help))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_program_is_an_event_and_nothing_else_is() {
        let mut listening = Listening {
            waits: true,
            missing: false,
        };
        let line = format!("{WAITING}1234: /w/a b/app");
        let Some(EventKind::WaitsForDebugger {
            port,
            program,
            command,
        }) = listening.read(&line)
        else {
            panic!("it waits");
        };
        assert_eq!((port, program), (1234, PathBuf::from("/w/a b/app")));
        assert_eq!(
            command,
            "gdb-multiarch -ex 'target remote :1234' '/w/a b/app'"
        );
        assert!(listening.read("cross: waits for nobody").is_none());
        assert!(listening.failure().is_none());
        listening.waits = false;
        assert!(listening.read(&line).is_none(), "nobody asked for it");
    }

    #[test]
    fn a_missing_gdbserver_is_named_with_its_package() {
        let mut listening = Listening {
            waits: true,
            missing: false,
        };
        listening.read(&runner::missing(GDBSERVER));
        let error = listening.failure().unwrap();
        assert_eq!(error.kind(), ErrorKind::Debugger);
        assert!(error.help().unwrap().contains("packages = [\"gdbserver\"]"));
    }
}
