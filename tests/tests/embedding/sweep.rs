//! What a crash of the machine left is removed by its label, and nothing else is.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use cross_engine::{Invocation, process};
use cross_tests::{Leftovers, Project, engines, tool};

use crate::AARCH64;

/// Containers of ours are named by their beginning: long ago, and this moment.
const LONG_AGO: &str = "cross-test-sweep-1-16345785d8a0000";

fn containers_of_a_crash_are_swept(engine: &str) {
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
        cross_core::engine::Location::Image(image) => image.clone(),
        other => panic!("{other:?}"),
    };
    let now = cross_engine::clock::unix_time().as_nanos();
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

/// What a container's command does against its own end: only its own process and the first one live on.
const STUBBORN: &str = "trap '' TERM INT HUP
for dir in /proc/[0-9]*; do
    id=${dir#/proc/}
    [ $id = 1 ] || [ $id = $$ ] || kill -KILL $id
done
echo up
while :; do sleep 1; done";

/// Its lifeline is stopped from inside; the process that owns it and the one that waits beside it are killed.
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
    let mut said = BufReader::new(owner.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("\"line\":\"up\"")));
    // Each is shown as `<engine> container <name> <mounts>`.
    let names = || -> Vec<String> {
        let shown = leftovers.containers();
        let name = |line: &String| line.split(' ').nth(2).unwrap().to_owned();
        shown.iter().map(name).collect()
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
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(names(), started, "nobody ended it");
    let swept = cross.sweep(engine).unwrap();
    assert!(swept.containers.contains(name), "{swept:?}");
    leftovers.are_none();
}

/// One after the other: each would sweep what the other looks for.
fn are_swept(engine: &str) {
    containers_of_a_crash_are_swept(engine);
    a_container_without_an_owner_is_swept(engine);
}

#[test]
fn containers_are_swept_on_docker() {
    are_swept("docker");
}

#[test]
fn containers_are_swept_on_podman() {
    are_swept("podman");
}
