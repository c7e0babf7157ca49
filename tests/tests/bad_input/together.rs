//! Runs side by side.

use std::io::Read as _;
use std::process::{Child, Stdio};

use cross_engine::{Invocation, process};
use cross_tests::{Project, on_engines};

use crate::{Case, TARGET};

on_engines! { two_runs_at_once_on_one_project two_projects_at_once_in_one_process }

/// Another program that uses the library on the project of `case`.
pub(crate) fn caller(case: &Case, verb: &str, engine: &str) -> Child {
    let caller = Invocation::new(env!("CARGO_BIN_EXE_caller")).args([verb, engine, TARGET]);
    let variables = case
        .env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    process::command(&caller, &variables)
        .current_dir(case.project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a caller printed, and whether it succeeded.
fn ended(mut caller: Child) -> (bool, String) {
    let mut said = String::new();
    let mut from = caller.stdout.take().unwrap();
    from.read_to_string(&mut said).unwrap();
    (caller.wait().unwrap().success(), said)
}

fn two_runs_at_once_on_one_project(engine: &str) {
    let case = Case::of(Project::new("app"), engine);
    let all = [
        caller(&case, "run", engine),
        caller(&case, "run", engine),
        caller(&case, "test", engine),
    ];
    for (succeeded, said) in all.map(ended) {
        assert!(succeeded, "{said}");
    }
    case.leftovers.are_none();
}

/// Nothing of a process is shared: no directory, no variable, no lock.
fn two_projects_at_once_in_one_process(engine: &str) {
    let cases = [
        Case::of(Project::new("one"), engine),
        Case::of(Project::new("two"), engine),
    ];
    std::thread::scope(|scope| {
        for case in &cases {
            scope.spawn(|| case.cross.build(TARGET).run().unwrap());
        }
    });
    for (case, name) in cases.iter().zip(["one", "two"]) {
        let usual = case.project.path().join("target").join(TARGET);
        assert!(usual.join("debug").join(name).exists());
        case.leftovers.are_none();
    }
}
