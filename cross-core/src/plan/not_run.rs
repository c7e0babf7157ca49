//! Tells before anything is compiled that nothing starts the target's programs.

use std::ffi::OsString;

use crate::facts::facts::Facts;
use crate::model::step::{Verb, Warning};
use crate::request::request::Request;

/// Cargo's commands that start what they build.
const STARTING: [&str; 4] = ["bench", "nextest", "run", "test"];

/// Returns the warning for a request that starts programs where nothing in the environment does.
/// It is no error: a package may have no test, and its tests are compiled.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    if !facts.inputs.starts_nothing || !starts(request) {
        return None;
    }
    let target = facts.target.known()?;
    let what = match request.verb {
        Verb::Test | Verb::Bench => "tests are compiled, and none is started",
        Verb::Exec => "the program is not started",
        _ => "what is compiled is not started",
    };
    Some(Warning {
        code: "not-run".to_owned(),
        message: format!("{what}: nothing in the environment runs programs for {target}"),
        help: Some(target.not_run()),
    })
}

/// Whether programs of the target are to be started.
fn starts(request: &Request) -> bool {
    let options = &request.options;
    let compiles_only = |words: &[String]| words.iter().any(|word| word == "--no-run");
    match request.verb {
        Verb::Run | Verb::Test | Verb::Bench | Verb::Nextest => {
            options.archive.is_none() && !compiles_only(&options.cargo)
        }
        Verb::Exec => options.on_target,
        Verb::Cargo => options.command_line.as_ref().is_some_and(|given| {
            let words = given.line.on_host().into_iter().map(OsString::into_string);
            let words: Vec<_> = words.flatten().collect();
            let name = given.line.name();
            given.line.starts_programs()
                && !compiles_only(&words)
                && name.is_some_and(|name| STARTING.contains(&name))
        }),
        _ => false,
    }
}
