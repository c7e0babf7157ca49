//! Explains the configuration of a project, with the origin of each value.
//!
//! Run with `cargo run -p cross-config --example explain -- path/to/project [TARGET]`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program: it prints, and its arguments and variables are the process's"
)]

use std::env;
use std::error::Error;
use std::process::ExitCode;

use cross_config::{Env, Loader};

fn main() -> ExitCode {
    match explain() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn explain() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let project = args.next().unwrap_or_else(|| ".".to_owned());
    let variables: Env = env::vars_os().collect();
    let loaded = Loader::new(&project).env(&variables).load()?;
    for warning in &loaded.warnings {
        println!("# {warning}");
    }
    let rows = match args.next() {
        Some(target) => loaded.config.explain_for(&target),
        None => loaded.config.explain(),
    };
    for row in rows {
        println!("{} = {}  # {}", row.key, row.value, row.origin);
    }
    Ok(())
}
