//! The lock file: written, read, refused, and what `frozen` does.

use std::ffi::OsString;
use std::fs;
use std::thread;

use cross_core::plan::Action;
use cross_core::{Cross, Env, Error, ErrorKind, Plan};
use cross_engine::{Cancel, Invocation, Variables, process};
use cross_tests::{Answer, Fakes, Machine, Project, SmallDisk};

use crate::{TARGET, says};

/// The variables of this machine, without those that freeze a lock.
fn env() -> Env {
    cross_tests::real_env().remove("CI").remove("CROSS_FROZEN")
}

fn cross(project: &Project) -> Cross {
    project.cross().env(env()).engine("sandbox")
}

/// A project with the lock of [`TARGET`].
fn locked(project: &Project) -> String {
    let done = cross(project).lock([TARGET]).run().unwrap();
    assert_eq!(done.path, project.path().join("Cross.lock"));
    assert!(done.targets[0].is_new && done.targets[0].changes.is_empty());
    fs::read_to_string(&done.path).unwrap()
}

fn plan(project: &Project) -> Result<Plan, Error> {
    cross(project).build(TARGET).plan()
}

#[track_caller]
fn refused(result: Result<Plan, Error>, message: &[&str], help: &[&str]) {
    let error = result.map(|plan| plan.to_string()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lock, "{error}");
    says(&error.to_string(), message);
    says(error.help().unwrap(), help);
}

const UPDATE: &str = "cargo xtask lock --update aarch64-unknown-linux-gnu";

#[test]
fn a_lock_names_the_environment_and_is_refused_when_it_does_not_fit() {
    let project = Project::new("app");
    let before = plan(&project).unwrap();
    let text = locked(&project);
    let hash = text.split("sha256 = \"").nth(1).unwrap();
    let planned = plan(&project).unwrap();
    assert!(
        planned.environment.name.ends_with(&hash[..12]),
        "{}",
        planned.environment.name
    );
    assert_ne!(planned.environment.name, before.environment.name);
    let names_packages = planned.steps.iter().any(|step| match &step.action {
        Action::MakeEnvironment(blueprint) => {
            blueprint.locked.as_ref().unwrap().packages.len() > 100
        }
        _ => false,
    });
    assert!(names_packages || planned.environment.exists);
    assert!(
        text.lines()
            .any(|line| line.starts_with("    { name = \"gcc\", version = "))
    );

    // Locked again, nothing changes.
    let again = cross(&project).lock([TARGET]).run().unwrap();
    assert!(!again.targets[0].is_new && again.targets[0].changes.is_empty());
    assert_eq!(fs::read_to_string(&again.path).unwrap(), text);

    let project = project.cross_toml("[build]\npackages = [\"zlib1g-dev\"]\nsuite = \"trixie\"\n");
    let changes = [
        "`packages` was unset and is `zlib1g-dev`",
        "`suite` was unset and is `trixie`",
    ];
    refused(plan(&project), &changes, &[UPDATE]);
    let project = project.cross_toml("");

    let lock = |text: &str| fs::write(project.path().join("Cross.lock"), text).unwrap();
    let conflict = format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n");
    lock(&conflict);
    refused(
        plan(&project),
        &["line 1 is a merge conflict"],
        &["git checkout --ours"],
    );
    lock(&text.replace("version = 1\n", "version = 7\n"));
    refused(plan(&project), &["version 7"], &["update cross-core"]);
    lock(&text.replacen("name = \"gcc\"", "name = \"tcc\"", 1));
    refused(plan(&project), &[TARGET, "edited or damaged"], &[UPDATE]);
    // Nobody writes over a lock that cannot be read.
    let error = cross(&project).lock([TARGET]).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lock, "{error}");
}

#[test]
fn frozen_refuses_what_the_lock_does_not_have() {
    let project = Project::new("app");
    let help = [
        "cargo xtask lock --target aarch64-unknown-linux-gnu",
        "CROSS_FROZEN=0",
    ];
    let with = |project: &Project, name: &str, value: &str| {
        cross(project)
            .env(env().set(name, value))
            .build(TARGET)
            .plan()
    };
    refused(
        cross(&project).frozen(true).build(TARGET).plan(),
        &["there is no Cross.lock"],
        &help,
    );
    assert!(with(&project, "CI", "true").is_ok(), "no lock, no policy");
    let project = project.file("Cross.lock", "version = 1\n");
    let plan = plan(&project).unwrap();
    let warned = plan
        .warnings
        .iter()
        .any(|warning| warning.code == "not-locked");
    assert!(warned, "{:?}", plan.warnings);
    let missing = [
        "Cross.lock does not have `aarch64-unknown-linux-gnu`",
        "frozen",
    ];
    refused(with(&project, "CI", "true"), &missing, &help);
    refused(with(&project, "CROSS_FROZEN", "1"), &missing, &help);
    assert!(with(&project, "CI", "false").is_ok());
    let cross = cross(&project).env(env().set("CI", "true"));
    assert!(
        cross.frozen(false).build(TARGET).plan().is_ok(),
        "the caller's word counts"
    );
}

#[test]
fn two_that_lock_at_once_both_write() {
    let project = Project::new("app");
    let targets = [TARGET, "x86_64-unknown-linux-gnu"];
    thread::scope(|scope| {
        for target in targets {
            let cross = cross(&project);
            scope.spawn(move || cross.lock([target]).run().unwrap());
        }
    });
    let text = fs::read_to_string(project.path().join("Cross.lock")).unwrap();
    for target in targets {
        assert_eq!(text.matches(&format!("target = \"{target}\"")).count(), 1);
    }
}

/// What a process says that updates the lock of [`TARGET`] on a machine with a fake docker.
fn updates(machine: &Machine, project: &Project) -> process::Output {
    let variable = |(name, value): (&_, &_)| (OsString::from(name), OsString::from(value));
    let variables: Variables = machine.env().iter().map(variable).collect();
    let caller = Invocation::new(env!("CARGO_BIN_EXE_caller"))
        .args(["quiet-update", "docker", TARGET])
        .cwd(project.path());
    process::output(&caller, &variables, &Cancel::new()).unwrap()
}

#[test]
fn two_processes_that_update_one_target_take_turns() {
    let list = "\ninstalled\thello\t2.10-3\tamd64\thello\t2.10-3\n";
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Docker)
        .rule("docker", &["run"], Answer::says(list))
        .rule("docker", &["image", "rm"], Answer::says(""));
    let project = Project::new("app");
    // The calls that concern the environment that a process makes to see what is newest.
    let calls_of = |count: usize| -> Vec<String> {
        machine.forget();
        thread::scope(|scope| {
            let all: Vec<_> = (0..count)
                .map(|_| scope.spawn(|| updates(&machine, &project)))
                .collect();
            for one in all {
                let said = one.join().unwrap();
                assert!(said.exit.success(), "{}{}", said.stdout, said.stderr);
                assert!(said.stdout.contains("\"locked\""), "{}", said.stdout);
            }
        });
        let calls = machine.calls_of("docker").into_iter();
        let calls = calls.filter(|call| call.args.iter().any(|arg| arg.contains("-update")));
        calls.map(|call| call.args[..2].join(" ")).collect()
    };
    calls_of(1);
    // What is asked once is known by now.
    let one = calls_of(1);
    assert!(
        one.iter().any(|call| call.starts_with("image rm")),
        "{one:?}"
    );
    assert_eq!(calls_of(2), [one.clone(), one].concat());
    let text = fs::read_to_string(project.path().join("Cross.lock")).unwrap();
    assert_eq!(text.matches("name = \"hello\"").count(), 1, "{text}");
}

#[test]
fn a_full_disk_leaves_the_lock_as_it_was() {
    let outer = Project::new("app");
    let disk = SmallDisk::at(outer.outer().join("disk"), "size=4m");
    let project = Project::below(disk.path(), "app", "app");
    let before = locked(&project);
    disk.fill();
    let both = [TARGET, "x86_64-unknown-linux-gnu"];
    let error = cross(&project).lock(both).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    says(&error.to_string(), &["cannot write", "/Cross.lock`"]);
    says(error.help().unwrap(), &["free some space"]);
    let after = fs::read_to_string(project.path().join("Cross.lock")).unwrap();
    assert_eq!(after, before);
    let entries = fs::read_dir(project.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    let left = names.filter(|name| name.to_string_lossy().starts_with(".cross-"));
    assert_eq!(left.count(), 0, "nothing is left");
    plan(&project).unwrap();
}
