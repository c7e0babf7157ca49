//! A program that uses the library, which a test can start as another user or kill.
//!
//! Usage: `caller <verb> <engine> <target> [words…]`, in the project's directory. The words are the
//! command of `exec`; of `stdin-exec`, which passes its standard input on; and of `reuse-exec`,
//! which reuses a container until this process ends.
//!
//! It prints every event as a line of JSON, and at last a line with the outcome or the error.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the tests: it is a process of its own"
)]

use std::io::Write as _;
use std::process::ExitCode;

use cross_core::{Cross, Outcome, Result, engine::ContainerReuse};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [verb, engine, target, words @ ..] = args.as_slice() else {
        say(&serde_json::json!({ "usage": "caller <verb> <engine> <target>" }));
        return ExitCode::from(2);
    };
    match request(verb, engine, target, words) {
        Ok(outcome) => {
            say(&serde_json::json!({ "outcome": outcome }));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&serde_json::json!({ "error": {
                "kind": format!("{:?}", error.kind()),
                "message": error.to_string(),
                "help": error.help(),
            }}));
            ExitCode::FAILURE
        }
    }
}

fn request(verb: &str, engine: &str, target: &str, words: &[String]) -> Result<Outcome> {
    let cross = Cross::discover()?
        .engine(engine)
        .toolchain(if engine == "host" { "host" } else { "image" })
        .on_event(|event| say(&serde_json::json!(event)));
    match verb {
        "test" => cross.test(target).run(),
        "run" => cross.run(target).run(),
        "exec" => cross.exec(target, words).run(),
        "stdin-exec" => cross.exec(target, words).stdin(true).run(),
        "reuse-exec" => cross
            .reuse_containers(ContainerReuse::new())
            .exec(target, words)
            .run(),
        "offline-test" => cross.offline(true).test(target).run(),
        _ => cross.build(target).run(),
    }
}

/// Prints a line at once. A closed standard output does not fail the request.
fn say(value: &serde_json::Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}
