//! The end of a container: by its time, by its owner's death, and by the sweep.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use cross_core::engine::{ContainerReuse, StartReason};
use cross_engine::{Invocation, process};
use cross_tests::on_engines;

use crate::{Case, SOON, TARGET, said, within};

on_engines! { @ nobody_uses_it_for_its_time docker podman }
on_engines! { @ its_owner_is_killed docker podman }
on_engines! { @ one_of_its_users_is_killed docker podman }
on_engines! { @ one_of_its_users_that_reads_is_killed docker podman }
on_engines! { @ what_is_remembered_of_it_is_lost docker podman }

/// The time counts from the end of the last run, and no run is ended by it.
fn nobody_uses_it_for_its_time(engine: &str) {
    let case = Case::new(engine);
    let cross = case.warm(ContainerReuse::across_processes(Duration::from_secs(4)));
    assert_eq!(said(&cross, "sleep 5; echo done"), "done");
    let name = case.started()[0].0.clone();
    assert!(case.has(&name));
    // A run that is over before anybody looks counts, too.
    thread::sleep(Duration::from_secs(1));
    said(&cross, "true");
    thread::sleep(Duration::from_secs(3));
    assert!(case.has(&name), "it is {engine}'s as long as it is used");
    drop(cross);
    within(SOON, "it ends by itself", || !case.has(&name));
    let cross = case.warm(ContainerReuse::across_processes(Duration::from_secs(4)));
    said(&cross, "true");
    assert_eq!(case.started().last().unwrap().1, StartReason::Gone);
    let name = case.started().pop().unwrap().0;
    case.asked(&["rm", "--force", &name]);
}

/// Another program that uses the library, which has printed `up` in the environment.
fn caller(case: &Case, verb: &str, variables: &[(&str, &str)], script: &str) -> Child {
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
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("\"line\":\"up\"")));
    child
}

const ENDLESS: &str = "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM; sleep 4714; sleep 4714\" & echo up; sleep 4714; sleep 4714";

fn its_owner_is_killed(engine: &str) {
    let case = Case::new(engine);
    let mut owner = caller(&case, "warm-exec", &[], ENDLESS);
    let names = case.leftovers.containers();
    assert_eq!(names.len(), 1, "{names:?}");
    owner.kill().unwrap();
    owner.wait().unwrap();
    case.leftovers.are_none_within(SOON);
}

fn one_of_its_users_is_killed(engine: &str) {
    user_is_killed(engine, "exec", ENDLESS);
}

/// Its lifeline is no standard input, since that is the program's.
fn one_of_its_users_that_reads_is_killed(engine: &str) {
    user_is_killed(
        engine,
        "stdin-exec",
        &ENDLESS.replace("echo up", "read up; echo $up"),
    );
}

fn user_is_killed(engine: &str, verb: &str, script: &str) {
    let case = Case::new(engine);
    let shared = ContainerReuse::across_processes(Duration::from_secs(60));
    let mut user = caller(&case, verb, &[("CROSS_REUSE_CONTAINERS", "60")], script);
    user.kill().unwrap();
    user.wait().unwrap();
    let cross = case.warm(shared);
    within(SOON, "what it ran is gone", || {
        !said(&cross, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").contains("sleep 4714 ")
    });
    assert_eq!(case.started(), [], "the container is not");
    let name = case.entered().pop().unwrap();
    case.asked(&["rm", "--force", &name]);
    case.leftovers.are_none_within(SOON);
}

/// A cache that was removed: another container is started, and the sweep finds the old one.
fn what_is_remembered_of_it_is_lost(engine: &str) {
    let case = Case::new(engine);
    let cache = case.leftovers.own_cache();
    let cross = case.warm(ContainerReuse::across_processes(Duration::from_secs(60)));
    let cross = cross.cache_dir(&cache);
    said(&cross, "true");
    std::fs::remove_dir_all(cache.join("warm-shared")).unwrap();
    said(&cross, "true");
    let started = case.started();
    assert_eq!(started.len(), 2);
    assert_ne!(started[0].0, started[1].0);
    let swept = cross.sweep(engine).unwrap();
    assert!(
        !swept.containers.contains(&started[1].0),
        "in use: {swept:?}"
    );
    std::fs::remove_dir_all(cache.join("warm-shared")).unwrap();
    let swept = cross.sweep(engine).unwrap();
    for (name, _) in &started {
        assert!(swept.containers.contains(name), "{name} in {swept:?}");
        assert!(!case.has(name));
    }
}
