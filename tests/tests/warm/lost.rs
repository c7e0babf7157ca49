//! A container that is not there any more: the next run has another one, and a run in it says what happened.

use std::thread;
use std::time::Duration;

use cross_core::{
    Error, ErrorKind,
    engine::{ContainerReuse, StartReason},
};
use cross_engine::{Environments, Host};
use cross_tests::{Project, engines, on_engines};

use crate::{Case, SOON, TARGET, said, within};

on_engines! { @ removed_or_stopped_between_two_builds docker podman }
on_engines! { @ killed_during_a_build docker podman }
on_engines! { @ its_image_is_removed_while_it_is_in_use docker podman }
on_engines! { @ its_environment_is_removed docker podman }

fn removed_or_stopped_between_two_builds(engine: &str) {
    for warm in [
        ContainerReuse::new(),
        ContainerReuse::across_processes(Duration::from_secs(30)),
    ] {
        let case = Case::new(engine);
        let cross = case.warm(warm);
        said(&cross, "true");
        // What an engine does that is restarted: it stops what runs.
        for (number, how) in [&["rm", "--force"][..], &["stop", "--time", "1"], &["kill"]]
            .into_iter()
            .enumerate()
        {
            let name = case.started().pop().unwrap().0;
            let done = case.asked(&[how, &[name.as_str()][..]].concat());
            assert!(done.exit.success(), "{}", done.stderr);
            assert_eq!(said(&cross, "echo still here"), "still here", "{how:?}");
            let started = case.started();
            assert_eq!(started.len(), number + 2);
            assert_eq!(started[number + 1].1, StartReason::Gone);
            assert_ne!(started[number + 1].0, name);
        }
        let heard = case.project.recorder().output().to_lowercase();
        assert!(!heard.contains("container"), "nobody hears of it: {heard}");
        let last = case.started().pop().unwrap().0;
        case.asked(&["rm", "--force", &last]);
    }
}

fn killed_during_a_build(engine: &str) {
    let script = "fn main() {
        if std::path::Path::new(\"endless\").exists() {
            std::fs::write(\"begun\", \"\").unwrap();
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
        println!(\"cargo::rerun-if-changed=endless\");
    }";
    let project = Project::new("app")
        .file("build.rs", script)
        .file("endless", "");
    let case = Case::of(project, engine);
    let cross = case.warm(ContainerReuse::new());
    let path = case.project.path();
    let error: Error = thread::scope(|scope| {
        let build = scope.spawn(|| cross.build(TARGET).run().unwrap_err());
        within(Duration::from_secs(120), "the build script", || {
            path.join("begun").exists()
        });
        case.asked(&["kill", &case.started()[0].0]);
        build.join().unwrap()
    });
    assert_eq!(error.kind(), ErrorKind::Killed, "{error}");
    assert!(error.to_string().contains(&case.started()[0].0), "{error}");
    assert!(error.help().unwrap().contains("run it again"));
    std::fs::remove_file(path.join("endless")).unwrap();
    cross.build(TARGET).run().unwrap();
    drop(cross);
    case.leftovers.are_none_within(SOON);
}

/// An image of the user's, which is the environment's under another name.
fn its_image_is_removed_while_it_is_in_use(engine: &str) {
    let case = Case::new(engine);
    let image = case.cold.build(TARGET).plan().unwrap().environment;
    case.cold
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
    let mine = format!("localhost/cross-test-warm-{engine}:{}", std::process::id());
    let tag = || assert!(case.asked(&["tag", &image, &mine]).exit.success());
    tag();
    let text = format!("[target.{TARGET}]\nimage = \"{mine}\"\n");
    std::fs::write(case.project.path().join("Cross.toml"), text).unwrap();
    let cross = case.warm(ContainerReuse::new());
    cross.check(TARGET).run().unwrap();
    case.asked(&["image", "rm", "--force", &mine]);
    let error = cross.check(TARGET).run().unwrap_err();
    let known = [ErrorKind::ImageNotFound, ErrorKind::Unreachable];
    assert!(known.contains(&error.kind()), "{:?}: {error}", error.kind());
    assert!(error.help().is_some());
    tag();
    cross.check(TARGET).run().unwrap();
    drop(cross);
    case.asked(&["image", "rm", &mine]);
    case.leftovers.are_none_within(SOON);
}

/// Removing an environment is not in vain because something of it is kept.
fn its_environment_is_removed(engine: &str) {
    let case = Case::new(engine);
    let plan = case.cold.build(TARGET).plan().unwrap();
    plan.clone()
        .only_environment()
        .execute(&cross_core::Cancel::new())
        .unwrap();
    let cross_core::engine::EnvironmentLocation::Image(image) = &plan.environment.location else {
        panic!("{:?}", plan.environment);
    };
    let name = format!("test-warm-{}", std::process::id());
    let mine = format!("localhost/cross-core:{name}");
    assert!(case.asked(&["tag", image, &mine]).exit.success());
    let text = format!("[target.{TARGET}]\nimage = \"{mine}\"\n");
    std::fs::write(case.project.path().join("Cross.toml"), text).unwrap();
    let cross = case.warm(ContainerReuse::across_processes(Duration::from_secs(60)));
    said(&cross, "true");
    let container = case.started()[0].0.clone();
    let host = Host::new(
        cross_tests::ambient::variables().collect(),
        case.leftovers.own_cache(),
    );
    let real = engines::need(engine);
    let removed = Environments::new(&real, &host).remove(&name, &cross_core::Cancel::new());
    assert!(removed.unwrap());
    within(SOON, "it is gone with its environment", || {
        !case.has(&container)
    });
}
