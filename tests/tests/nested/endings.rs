//! Whatever ends, nothing is left: a cancelled run, the caller, and the outer container.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use cross_tests::{stays_true, wait_until};

use crate::outer::{Outer, in_containers, project};

in_containers! {
    a_cancelled_test_leaves_nothing
    the_end_of_the_caller_ends_its_run
    the_end_of_the_outer_container_ends_everything
}

/// The time that a build and the start of its program may take.
const START: Duration = Duration::from_secs(60);

/// A program and a test that do not end.
const ENDLESS: &str = "fn main() { loop { std::thread::park(); } }\n\
                       #[test]\nfn endless() { main(); }\n";

fn endless(engine: &str, name: &str) -> Outer {
    let project = project(engine, name).file("src/main.rs", ENDLESS);
    Outer::of(engine, project, &[])
}

fn a_cancelled_test_leaves_nothing(engine: &str) {
    let outer = endless(engine, "cancelled");
    outer
        .request("test@15")
        .is_error("Deadline", &["deadline"], &[]);
    outer.leaves_nothing();
}

/// Waits until the program of the project runs.
fn wait_for_program(outer: &Outer) {
    let program = format!("/debug/{}", outer.unique());
    wait_until(START, "the program runs", || {
        let lines = outer.processes();
        lines
            .iter()
            .any(|line| line.contains("qemu-") && line.ends_with(&program))
    });
}

fn the_end_of_the_caller_ends_its_run(engine: &str) {
    let outer = endless(engine, "killed");
    let mut request = outer.begin("run", &[]);
    wait_for_program(&outer);
    outer.shell("for id in $(pidof caller); do kill -9 $id; done");
    request.wait().unwrap();
    // What was killed could not remove its relay. A sweep does, once the relay is old enough.
    for relay in fs::read_dir(outer.cache().join("relays")).unwrap() {
        let relay = File::open(relay.unwrap().path()).unwrap();
        relay.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let cross = outer.project.cross();
    cross.cache_dir(outer.cache()).sweep(engine).unwrap();
    outer.leaves_nothing();
}

fn the_end_of_the_outer_container_ends_everything(engine: &str) {
    let outer = endless(engine, "ended");
    let mut request = outer.begin("run", &[]);
    wait_for_program(&outer);
    let inner = outer.inner();
    assert_eq!(inner.len(), 1, "{inner:?}");
    outer.kill();
    request.wait().unwrap();
    wait_until(START, "no inner container", || outer.inner().is_empty());
    wait_until(START, "no process", || outer.processes().is_empty());
}

/// The directories and processes in the labels of a container are those of the place where it was
/// started.
#[test]
fn a_sweep_elsewhere_leaves_containers_alone_that_are_in_use() {
    let outer = endless("docker", "swept");
    let mut request = outer.begin("reuse-exec", &["sleep", "1234"]);
    wait_until(START, "an inner container", || !outer.inner().is_empty());
    let inner = outer.inner();
    let cross = outer.project.cross();
    let swept = cross.sweep("docker").unwrap();
    let is_swept = swept.containers.iter().any(|name| inner.contains(name));
    assert!(!is_swept, "{swept:?}");
    stays_true(Duration::from_millis(500), "it runs", || {
        outer.inner() == inner
    });
    outer.kill();
    request.wait().unwrap();
    wait_until(START, "no inner container", || outer.inner().is_empty());
}
