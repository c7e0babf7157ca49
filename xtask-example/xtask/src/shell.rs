//! `shell`: opens a shell in the environment of a target. The exit status is the shell's.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use cross_core::{Cancel, console::Console, events::EventKind};

use crate::cli::Shell;
use crate::commands;
use crate::failure::Failure;

/// Makes the environment if it does not exist, and gives the terminal to a shell in it.
pub(crate) fn run(args: &Shell, cancel: &Cancel) -> Result<ExitCode, Failure> {
    let cross = commands::cross(&args.choice)?;
    let console = Console::new(&cross);
    let cross = cross.on_event({
        let console = console.clone();
        move |event| match &event.kind {
            // From now on the shell owns the terminal.
            EventKind::StepStarted { purpose, .. } if purpose == "run a shell" => console.close(),
            EventKind::StepFinished { .. } => {}
            _ => console.show(event),
        }
    });
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let done = cross
        .shell(&args.target)
        .terminal(terminal)
        .run_until(cancel);
    console.close();
    Ok(ExitCode::from(u8::try_from(done?).unwrap_or(1)))
}
