//! Detects programs that wait for gdb, and environments without gdbserver.

use std::path::Path;

use cross_engine::RunSpec;

use crate::model::error::{Error, ErrorKind};
use crate::model::fixed_paths::FixedPaths;
use crate::request::event::EventKind;
use crate::target::runner::{self, GDB_PORT, GDBSERVER, WAITING};

/// Watches the output of a run whose programs may wait for gdb.
#[derive(Debug)]
pub(crate) struct DebuggerWatch {
    /// The paths that the run sees.
    fixed: FixedPaths,
    /// Whether programs of the run wait for gdb.
    enabled: bool,
    /// Whether the environment lacks gdbserver.
    gdbserver_missing: bool,
}

impl DebuggerWatch {
    pub(crate) fn new(spec: &RunSpec, fixed: &FixedPaths) -> Self {
        DebuggerWatch {
            fixed: fixed.clone(),
            enabled: spec.env.contains_key(GDB_PORT),
            gdbserver_missing: false,
        }
    }

    /// Reads a line of standard error. Returns an event if the line is the runner script's message
    /// that a program waits.
    pub(crate) fn read(&mut self, line: &str) -> Option<EventKind> {
        if !self.enabled {
            return None;
        }
        self.gdbserver_missing |= line == runner::missing(GDBSERVER);
        let (port, program) = line.strip_prefix(WAITING)?.split_once(": ")?;
        let program = self.fixed.outside(Path::new(program));
        let shown = program.display();
        Some(EventKind::WaitsForDebugger {
            port: port.parse().ok()?,
            command: format!("gdb-multiarch -ex 'target remote :{port}' '{shown}'"),
            program,
        })
    }

    /// Returns the error of a run that failed because the environment lacks gdbserver.
    pub(crate) fn failure(&self) -> Option<Error> {
        let message = "the environment has no gdbserver, which native programs need to be debugged";
        let help = "add it: `packages = [\"gdbserver\"]` for the target in Cross.toml";
        self.gdbserver_missing
            .then(|| Error::new(ErrorKind::Debugger, message).with_help(help))
    }
}

#[cfg(test)]
mod tests {
    use cross_engine::os::System;

    use super::*;

    #[test]
    fn only_the_message_of_a_waiting_program_is_an_event() {
        let mut watch = DebuggerWatch {
            fixed: FixedPaths::default(),
            enabled: true,
            gdbserver_missing: false,
        };
        let line = format!("{WAITING}1234: /w/a b/app");
        let Some(EventKind::WaitsForDebugger {
            port,
            program,
            command,
        }) = watch.read(&line)
        else {
            panic!("no event");
        };
        let app = System::HERE.outside(Path::new("/w/a b/app"));
        assert_eq!((port, &program), (1234, &app));
        let shown = app.display();
        assert_eq!(
            command,
            format!("gdb-multiarch -ex 'target remote :1234' '{shown}'")
        );
        assert!(watch.read("cross: waits for nobody").is_none());
        assert!(watch.failure().is_none());
        watch.enabled = false;
        assert!(watch.read(&line).is_none(), "no debugger was requested");
    }

    #[test]
    fn the_error_about_a_missing_gdbserver_names_its_package() {
        let mut watch = DebuggerWatch {
            fixed: FixedPaths::default(),
            enabled: true,
            gdbserver_missing: false,
        };
        watch.read(&runner::missing(GDBSERVER));
        let error = watch.failure().unwrap();
        assert_eq!(error.kind(), ErrorKind::Debugger);
        assert!(error.help().unwrap().contains("packages = [\"gdbserver\"]"));
    }
}
