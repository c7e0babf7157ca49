//! The lock file: written, read, refused, and what `frozen` does.

use std::ffi::OsString;
use std::fs;
use std::thread;

use cross_core::events::EventKind;
use cross_core::lock::LockRequest;
use cross_core::plan::Action;
use cross_core::{Cross, Env, Error, ErrorKind, Plan};
use cross_engine::{
    Cancel, Contents, EnvironmentLocation, InstalledPackage, Invocation, Variables, process,
};
use cross_tests::{Answer, Fakes, Machine, Project, Recorder, SmallDisk};

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
        &[help[0], "`Cross::frozen(false)`"],
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

/// A console shows a target at work until it hears of its end.
#[test]
fn a_lock_says_when_it_is_done_with_a_target() {
    let list = "\ninstalled\thello\t2.10-3\tamd64\thello\t2.10-3\n";
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Docker)
        .rule("docker", &["run"], Answer::says(list))
        .rule("docker", &["image", "rm"], Answer::says(""));
    let project = Project::new("app");
    for (update, expected) in [
        (true, &["begun", "done", "ended"][..]),
        // The target is locked.
        (false, &["ended"]),
    ] {
        let recorder = Recorder::default();
        let cross = recorder.hear(machine.cross(&project).engine("docker"));
        cross.lock([TARGET]).update(update).run().unwrap();
        let mut told = Vec::new();
        for event in recorder.events() {
            assert_eq!(event.target, TARGET);
            match event.kind {
                EventKind::StepStarted { .. } => told.push("begun"),
                EventKind::StepFinished { .. } => told.push("done"),
                EventKind::Finished { error: None, .. } => told.push("ended"),
                _ => {}
            }
        }
        assert_eq!(told, expected, "update: {update}");
    }
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

#[test]
fn an_update_mends_the_lock_whose_error_names_it() {
    let list = "\ninstalled\thello\t2.10-3\tamd64\thello\t2.10-3\n";
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Docker)
        .rule("docker", &["run"], Answer::says(list))
        .rule("docker", &["image", "rm"], Answer::says(""));
    let project = Project::new("app");
    let path = project.path().join("Cross.lock");
    assert!(updates(&machine, &project).exit.success());
    let text = fs::read_to_string(&path).unwrap();
    let entry = &text[text.find("[[environment]]").unwrap()..];
    for damaged in [
        text.replacen("name = \"hello\"", "name = \"jello\"", 1),
        format!("{text}\n{entry}"),
        text.replace(
            "architecture = \"amd64\"\nrecipe",
            "architecture = \"arm64\"\nrecipe",
        ),
    ] {
        assert_ne!(damaged, text);
        fs::write(&path, &damaged).unwrap();
        let error = plan(&project).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Lock, "{error}");
        says(error.help().unwrap(), &[UPDATE]);
        let said = updates(&machine, &project);
        assert!(said.exit.success(), "{}{}", said.stdout, said.stderr);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_check_writes_nothing_and_fails_if_the_file_would_change() {
    let project = Project::new("app");
    let path = project.path().join("Cross.lock");
    let other = "x86_64-unknown-linux-gnu";
    let fails = |request: LockRequest, message: &str, help: &str| {
        let error = request.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Lock, "{error}");
        says(
            &error.to_string(),
            &["Cross.lock is not up to date", message],
        );
        says(error.help().unwrap(), &[help]);
    };
    let check = |target: &str| cross(&project).lock([target]).check(true);
    fails(check(TARGET), TARGET, "without the check");
    assert!(!path.exists());
    let text = locked(&project);
    check(TARGET).run().unwrap();
    let frozen = cross(&project).env(env().set("CROSS_FROZEN", "1"));
    frozen.lock([TARGET]).run().unwrap();
    fails(frozen.lock([other]), other, "CROSS_FROZEN=0");
    let by_caller = frozen.frozen(true).lock([other]);
    fails(by_caller, other, "lock with `Cross::frozen(false)`");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let done = cross(&project).lock([other]).prune(true).run().unwrap();
    let removed: Vec<_> = done.removed.iter().map(|it| it.target.as_str()).collect();
    assert_eq!(removed, [TARGET]);
    assert!(!fs::read_to_string(&path).unwrap().contains(TARGET));
}

#[test]
fn frozen_refuses_the_engine_host_and_a_lock_alone_warns_of_it() {
    let target = "x86_64-unknown-linux-gnu";
    let project = Project::new("app");
    let host = |env: Env| cross(&project).engine("host").toolchain("host").env(env);
    let set = env().set("CROSS_FROZEN", "1");
    for (frozen, remedy) in [
        (host(env()).frozen(true), "`Cross::frozen(false)`"),
        (host(set), "CROSS_FROZEN=0"),
    ] {
        let help = ["another engine", remedy];
        refused(frozen.build(target).plan(), &["the engine `host`"], &help);
    }
    let warned = |plan: Plan| plan.warnings.iter().any(|it| it.code == "not-locked");
    assert!(!warned(host(env()).build(target).plan().unwrap()));
    fs::write(project.path().join("Cross.lock"), "version = 1\n").unwrap();
    let ci = env().set("CI", "true");
    assert!(warned(host(ci).build(target).plan().unwrap()));
}

#[test]
fn an_environment_that_is_not_what_the_lock_says_is_refused() {
    let project = Project::new("app");
    locked(&project);
    // No environment is here yet.
    let cache = project.outer().join("cache");
    let there = cross(&project).env(env().set("CROSS_CACHE_DIR", &cache));
    let plan = || there.build(TARGET).plan();
    let planned = plan().unwrap();
    let EnvironmentLocation::Directory(dir) = &planned.environment.location else {
        panic!("the sandbox's environments are directories");
    };
    let locked = planned.steps.iter().find_map(|step| match &step.action {
        Action::MakeEnvironment(blueprint) => blueprint.locked.clone(),
        _ => None,
    });
    let packages = locked.unwrap().packages;
    let name = &planned.environment.name;
    let manifest = format!(
        "{{\"schema_version\": 1, \"name\": \"{name}\", \"suite\": \"bookworm\", \
         \"packages\": [], \"bytes\": 1, \"made_at_unix\": 1}}"
    );
    fs::create_dir_all(dir.join("root/usr")).unwrap();
    fs::write(dir.join("environment.json"), manifest).unwrap();
    let record = dir.join("contents.json");
    let write = |packages: &[InstalledPackage]| {
        let contents = Contents::new(Vec::new(), packages.to_vec());
        fs::write(&record, serde_json::to_string(&contents).unwrap()).unwrap();
    };
    write(&packages);
    assert!(plan().unwrap().environment.exists);
    let mut other = packages.clone();
    other[0].version = "99".to_owned();
    write(&other);
    let difference = format!("+{}:{} 99", other[0].name, other[0].architecture);
    let remedy = format!("cargo xtask env rm {name}");
    refused(
        plan(),
        &["is not what the lock says", &difference],
        &[&remedy],
    );
    fs::remove_file(&record).unwrap();
    refused(plan(), &["no record"], &[&remedy]);
}

#[test]
fn the_environment_that_a_dockerfile_is_built_on_is_compared_with_the_lock() {
    let list = "\ninstalled\thello\t2.10-3\tamd64\thello\t2.10-3\n";
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Docker).rule(
        "docker",
        &["run"],
        Answer::says(list),
    );
    // Only the engine can tell whether what is copied has changed, so every request builds.
    let dockerfile = "ARG CROSS_BASE_IMAGE\nFROM $CROSS_BASE_IMAGE\nCOPY Cargo.toml /etc/\n";
    let project = Project::new("app")
        .cross_toml(&format!("[target.{TARGET}]\ndockerfile = \"Dockerfile\"\n"))
        .file("Dockerfile", dockerfile);
    let cross = machine.cross(&project);
    cross.lock([TARGET]).run().unwrap();
    let plan = || cross.build(TARGET).plan();
    plan().unwrap();
    // The record of the image that the fake docker has, whose id is 0.
    let record = machine.path("cache/contents/0.json");
    assert!(record.is_file(), "{}", record.display());
    let packages = vec![InstalledPackage::new("hello", "99", "amd64")];
    let other = Contents::new(Vec::new(), packages);
    fs::write(&record, serde_json::to_string(&other).unwrap()).unwrap();
    let difference = ["is not what the lock says", "+hello:amd64 99"];
    refused(plan(), &difference, &["cargo xtask env rm"]);
}
