//! A program that is only the front door: `front-door <engine> <cargo command line>`, in the
//! project's directory, with the caller's standard streams. It exits with cargo's code, or with 125
//! if the library failed.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the tests: it is a process of its own"
)]

use std::io::{IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use cross_core::{Cross, Result, events::EventKind};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let engine = args.next().unwrap_or_default();
    match cargo(&engine.to_string_lossy(), args.collect()) {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            let help = error.help().unwrap_or_default();
            let _ = writeln!(stderr().lock(), "{:?}: {error}\nhelp: {help}", error.kind());
            ExitCode::from(125)
        }
    }
}

fn cargo(engine: &str, words: Vec<std::ffi::OsString>) -> Result<i32> {
    let cross = Cross::discover()?
        .engine(engine)
        .defaults(cross_core::config::Layer::embedder("front-door").toolchain("image"))
        .on_event(|event| {
            if let EventKind::Decided(decision) = &event.kind {
                let _ = writeln!(stderr().lock(), "{decision}");
            }
        });
    let terminal = stdin().is_terminal() && stdout().is_terminal() && stderr().is_terminal();
    let line = cross.cargo(words).inherit(true).terminal(terminal);
    Ok(line.run()?.code)
}
