//! `cross`: the front door, which takes a cargo command line.
//!
//! Standard output has only what cargo prints there. Messages of this program go to standard error.
//! The exit status is cargo's.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use cross_core::{Cancel, Cross, console::Console, events::EventKind};

use crate::INTERRUPTED;
use crate::failure::Failure;
use crate::output;

/// The exit status of failures before cargo starts. Container engines use the same number for their
/// own failures.
const NOT_CARGO: u8 = 125;

/// Runs the cargo command line.
pub(crate) fn run(words: &[OsString], cancel: &Cancel) -> ExitCode {
    match cargo(words, cancel) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(_) if cancel.check().is_err() => ExitCode::from(INTERRUPTED),
        Err(error) => {
            // A command line that cargo itself refuses has cargo's exit status.
            let code = error.code().and_then(|code| u8::try_from(code).ok());
            output::error(&Failure::from(error));
            ExitCode::from(code.unwrap_or(NOT_CARGO))
        }
    }
}

fn cargo(words: &[OsString], cancel: &Cancel) -> cross_core::Result<i32> {
    let cross = Cross::discover()?;
    let console = Console::new(&cross);
    let is_drawn = io::stderr().is_terminal();
    let cross = cross.on_event({
        let console = console.clone();
        move |event| match &event.kind {
            // From now on cargo owns the terminal.
            EventKind::StepStarted { purpose, .. } if purpose.starts_with("cargo ") => {
                console.close();
            }
            // A log has what cargo itself prints, and what takes long.
            EventKind::StepStarted { .. } if !is_drawn => {}
            EventKind::EngineChosen { .. }
            | EventKind::StepFinished { .. }
            | EventKind::Finished { .. } => {}
            _ => console.show(event),
        }
    });
    let terminal =
        io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
    let done = cross
        .cargo(words)
        .inherit(true)
        .terminal(terminal)
        .run_until(cancel);
    console.close();
    Ok(done?.code)
}
