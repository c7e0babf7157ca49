//! The lifetime of reused containers: the idle time, killed processes, and the sweep.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::time::Duration;

use cross_core::engine::{ContainerReuse, StartReason};
use cross_engine::{Invocation, process};
use cross_tests::on_engines;

use crate::{Case, SOON, TARGET, stays_true, stdout_of, wait_until};

on_engines! { @ an_idle_container_is_removed_after_its_idle_time docker podman }
on_engines! { @ a_container_is_removed_when_its_owner_is_killed docker podman }
on_engines! { @ a_killed_process_leaves_no_program_in_a_shared_container docker podman }
on_engines! { @ a_killed_process_with_standard_input_leaves_no_program docker podman }
on_engines! { @ a_container_that_the_cache_forgot_is_swept docker podman }

/// The idle time starts at the end of the last run, and never ends a run.
fn an_idle_container_is_removed_after_its_idle_time(engine: &str) {
    let idle = Duration::from_secs(4);
    let case = Case::new(engine);
    let cross = case.reusing(ContainerReuse::across_processes(idle));
    assert_eq!(stdout_of(&cross, "sleep 5; echo done"), "done");
    let container = case.started_containers()[0].0.clone();
    assert!(case.has_container(&container));
    // A run restarts the idle time even if it ends before the container's watcher sees it.
    let exists = || case.has_container(&container);
    stays_true(idle / 4, "the container is kept after a run", exists);
    stdout_of(&cross, "true");
    let reused = format!("{engine} keeps the container after the second run");
    stays_true(idle * 3 / 4, &reused, exists);
    drop(cross);
    wait_until(SOON, "the idle container is removed", || !exists());
    let cross = case.reusing(ContainerReuse::across_processes(idle));
    stdout_of(&cross, "true");
    assert_eq!(
        case.started_containers().last().unwrap().1,
        StartReason::Gone
    );
    let replacement = case.started_containers().pop().unwrap().0;
    case.engine_output(&["rm", "--force", &replacement]);
}

/// Starts another program that uses the library, and waits until `script` has printed `up`.
fn start_caller(case: &Case, verb: &str, variables: &[(&str, &str)], script: &str) -> Child {
    let words = [verb, &case.engine, TARGET, "sh", "-c", script];
    let mut caller = Invocation::new(env!("CARGO_BIN_EXE_caller")).args(words);
    for (name, value) in variables {
        caller = caller.env(*name, *value);
    }
    let env = case.leftovers.env();
    let env = env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut child = process::command(&caller, &env.collect())
        .current_dir(case.project.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"up\n").unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(events.any(|event| event.unwrap().contains("\"line\":\"up\"")));
    child
}

/// A script that prints `up` and ignores every signal that a process can ignore.
const ENDLESS: &str = "trap '' TERM INT HUP; \
    setsid sh -c \"trap '' TERM; sleep 4714; sleep 4714\" & echo up; sleep 4714; sleep 4714";

fn a_container_is_removed_when_its_owner_is_killed(engine: &str) {
    let case = Case::new(engine);
    let mut owner = start_caller(&case, "reuse-exec", &[], ENDLESS);
    let containers = case.leftovers.containers();
    assert_eq!(containers.len(), 1, "{containers:?}");
    owner.kill().unwrap();
    owner.wait().unwrap();
    case.leftovers.are_none_within(SOON);
}

fn a_killed_process_leaves_no_program_in_a_shared_container(engine: &str) {
    killed_process_leaves_no_program(engine, "exec", ENDLESS);
}

/// Standard input belongs to the program here, so it cannot be the lifeline.
fn a_killed_process_with_standard_input_leaves_no_program(engine: &str) {
    let script = ENDLESS.replace("echo up", "read up; echo $up");
    killed_process_leaves_no_program(engine, "stdin-exec", &script);
}

fn killed_process_leaves_no_program(engine: &str, verb: &str, script: &str) {
    let case = Case::new(engine);
    let variables = [("CROSS_REUSE_CONTAINERS", "60")];
    let mut caller = start_caller(&case, verb, &variables, script);
    caller.kill().unwrap();
    caller.wait().unwrap();
    let cross = case.reusing(ContainerReuse::across_processes(Duration::from_secs(60)));
    wait_until(SOON, "the killed process's program is gone", || {
        !stdout_of(&cross, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").contains("sleep 4714 ")
    });
    assert_eq!(
        case.started_containers(),
        [],
        "the container is still there"
    );
    let container = case.entered_containers().pop().unwrap();
    case.engine_output(&["rm", "--force", &container]);
    case.leftovers.are_none_within(SOON);
}

/// After the cache is removed, the library starts another container. The sweep finds the old one.
fn a_container_that_the_cache_forgot_is_swept(engine: &str) {
    let case = Case::new(engine);
    let cache = case.leftovers.own_cache();
    let cross = case.reusing(ContainerReuse::across_processes(Duration::from_secs(60)));
    let cross = cross.cache_dir(&cache);
    stdout_of(&cross, "true");
    std::fs::remove_dir_all(cache.join("reused-shared")).unwrap();
    stdout_of(&cross, "true");
    let started = case.started_containers();
    assert_eq!(started.len(), 2);
    assert_ne!(started[0].0, started[1].0);
    let swept = cross.sweep(engine).unwrap();
    assert!(
        !swept.containers.contains(&started[1].0),
        "in use: {swept:?}"
    );
    std::fs::remove_dir_all(cache.join("reused-shared")).unwrap();
    let swept = cross.sweep(engine).unwrap();
    for (container, _) in &started {
        assert!(
            swept.containers.contains(container),
            "{container} in {swept:?}"
        );
        assert!(!case.has_container(container));
    }
}
