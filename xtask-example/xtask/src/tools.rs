//! `tools`: runs a program that drives cargo or a C compiler itself, with the tools of a target's
//! environment.

use std::process::{Command, ExitCode};

use cross_core::Cancel;

use crate::cli;
use crate::commands;
use crate::failure::Failure;
use crate::progress::Progress;

/// Runs the command, and returns its exit status.
pub(crate) fn run(args: &cli::Tools, cancel: &Cancel) -> Result<ExitCode, Failure> {
    let cross = commands::cross(&args.choice)?;
    let progress = Progress::new(&cross, cli::Format::Human);
    let tools = progress.watch(&cross).host_tools(&args.target);
    let tools = tools.run_until(cancel);
    progress.close();
    let tools = tools?;
    let Some((program, words)) = args.command.split_first() else {
        return Err(Failure::new("no command given"));
    };
    // Ctrl-C reaches the program, too: it is in the same process group.
    let status = Command::new(program)
        .args(words)
        .envs(tools.env())
        .status()
        .map_err(|error| {
            let program = program.to_string_lossy();
            Failure::new(format!("cannot start `{program}`: {error}"))
        })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
