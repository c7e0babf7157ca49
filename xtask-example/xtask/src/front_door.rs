//! `cross`: the front door, which takes a cargo command line.
//!
//! Standard output has only what cargo prints there. Messages of this program go to standard error.
//! The exit status is cargo's.
//!
//! Tools that know only another cargo (`CARGO=PROGRAM`) start a program without words of their own.
//! This one is that program where it is called `cross`: `ln -s xtask target/debug/cross`.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use cross_core::{Cancel, Cross, console::Console, events::EventKind};

use crate::INTERRUPTED;
use crate::failure::Failure;
use crate::output;

/// The exit status of failures before cargo starts. Container engines use the same number for their
/// own failures.
const NOT_CARGO: u8 = 125;

/// The name under which the program takes a cargo command line, and nothing else.
const NAME: &str = "cross";

/// The cargo command line in the arguments of this process, if it was started as another cargo.
pub(crate) fn words_of(args: impl IntoIterator<Item = OsString>) -> Option<Vec<OsString>> {
    let mut args = args.into_iter();
    let program = args.next()?;
    let name = Path::new(&program).file_stem();
    name.is_some_and(|name| name == NAME)
        .then(|| args.collect())
}

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
    let console = Console::new(&cross).without_table();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_called_cross_takes_every_word_for_cargo() {
        let words = |line: &str| words_of(line.split(' ').map(OsString::from));
        let given = words("/p/target/debug/cross --version --help");
        assert_eq!(given, Some(vec!["--version".into(), "--help".into()]));
        assert_eq!(words("cross.exe"), Some(Vec::new()));
        for other in ["target/debug/xtask cross build", "/cross/xtask build"] {
            assert_eq!(words(other), None, "{other}");
        }
    }
}
