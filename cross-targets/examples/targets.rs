//! Prints the facts about targets: one line per target, or details of the targets that are named.
//!
//! ```sh
//! cargo run -p cross-targets --example targets -- s390x-unknown-linux-gnu
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program: it prints, and its arguments are the process's"
)]

use std::error::Error;
use std::process::ExitCode;

use cross_targets::{DebianArch, RustSource, SupportLevel, Target};

fn main() -> ExitCode {
    match targets() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn targets() -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        Target::all().for_each(|target| println!("{}", line(target)));
        return Ok(());
    }
    for name in names {
        describe(name.parse()?)?;
    }
    Ok(())
}

/// One line about a target and its support.
fn line(target: Target) -> String {
    let facts = target.facts();
    let level = match facts.support {
        SupportLevel::Recipe => format!("recipe, tests: {}", facts.tests.as_str()),
        SupportLevel::NotYet { why, .. } => format!("no recipe: {why}"),
        _ => "unknown".to_owned(),
    };
    format!("{:<36} {level}", target.to_string())
}

fn describe(target: Target) -> Result<(), Box<dyn Error>> {
    let facts = target.facts();
    println!("{}", line(target));
    println!("  processor: {}, {}-bit", facts.arch, facts.pointer_width);
    println!("  variables: CC_{}", target.env_lower());
    println!("  runner:    {:?}", target.runner(DebianArch::Amd64));
    let recipe = target.recipe(DebianArch::Amd64, RustSource::External)?;
    println!("  suite:     {}", recipe.suite);
    println!("  packages:  {}", recipe.packages.join(" "));
    Ok(())
}
