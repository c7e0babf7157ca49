//! `cargo xtask`: builds, tests and packages logsift for every target it ships for.
//!
//! This file connects the process to the commands: arguments, Ctrl-C, errors and the exit status.
//! `cross_core` does the work of the commands. Read `dist` first.

mod archive;
mod bench;
mod bill_of_materials;
mod cache_key;
mod caller;
mod cargo;
mod checkout;
mod cli;
mod commands;
mod contents;
mod crates;
mod deb;
mod difference;
mod dist;
mod elf_sections;
mod export;
mod failure;
mod front_door;
mod hosts;
mod image;
mod lock;
mod manifest;
mod matrix;
mod output;
mod package_url;
mod papers;
mod program_file;
mod progress;
mod provenance;
mod setup;
mod shell;
mod std_crates;
mod tools;
mod verify;

use std::env;
use std::process::ExitCode;

use clap::Parser as _;
use cross_core::{Cancel, plan::Verb};

use cli::{Cli, Command};
use failure::Failure;

/// The exit status that a shell reports after Ctrl-C: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cancel = Cancel::new();
    // The library installs no signal handler: that is the program's decision.
    let on_signal = cancel.clone();
    let handler = ctrlc::set_handler(move || on_signal.cancel());
    let done = match (handler, front_door::words_of(env::args_os())) {
        (Ok(()), Some(words)) => return front_door::run(&words, &cancel),
        (Ok(()), None) => run(&Cli::parse().command, &cancel),
        (Err(error), _) => Err(Failure::new(format!("cannot handle Ctrl-C: {error}"))),
    };
    match done {
        Ok(code) => code,
        // Ctrl-C reaches the whole process group, so the end of a program may be reported first.
        Err(_) if cancel.check().is_err() => {
            output::error(&Failure::new("interrupted"));
            ExitCode::from(INTERRUPTED)
        }
        Err(failure) => {
            output::error(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command, cancel: &Cancel) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Cross { words } => return Ok(front_door::run(words, cancel)),
        Command::Shell(args) => return shell::run(args, cancel),
        Command::Tools(args) => return tools::run(args, cancel),
        Command::Setup(args) => setup::run(args, cancel),
        Command::Dist(args) => dist::run(args, cancel),
        Command::Image(args) => image::run(args, cancel),
        Command::Prefetch(args) => commands::prefetch(args, cancel),
        Command::Build(args) => commands::cargo(Verb::Build, args, None, cancel),
        Command::Test(args) => commands::cargo(Verb::Test, &args.cargo, args.gdb, cancel),
        Command::Run(args) => commands::cargo(Verb::Run, &args.cargo, args.gdb, cancel),
        Command::Plan(args) => commands::plan(args, cancel),
        Command::Config { json, schema } => commands::config(*json, *schema),
        Command::Doctor { json } => commands::doctor(*json),
        Command::Targets { target, json } => commands::targets(target, *json),
        Command::Env(args) => commands::env(args, cancel),
        Command::Lock(args) => lock::run(args, cancel),
        Command::CacheKey(args) => cache_key::run(args, cancel),
        Command::Export(args) => export::export(args, cancel),
        Command::Import(args) => export::import(args, cancel),
        Command::Matrix(args) => matrix::run(args, cancel),
        Command::Bench(args) => bench::run(args, cancel),
        Command::Hosts(args) => hosts::run(args, cancel),
        Command::Clean => commands::clean(),
    };
    done.map(|()| ExitCode::SUCCESS)
}
