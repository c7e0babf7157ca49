//! The sweep removes containers that a crash left, by their label, and nothing else.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

use cross_engine::{Invocation, process};
use cross_tests::{Leftovers, Project, engines, stays_true, tool};

use crate::AARCH64;

/// The name of a container that was started long ago. Names contain the time of the start.
const LONG_AGO: &str = "cross-test-sweep-1-16345785d8a0000";

fn containers_left_by_a_crash_are_swept(engine: &str) {
    let program = engines::need(engine).program;
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let plan = cross.build(AARCH64).plan().unwrap();
    plan.clone()
        .only_environment()
        .execute(&cross_core::Cancel::new())
        .unwrap();
    let image = match &plan.environment.location {
        cross_core::engine::EnvironmentLocation::Image(image) => image.clone(),
        other => panic!("{other:?}"),
    };
    let now = cross_engine::process::clock::unix_time().as_nanos();
    let young = format!("cross-test-sweep-1-{now:x}");
    let others = format!("others-test-sweep-1-{now:x}");
    let call = |args: &[&str]| tool::output(&Invocation::new(&program).args(args.iter().copied()));
    let create = |name: &str, label: &str| {
        let done = call(&["create", "--name", name, "--label", label, &image, "true"]);
        assert!(done.exit.success(), "{}", done.stderr);
    };
    let ours = "org.cross-core.run";
    call(&["rm", "--force", LONG_AGO]);
    create(LONG_AGO, ours);
    create(&young, ours);
    create(&others, "org.others.run");
    let swept = cross.sweep(engine).unwrap();
    let left = call(&["ps", "--all", "--format", "{{.Names}}"]).stdout;
    for name in [&young, &others] {
        call(&["rm", "--force", name]);
    }
    assert!(
        swept.containers.iter().any(|name| name == LONG_AGO),
        "{swept:?}"
    );
    assert!(
        !swept.containers.contains(&young) && !swept.containers.contains(&others),
        "{swept:?}"
    );
    assert!(
        !left.contains(LONG_AGO) && left.contains(&young) && left.contains(&others),
        "{left}"
    );
    leftovers.are_none();
}

/// A command of a container that avoids its end: only its own process and the first one live on.
const STUBBORN: &str = "trap '' TERM INT HUP
for dir in /proc/[0-9]*; do
    id=${dir#/proc/}
    [ $id = 1 ] || [ $id = $$ ] || kill -KILL $id
done
echo up
while :; do sleep 1; done";

/// The lifeline is stopped from inside. The owner and the watcher beside the run are killed.
fn a_container_without_an_owner_is_swept(engine: &str) {
    engines::need(engine);
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let words = ["exec", engine, AARCH64, "sh", "-c", STUBBORN];
    let caller = Invocation::new(env!("CARGO_BIN_EXE_caller")).args(words);
    let env = leftovers.env();
    let env = env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut owner = process::command(&caller, &env.collect())
        .current_dir(project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"line\":\"up\"")));
    // Each is `<engine> container <name> <mounts>`.
    let names = || -> Vec<String> {
        let containers = leftovers.containers();
        let name = |line: &String| line.split(' ').nth(2).unwrap().to_owned();
        containers.iter().map(name).collect()
    };
    let started = names();
    let [name] = &started[..] else {
        panic!("one container: {started:?}");
    };
    let swept = cross.sweep(engine).unwrap();
    assert!(!swept.containers.contains(name), "it is owned: {swept:?}");

    let children = Invocation::new("pgrep").args(["-P", &owner.id().to_string(), "-f", "tidy"]);
    let watchers = tool::stdout(&children);
    assert_eq!(watchers.lines().count(), 1, "{watchers}");
    tool::stdout(&Invocation::new("kill").args(["-KILL", watchers.trim()]));
    owner.kill().unwrap();
    owner.wait().unwrap();
    stays_true(Duration::from_secs(5), "the container runs on", || {
        names() == started
    });
    let swept = cross.sweep(engine).unwrap();
    assert!(swept.containers.contains(name), "{swept:?}");
    leftovers.are_none();
}

/// One after the other: each would sweep what the other looks for.
fn containers_are_swept(engine: &str) {
    containers_left_by_a_crash_are_swept(engine);
    a_container_without_an_owner_is_swept(engine);
}

#[test]
fn containers_are_swept_on_docker() {
    containers_are_swept("docker");
}

#[test]
fn containers_are_swept_on_podman() {
    containers_are_swept("podman");
}
