//! Notices when a program waits for gdb, and when the environment has no gdbserver.

use cross_engine::RunSpec;

use crate::model::error::{Error, ErrorKind};
use crate::request::event::EventKind;
use crate::target::runner::{self, GDB_PORT, GDBSERVER, WAITING};

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
            waits: spec.env.contains_key(GDB_PORT),
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
    use std::path::PathBuf;

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
