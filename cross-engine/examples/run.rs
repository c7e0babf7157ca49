//! Runs a command in a container or a sandbox, where it sees the current directory and has no
//! network:
//!
//! ```text
//! cargo run -p cross-engine --example run -- docker debian:bookworm-slim ls -l
//! cargo run -p cross-engine --example run -- sandbox / id
//! ```
//!
//! The second word is an image, or for the sandbox the directory of a root file system, such as
//! this machine's own.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program: it prints, and its arguments, variables and directory are the process's"
)]

use std::env;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use cross_engine::process::Stream;
use cross_engine::{
    Cancel, EnginePreference, Host, Mount, Network, Root, RootSource, RunSpec, read_rootfs_layout,
    select,
};

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprintln!("caused by: {error}");
            cause = error.source();
        }
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let (Some(engine), Some(root)) = (words.next(), words.next()) else {
        return Err("usage: run ENGINE ROOT COMMAND...".into());
    };
    let directory = env::current_dir()?;
    let host = Host::new(env::vars_os().collect(), env::temp_dir());
    let cancel = Cancel::new();

    let preference = EnginePreference::from(engine);
    let engine = select(&preference, RootSource::Recipe, &host, &cancel)?.engine;
    let root = match engine.has_images() {
        true => Root::Image(root),
        false => {
            let path = PathBuf::from(root);
            let layout = read_rootfs_layout(&path, &[&directory])?;
            Root::Directory { path, layout }
        }
    };
    let spec = RunSpec::new(root, &directory, words)
        .mounts([Mount::write(&directory)])
        .network(Network::None);
    let exit = engine.run(&spec, &host, &cancel, &mut |stream, line| {
        match stream {
            Stream::Stdout => println!("{line}"),
            _ => eprintln!("{line}"),
        }
        ControlFlow::Continue(())
    })?;
    Ok(ExitCode::from(u8::try_from(exit.code.unwrap_or(1))?))
}
