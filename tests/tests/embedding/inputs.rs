//! The caller can set every input, and nothing is taken from the process silently.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cross_core::{Cross, ErrorKind};
use cross_tests::{Answer, Fakes, Machine, Project, Recorder};

use crate::{NATIVE, machine};

#[test]
fn events_have_the_time_of_the_callers_clock() {
    let (machine, project, recorder) = (machine(), Project::new("app"), Recorder::default());
    let then = UNIX_EPOCH + Duration::from_millis(1_234_567);
    let cross = recorder.hear(machine.cross(&project)).clock(move || then);
    cross.build(NATIVE).run().unwrap();
    let stamps: Vec<_> = recorder
        .events()
        .iter()
        .map(|event| event.unix_ms)
        .collect();
    assert!(!stamps.is_empty());
    assert!(stamps.iter().all(|stamp| *stamp == 1_234_567), "{stamps:?}");
    // A clock before the epoch is accepted.
    let early = machine
        .cross(&project)
        .clock(|| SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    early.build(NATIVE).run().unwrap();
}

#[test]
fn homes_and_cargo_can_be_set_by_the_caller() {
    let (machine, project) = (machine(), Project::new("app"));
    let bare = machine
        .env()
        .remove("CARGO_HOME")
        .remove("RUSTUP_HOME")
        .set("HOME", "/nonexistent");
    let cross = machine.cross(&project).env(bare);
    let error = cross.build(NATIVE).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolMissing, "{error}");
    let given = cross
        .rustup_home_dir(machine.path("rustup"))
        .cargo_home_dir(machine.path("cargo"))
        .home_dir(machine.path("home"));
    let plan = given.build(NATIVE).plan().unwrap();
    let mounts = plan.mounts();
    assert!(
        mounts
            .iter()
            .any(|mount| mount.source == machine.path("cargo/registry")),
        "{mounts:?}"
    );

    let missing = machine.path("no-cargo");
    let error = given
        .host_cargo_program(&missing)
        .build(NATIVE)
        .plan()
        .unwrap_err();
    assert!(error.to_string().contains("no-cargo"), "{error}");
}

/// Two requests with different inputs run in parallel, and neither affects the other's machine.
#[test]
fn two_machines_do_not_affect_each_other() {
    let machines = [Fakes::Docker, Fakes::Podman].map(|engine| {
        let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine);
        let machine = machine.rule(engine.name(), &["run"], Answer::RunHere);
        (
            engine,
            machine.set("RUSTFLAGS", &format!("--cfg {}", engine.name())),
        )
    });
    let source = "fn main() { println!(\"docker={} podman={}\", cfg!(docker), cfg!(podman)); }\n";
    let said = std::thread::scope(|threads| {
        let runs = machines.each_ref().map(|(engine, machine)| {
            threads.spawn(move || {
                let project = Project::in_dir("app", engine.name()).file("src/main.rs", source);
                let request = machine.cross(&project).run(NATIVE).capture(true);
                let said = [(); 3].map(|()| request.run().unwrap().stdout.unwrap());
                said.concat()
            })
        });
        runs.map(|run| run.join().unwrap())
    });
    assert_eq!(said[0], "docker=true podman=false\n".repeat(3));
    assert_eq!(said[1], "docker=false podman=true\n".repeat(3));
    for (engine, machine) in &machines {
        let other = machine.calls().into_iter().find(|call| {
            ["docker", "podman"].contains(&call.program.as_str()) && call.program != engine.name()
        });
        assert_eq!(other.map(|call| call.line()), None);
    }
}

#[test]
fn a_cross_is_a_value_that_threads_share() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    shared(&Cross::at("/"));
}
