//! A program that uses the tools of a target as an xtask does, so that a test can choose its
//! variables and its terminal: `host-tools <verb> <engine> <target> …`, in the project's directory.
//!
//! - `shell`: runs a shell with the caller's standard streams, and exits with its code.
//! - `compile FILE NAME`: compiles a C file with cc, and prints the directory of the library.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the tests: it is a process of its own"
)]

use std::io::{IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

use cross_core::{Cross, Result};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["shell", engine, target] => shell(engine, target),
        ["compile", engine, target, file, name] => compile(engine, target, file, name),
        _ => return ExitCode::from(2),
    };
    match done {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            let help = error.help().unwrap_or_default();
            let _ = writeln!(stderr().lock(), "{:?}: {error}\nhelp: {help}", error.kind());
            ExitCode::from(125)
        }
    }
}

fn cross(engine: &str) -> Result<Cross> {
    Ok(Cross::discover()?.engine(engine).toolchain("image"))
}

fn shell(engine: &str, target: &str) -> Result<i32> {
    let terminal = stdin().is_terminal() && stdout().is_terminal();
    cross(engine)?.shell(target).terminal(terminal).run()
}

fn compile(engine: &str, target: &str, file: &str, name: &str) -> Result<i32> {
    let mut build = cross(engine)?.cc_build(target)?;
    build.file(file).out_dir(Path::new("out"));
    Ok(match build.try_compile(name) {
        Ok(()) => 0,
        Err(error) => {
            let _ = writeln!(stderr().lock(), "{error}");
            1
        }
    })
}
