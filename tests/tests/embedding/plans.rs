//! The data of a plan besides its steps, and its commands run by an embedder.

use std::process::Stdio;

use cross_core::{Cancel, ErrorKind, Plan, engine::EnvValue};
use cross_tests::{Leftovers, Project, on_engines};

use crate::{AARCH64, NATIVE, machine};

#[test]
fn a_plan_has_the_origin_of_each_value() {
    let machine = machine().set("CROSS_CONTAINER_OPTS", "--cpus 2");
    let text = format!("[build]\nengine = \"docker\"\n\n[target.{NATIVE}]\nnetwork = \"host\"\n");
    let project = Project::new("app").cross_toml(&text);
    let plan = machine.cross(&project).build(NATIVE).plan().unwrap();
    let origin = |key: &str| {
        let row = plan.explain().iter().find(|row| row.key == key);
        row.map(|row| format!("{} ({})", row.value, row.origin))
    };
    let file = project.path().join("Cross.toml");
    let file = file.display();
    let of = |key: &str| origin(&format!("target.{NATIVE}.{key}"));
    assert_eq!(of("engine"), Some(format!("docker ({file}:2:10)")));
    assert_eq!(of("network"), Some(format!("host ({file}:5:11)")));
    let options = origin("CROSS_CONTAINER_OPTS");
    assert_eq!(options, Some("--cpus 2 (CROSS_CONTAINER_OPTS)".to_owned()));
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(
        json["configuration"].as_array().unwrap().len(),
        plan.explain().len()
    );
}

#[test]
fn mounts_and_variables_come_from_the_runs() {
    let (machine, project) = (machine(), Project::new("app"));
    let plan = machine.cross(&project).test(NATIVE).plan().unwrap();
    let mounts = plan.mounts();
    let workspace = mounts.iter().filter(|mount| mount.source == project.path());
    assert_eq!(workspace.count(), 1, "each once");
    let directory = EnvValue::Plain(plan.target_dir.display().to_string());
    assert_eq!(plan.env()["CARGO_TARGET_DIR"], &directory);
}

#[test]
fn the_cache_key_changes_with_its_inputs() {
    let machine = machine();
    let project = Project::new("app");
    let cross = machine.cross(&project);
    let parts = |plan: &Plan| {
        let key = plan.cache_key().unwrap();
        let (rest, lock) = key.rsplit_once('-').unwrap();
        (rest.to_owned(), lock.to_owned())
    };
    let plan = cross.build(NATIVE).plan().unwrap();
    let (made_of, lock) = parts(&plan);
    assert!(
        made_of.starts_with(&format!("cross-{NATIVE}-")),
        "{made_of}"
    );
    let same = parts(&cross.build(NATIVE).release(true).plan().unwrap());
    assert_eq!(
        same,
        (made_of.clone(), lock.clone()),
        "a profile is no reason"
    );
    assert_ne!(
        parts(&cross.build("s390x-unknown-linux-gnu").plan().unwrap()).0,
        made_of
    );
    let project = project.file("Cargo.lock", "version = 4\n");
    let (still, other_lock) = parts(&plan);
    assert_eq!(still, made_of);
    assert_ne!(other_lock, lock);
    let _project = project.cross_toml("[build]\npackages = [\"libssl-dev\"]\n");
    assert_ne!(parts(&cross.build(NATIVE).plan().unwrap()).0, made_of);

    let paths = plan.cache_paths().unwrap();
    assert!(paths.contains(&plan.target_dir));
    assert!(paths.contains(&machine.path("cargo/registry/cache")));
}

on_engines! { an_embedder_can_run_the_commands_of_a_plan }

fn an_embedder_can_run_the_commands_of_a_plan(engine: &str) {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let plan = cross.run(AARCH64).plan().unwrap();
    plan.prepare(&Cancel::new()).unwrap();
    let mut last = String::new();
    for mut command in plan.to_commands().unwrap() {
        // An embedder may redirect the standard streams.
        let done = command.stdin(Stdio::null()).output().unwrap();
        assert!(
            done.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        last = String::from_utf8(done.stdout).unwrap();
    }
    assert_eq!(last, "hello from aarch64\n");
    let program = plan.target_dir.join(AARCH64).join("debug/app");
    assert!(program.is_file(), "{}", program.display());
    leftovers.are_none();
}

#[test]
fn commands_without_the_environment_are_refused() {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project
        .cross()
        .cache_dir(leftovers.own_cache())
        .engine("sandbox");
    let plan = cross.build(AARCH64).plan().unwrap();
    assert!(!plan.environment.exists);
    let error = plan.to_commands().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Environment | ErrorKind::Io),
        "{error}"
    );
    assert!(error.help().unwrap().contains("Plan::prepare"), "{error:?}");
}
