//! The data of a plan besides its steps, and its commands run by an embedder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use cross_core::engine::{EnvValue, EnvironmentLocation};
use cross_core::object_files::Strip;
use cross_core::{Cancel, ErrorKind, Plan};
use cross_engine::{Invocation, process};
use cross_tests::{Leftovers, Project, ambient, on_engines};

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

#[test]
fn the_cache_key_changes_where_the_target_directory_does() {
    const ILLUMOS: &str = "x86_64-unknown-illumos";
    let machine = machine();
    let with_sdk = |release: &str| {
        Project::new("app")
            .cross_toml(&format!("[target.{ILLUMOS}]\nsdk = \"sdk\"\n"))
            .file("sdk/usr/include/stdio.h", "")
            .file("sdk/usr/lib/libc.so", "")
            .file("sdk/etc/release", release)
    };
    let plan = |project: &Project| {
        let cross = machine.cross(project).toolchain("image");
        cross.build(ILLUMOS).plan().unwrap()
    };
    let key = |plan: &Plan| plan.cache_key().unwrap();
    let (here, elsewhere) = (with_sdk("1"), with_sdk("1"));
    let old = plan(&here);
    assert_eq!(key(&plan(&elsewhere)), key(&old), "the same SDK");
    let here = here.file("sdk/etc/release", "2");
    let new = plan(&here);
    assert_ne!(new.target_dir, old.target_dir);
    assert_ne!(key(&new), key(&old), "a newer SDK in the same directory");

    let request = || machine.cross(&here).build(NATIVE);
    let plain = request().plan().unwrap();
    let reproducible = request().reproducible(true).plan().unwrap();
    assert_ne!(reproducible.target_dir, plain.target_dir);
    assert_ne!(key(&reproducible), key(&plain));

    let [old, new] = ["11.0", "12.0"].map(|oldest| {
        let env = machine.env().set("MACOSX_DEPLOYMENT_TARGET", oldest);
        let cross = machine.cross(&here).env(env);
        cross.build("aarch64-apple-darwin").plan().unwrap()
    });
    assert_ne!(new.target_dir, old.target_dir);
    assert_ne!(key(&new), key(&old));
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
    let published = project
        .path()
        .join("target")
        .join(AARCH64)
        .join("debug/app");
    assert!(!published.exists(), "nothing was published yet");
    let paths = plan.publish(&Cancel::new()).unwrap();
    assert!(paths.contains(&published), "{paths:?}");
    assert_eq!(fs::read(&published).unwrap(), fs::read(&program).unwrap());
    leftovers.are_none();
}

#[test]
fn what_was_not_built_cannot_be_published() {
    let (machine, project) = (machine(), Project::new("app"));
    let plan = machine.cross(&project).build(NATIVE).plan().unwrap();
    fs::create_dir_all(&plan.target_dir).unwrap();
    let error = plan.publish(&Cancel::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CargoFailed, "{error:?}");
}

on_engines! { a_printed_plan_is_a_script }

/// Without a terminal, and with nobody at the other end of standard input.
fn a_printed_plan_is_a_script(engine: &str) {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let plan = cross.run(AARCH64).plan().unwrap();
    assert_eq!(run_script(&plan, &leftovers), "hello from aarch64\n");
    let program = project
        .path()
        .join("target")
        .join(AARCH64)
        .join("debug/app");
    let built = plan.target_dir.join(AARCH64).join("debug/app");
    assert_eq!(fs::read(program).unwrap(), fs::read(built).unwrap());
    leftovers.are_none();
}

/// What is published of another profile may be stripped, and what of another request newer.
#[test]
fn a_printed_plan_publishes_what_its_request_builds() {
    let project = Project::new("app")
        .file("src/bin/one.rs", "fn main() { println!(\"one\") }\n")
        .file("src/bin/two.rs", "fn main() {}\n");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let published = project.path().join("target").join(AARCH64);
    let release = cross.build(AARCH64).release(true);
    release.strip(Strip::Symbols).run().unwrap();
    cross.build(AARCH64).run().unwrap();
    fs::remove_dir_all(published.join("debug")).unwrap();
    let stripped = fs::read(published.join("release/one")).unwrap();

    let one = cross.run(AARCH64).cargo_args(["--bin", "one"]);
    assert_eq!(run_script(&one.plan().unwrap(), &leftovers), "one\n");
    let is_there = |file: &str| published.join("debug").join(file).exists();
    assert!(is_there("one") && !is_there("two") && !is_there("app"));
    let still = fs::read(published.join("release/one")).unwrap();
    assert!(still == stripped, "it is of another profile");

    // A file that an earlier stripping kept goes with what it was of.
    let build = |strip| cross.build(AARCH64).strip(strip).plan().unwrap();
    run_script(&build(Strip::Split), &leftovers);
    assert!(is_there("two.debug") && is_there("one.debug"));
    run_script(&build(Strip::Debug), &leftovers);
    assert!(is_there("two") && !is_there("two.debug") && !is_there("one.debug"));
    leftovers.are_none();
}

/// Runs the printed plan, and returns the last line that it printed.
#[track_caller]
fn run_script(plan: &Plan, leftovers: &Leftovers) -> String {
    let variables = leftovers.env();
    let variables = variables.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
    let shell = Invocation::new("sh").args(["-c", &plan.to_string()]);
    let ran = process::output(&shell, &variables.collect(), &Cancel::new()).unwrap();
    assert!(ran.exit.success(), "{plan}\n{}", ran.stderr);
    let printed = ran.stdout;
    assert!(!printed.contains("\"reason\":"), "{printed}");
    printed
        .lines()
        .last()
        .map(|line| format!("{line}\n"))
        .unwrap_or_default()
}

/// From an empty cache: the only thing that is not made anew is what mmdebstrap downloads, in whose
/// place a program copies the root file system of the suite's environment.
#[test]
fn a_printed_plan_makes_its_environment() {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let made = project.cross().env(leftovers.env()).engine("sandbox");
    made.build(AARCH64).run().unwrap();
    let plan = made.build(AARCH64).plan().unwrap();
    let EnvironmentLocation::Directory(known) = &plan.environment.location else {
        panic!("{:?}", plan.environment.location);
    };
    fs::remove_dir_all(project.path().join("target")).unwrap();
    let bin = project.outer().join("bin");
    fs::create_dir(&bin).unwrap();
    let copy = format!(
        "#!/bin/sh\nfor to; do :; done\ncase $to in\n*.tar) tar -C {0}/root -cf \"$to\" .;;\n\
         *) cp -al {0}/root \"$to\";;\nesac\n",
        known.display()
    );
    let fake = bin.join("mmdebstrap");
    fs::write(&fake, copy).unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        bin.display(),
        ambient::variable("PATH").unwrap().to_string_lossy()
    );
    let cross = project
        .cross()
        .env(leftovers.env().set("PATH", path))
        .cache_dir(leftovers.own_cache())
        .engine("sandbox");
    let plan = cross.run(AARCH64).plan().unwrap();
    assert!(!plan.environment.exists);
    assert_eq!(run_script(&plan, &leftovers), "hello from aarch64\n");
    // The library takes what the script has made.
    let again = cross.run(AARCH64).plan().unwrap();
    assert!(again.environment.exists);
    again.execute(&Cancel::new()).unwrap();
    let entries = cross.environments("sandbox").unwrap();
    assert!(
        entries
            .iter()
            .any(|it| it.name == again.environment.name && it.size != "0MB")
    );
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
