//! Containers that several processes share.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use cross_core::{Cancel, engine::ContainerReuse};
use cross_engine::{Invocation, process};
use cross_tests::on_engines;

use crate::{Case, SOON, TARGET, stdout_of, wait_until};

on_engines! { @ two_processes_share_a_container docker podman }

/// Both processes need a container at the same time, and one of them starts it.
fn two_processes_share_a_container(engine: &str) {
    let case = Case::new(engine);
    case.fresh
        .build(TARGET)
        .plan()
        .unwrap()
        .only_environment()
        .execute(&Cancel::new())
        .unwrap();
    let callers: Vec<Child> = (0..2).map(|_| caller(&case)).collect();
    let outputs: Vec<String> = callers.into_iter().map(output_of).collect();
    let output = outputs.concat();
    assert_eq!(output.matches("container-started").count(), 1, "{output}");
    assert_eq!(output.matches("container-entered").count(), 2, "{output}");
    let cross = case.reusing(ContainerReuse::across_processes(Duration::from_secs(30)));
    stdout_of(&cross, "true");
    assert_eq!(
        case.started_containers(),
        [],
        "a third process finds the container"
    );
    let name = case.entered_containers().pop().unwrap();
    assert_eq!(
        output.matches(&format!("\"container\":\"{name}\"")).count(),
        3,
        "{output}"
    );
    case.engine_output(&["rm", "--force", &name]);
    wait_until(SOON, "the container is removed", || {
        !case.has_container(&name)
    });
}

fn caller(case: &Case) -> Child {
    let words = ["exec", &case.engine, TARGET, "sleep", "2"];
    let caller = Invocation::new(env!("CARGO_BIN_EXE_caller")).args(words);
    let caller = caller.env("CROSS_REUSE_CONTAINERS", "30");
    let env = case.leftovers.env();
    let env = env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    process::command(&caller, &env.collect())
        .current_dir(case.project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn output_of(mut caller: Child) -> String {
    let mut output = String::new();
    let mut stdout = caller.stdout.take().unwrap();
    stdout.read_to_string(&mut output).unwrap();
    assert!(caller.wait().unwrap().success(), "{output}");
    output
}
