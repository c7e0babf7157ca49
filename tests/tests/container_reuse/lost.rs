//! Containers that disappear: the next run starts another one, and a run in progress says what
//! happened.

use std::thread;
use std::time::Duration;

use cross_core::{
    Error, ErrorKind,
    engine::{ContainerReuse, StartReason},
};
use cross_engine::{Environments, Host};
use cross_tests::{Project, engines, on_engines, wait_until};

use crate::{Case, SOON, TARGET, stdout_of};

on_engines! { @ a_container_removed_between_builds_is_replaced docker podman }
on_engines! { @ a_container_killed_during_a_build_is_an_error docker podman }
on_engines! { @ a_removed_image_is_an_error_and_can_be_restored docker podman }
on_engines! { @ removing_an_environment_removes_its_container docker podman }

fn a_container_removed_between_builds_is_replaced(engine: &str) {
    for reuse in [
        ContainerReuse::new(),
        ContainerReuse::across_processes(Duration::from_secs(30)),
    ] {
        let case = Case::new(engine);
        let cross = case.reusing(reuse);
        stdout_of(&cross, "true");
        // A restarted engine stops its containers.
        for (number, how) in [&["rm", "--force"][..], &["stop", "--time", "1"], &["kill"]]
            .into_iter()
            .enumerate()
        {
            let name = case.started_containers().pop().unwrap().0;
            let done = case.engine_output(&[how, &[name.as_str()][..]].concat());
            assert!(done.exit.success(), "{}", done.stderr);
            assert_eq!(
                stdout_of(&cross, "echo still here"),
                "still here",
                "{how:?}"
            );
            let started = case.started_containers();
            assert_eq!(started.len(), number + 2);
            assert_eq!(started[number + 1].1, StartReason::Gone);
            assert_ne!(started[number + 1].0, name);
        }
        let heard = case.project.recorder().output().to_lowercase();
        assert!(
            !heard.contains("container"),
            "the replacement is silent: {heard}"
        );
        let last = case.started_containers().pop().unwrap().0;
        case.engine_output(&["rm", "--force", &last]);
    }
}

fn a_container_killed_during_a_build_is_an_error(engine: &str) {
    let script = "fn main() {
        if std::path::Path::new(\"endless\").exists() {
            std::fs::write(\"markers/begun\", \"\").unwrap();
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
        println!(\"cargo::rerun-if-changed=endless\");
    }";
    let project = Project::new("app")
        .file("build.rs", script)
        .file("endless", "")
        .file("markers/README", "")
        .cross_toml("[build]\nwritable = [\"markers\"]\n");
    let case = Case::of(project, engine);
    let cross = case.reusing(ContainerReuse::new());
    let path = case.project.path();
    let error: Error = thread::scope(|scope| {
        let build = scope.spawn(|| cross.build(TARGET).run().unwrap_err());
        wait_until(Duration::from_secs(120), "the build script", || {
            path.join("markers/begun").exists()
        });
        case.engine_output(&["kill", &case.started_containers()[0].0]);
        build.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Killed, "{error}");
    assert!(
        error.to_string().contains(&case.started_containers()[0].0),
        "{error}"
    );
    assert!(error.help().unwrap().contains("run it again"));
    std::fs::remove_file(path.join("endless")).unwrap();
    cross.build(TARGET).run().unwrap();
    drop(cross);
    case.leftovers.are_none_within(SOON);
}

/// The user's image is the environment's image under another name.
fn a_removed_image_is_an_error_and_can_be_restored(engine: &str) {
    let case = Case::new(engine);
    let image = case.fresh.build(TARGET).plan().unwrap().environment;
    case.fresh
        .build(TARGET)
        .plan()
        .unwrap()
        .only_environment()
        .execute(&cross_core::Cancel::new())
        .unwrap();
    let image = match image.location {
        cross_core::engine::EnvironmentLocation::Image(image) => image,
        other => panic!("{other:?}"),
    };
    let mine = format!("localhost/cross-test-reuse-{engine}:{}", std::process::id());
    let tag = || assert!(case.engine_output(&["tag", &image, &mine]).exit.success());
    tag();
    let text = format!("[target.{TARGET}]\nimage = \"{mine}\"\n");
    std::fs::write(case.project.path().join("Cross.toml"), text).unwrap();
    let cross = case.reusing(ContainerReuse::new());
    cross.check(TARGET).run().unwrap();
    case.engine_output(&["image", "rm", "--force", &mine]);
    let error = cross.check(TARGET).run().unwrap_err();
    let known = [ErrorKind::ImageNotFound, ErrorKind::Unreachable];
    assert!(known.contains(&error.kind()), "{:?}: {error}", error.kind());
    assert!(error.help().is_some());
    tag();
    cross.check(TARGET).run().unwrap();
    drop(cross);
    case.engine_output(&["image", "rm", &mine]);
    case.leftovers.are_none_within(SOON);
}

/// A reused container does not keep the engine from removing the image.
fn removing_an_environment_removes_its_container(engine: &str) {
    let case = Case::new(engine);
    let plan = case.fresh.build(TARGET).plan().unwrap();
    plan.clone()
        .only_environment()
        .execute(&cross_core::Cancel::new())
        .unwrap();
    let cross_core::engine::EnvironmentLocation::Image(image) = &plan.environment.location else {
        panic!("{:?}", plan.environment);
    };
    let name = format!("test-reused-{}", std::process::id());
    let mine = format!("localhost/cross-core:{name}");
    assert!(case.engine_output(&["tag", image, &mine]).exit.success());
    let text = format!("[target.{TARGET}]\nimage = \"{mine}\"\n");
    std::fs::write(case.project.path().join("Cross.toml"), text).unwrap();
    let cross = case.reusing(ContainerReuse::across_processes(Duration::from_secs(60)));
    stdout_of(&cross, "true");
    let container = case.started_containers()[0].0.clone();
    let host = Host::new(
        cross_tests::ambient::variables().collect(),
        case.leftovers.own_cache(),
    );
    let real = engines::need(engine);
    let removed = Environments::new(&real, &host).remove(&name, &cross_core::Cancel::new());
    assert!(removed.unwrap());
    wait_until(
        SOON,
        "the container is removed with its environment",
        || !case.has_container(&container),
    );
}
