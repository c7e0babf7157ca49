//! The sweep removes containers that a crash left, by their label, and nothing else.

use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, tool};

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

#[test]
fn containers_left_by_a_crash_are_swept_on_docker() {
    containers_left_by_a_crash_are_swept("docker");
}

#[test]
fn containers_left_by_a_crash_are_swept_on_podman() {
    containers_left_by_a_crash_are_swept("podman");
}
