//! `shell`: opens a shell in the environment of a target. The exit status is the shell's.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use cross_core::{Cancel, events::EventKind};

use crate::cli::{Format, Shell};
use crate::commands;
use crate::failure::Failure;
use crate::ui::{Output, Ui};

/// Makes the environment if it does not exist, and gives the terminal to a shell in it.
pub(crate) fn run(args: &Shell, cancel: &Cancel) -> Result<ExitCode, Failure> {
    let ui = Ui::new(Format::Human, Output::Shown);
    let cross = commands::cross(&args.choice)?.on_event({
        let ui = ui.clone();
        move |event| match &event.kind {
            // From now on the shell owns the terminal.
            EventKind::StepStarted { purpose, .. } if purpose == "run a shell" => ui.close(),
            EventKind::StepFinished { .. } => {}
            _ => ui.show(event),
        }
    });
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let done = cross
        .shell(&args.target)
        .terminal(terminal)
        .run_until(cancel);
    ui.close();
    Ok(ExitCode::from(u8::try_from(done?).unwrap_or(1)))
}
