//! A program that uses the library, which a test can start as another user or kill.
//!
//! Usage: `caller <verb> <engine> <target> [words…]`, in the project's directory. The words are the
//! command of `exec`; of `stdin-exec`, which passes its standard input on; and of `reuse-exec`,
//! which reuses a container until this process ends. `plan` plans a build and prints the plan in
//! both its forms. A verb can have a deadline: `test@8` is cancelled after eight seconds. The
//! `update` locks the newest environment of the target. The
//! events of a `quiet` verb (`quiet-test`) are not printed. `mounted-build` compiles with the Rust
//! in the directory that `MOUNTED_RUST` names, and not with the environment's.
//!
//! It prints every event as a line of JSON, and at last a line with the outcome or the error.

#![allow(
    clippy::disallowed_methods,
    reason = "a tool of the tests: it is a process of its own"
)]

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use cross_core::{Cancel, Cross, Result, engine::ContainerReuse};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [verb, engine, target, words @ ..] = args.as_slice() else {
        say(&serde_json::json!({ "usage": "caller <verb> <engine> <target>" }));
        return ExitCode::from(2);
    };
    match request(verb, engine, target, words) {
        Ok(done) => {
            say(&done);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&serde_json::json!({ "error": {
                "kind": format!("{:?}", error.kind()),
                "message": chain(&error),
                "help": error.help(),
            }}));
            ExitCode::FAILURE
        }
    }
}

fn request(verb: &str, engine: &str, target: &str, words: &[String]) -> Result<serde_json::Value> {
    let mounted = verb.strip_prefix("mounted-");
    let verb = mounted.unwrap_or(verb);
    let rust = match mounted {
        Some(_) => std::env::var("MOUNTED_RUST").unwrap_or_default(),
        None if engine == "host" => "host".to_owned(),
        None => "image".to_owned(),
    };
    let mut cross = Cross::discover()?.engine(engine).toolchain(rust.as_str());
    let quiet = verb.strip_prefix("quiet-");
    if quiet.is_none() {
        cross = cross.on_event(|event| say(&serde_json::json!(event)));
    }
    let verb = quiet.unwrap_or(verb);
    let (verb, seconds) = verb.split_once('@').unwrap_or((verb, ""));
    let mut cancel = Cancel::new();
    if let Ok(seconds) = seconds.parse() {
        cancel = cancel.with_deadline(Duration::from_secs(seconds));
    }
    let request = match verb {
        "plan" => {
            let plan = cross.build(target).plan_until(&cancel)?;
            return Ok(serde_json::json!({ "plan": plan, "shown": plan.to_string() }));
        }
        "update" => {
            let locked = cross.lock([target]).update(true).run_until(&cancel)?;
            return Ok(serde_json::json!({ "locked": locked }));
        }
        "test" => cross.test(target),
        "run" => cross.run(target),
        "capture-run" => cross.run(target).capture(true),
        "exec" => cross.exec(target, words),
        "stdin-exec" => cross.exec(target, words).stdin(true),
        "reuse-exec" => cross
            .reuse_containers(ContainerReuse::new())
            .exec(target, words),
        "offline-test" => cross.offline(true).test(target),
        _ => cross.build(target),
    };
    let outcome = request.run_until(&cancel)?;
    Ok(serde_json::json!({ "outcome": outcome }))
}

/// Returns the error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// Prints a line at once. A closed standard output does not fail the request.
fn say(value: &serde_json::Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}
