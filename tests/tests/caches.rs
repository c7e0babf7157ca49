//! The cache between builds: it never gives a stale answer, and never fails a build.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use cross_core::{Plan, targets::Target};
use cross_tests::{Answer, Fakes, Machine, Project, TARGETS};

const AARCH64: &str = "aarch64-unknown-linux-gnu";

fn machine(engine: Fakes) -> Machine {
    Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine)
}

fn plan(machine: &Machine, project: &Project) -> Plan {
    machine.cross(project).build(AARCH64).plan().unwrap()
}

/// Returns the entries of the machine's cache.
fn entries(machine: &Machine) -> Vec<PathBuf> {
    let all = fs::read_dir(machine.path("cache/probes-v1")).unwrap();
    all.map(|entry| entry.unwrap().path()).collect()
}

/// Returns the programs that a plan starts.
fn asked(machine: &Machine, project: &Project) -> Vec<String> {
    machine.forget();
    plan(machine, project);
    let calls = machine.calls();
    calls.iter().map(|call| call.program.clone()).collect()
}

#[test]
fn a_corrupted_entry_is_queried_again_and_replaced() {
    // A truncated file, no JSON, JSON of another version, no text, and an empty file.
    let broken: [&[u8]; 5] = [
        b"{\"key\":",
        b"plain",
        b"{\"version\":9}",
        b"\xff\xfe\0",
        b"",
    ];
    for engine in [Fakes::Sandbox, Fakes::Podman] {
        let (machine, project) = (machine(engine), Project::new("app"));
        let fresh = plan(&machine, &project).to_string();
        let remembered = asked(&machine, &project);
        for garbage in broken {
            let entries = entries(&machine);
            assert!(
                entries.len() >= 2,
                "the engine and the workspace: {entries:?}"
            );
            entries
                .iter()
                .for_each(|path| fs::write(path, garbage).unwrap());
            assert_eq!(plan(&machine, &project).to_string(), fresh);
            assert_eq!(
                asked(&machine, &project),
                remembered,
                "it is remembered again"
            );
        }
    }
}

#[test]
fn an_entry_for_another_question_is_ignored() {
    let (machine, project, other) = (
        machine(Fakes::Sandbox),
        Project::new("app"),
        Project::new("other"),
    );
    let [of_app, of_other] = [&project, &other].map(|project| plan(&machine, project).publish_dir);
    assert_ne!(of_app, of_other);
    let workspaces: Vec<_> = entries(&machine)
        .into_iter()
        .filter(|path| name(path).starts_with("workspace-"))
        .collect();
    let [one, two] = &workspaces[..] else {
        panic!("two workspaces: {workspaces:?}");
    };
    // As if two names collided.
    let (text, other_text) = (fs::read(one).unwrap(), fs::read(two).unwrap());
    fs::write(one, other_text).unwrap();
    fs::write(two, text).unwrap();
    assert_eq!(plan(&machine, &project).publish_dir, of_app);
    assert_eq!(plan(&machine, &other).publish_dir, of_other);
}

#[test]
fn without_a_writable_cache_everything_is_queried() {
    let (machine, project) = (machine(Fakes::Podman), Project::new("app"));
    // Even root cannot create a file below a file.
    fs::write(machine.path("cache/probes-v1"), "").unwrap();
    for _ in 0..2 {
        let asked = asked(&machine, &project);
        assert!(asked.contains(&"podman".to_owned()), "{asked:?}");
        assert!(asked.contains(&"cargo".to_owned()), "{asked:?}");
    }
}

#[test]
fn an_updated_toolchain_is_detected() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    let before = plan(&machine, &project);
    let toolchain = before.toolchain.sysroot().unwrap().to_owned();
    let manifest = toolchain.join("lib/rustlib/multirust-channel-manifest.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("1.85.0", "1.86.0")).unwrap();
    let after = plan(&machine, &project);
    assert_eq!(before.toolchain.version.as_deref(), Some("1.85.0"));
    assert_eq!(after.toolchain.version.as_deref(), Some("1.86.0"));
}

#[test]
fn an_upgraded_engine_is_queried_again() {
    for (engine, answer) in [
        (Fakes::Sandbox, "bubblewrap 9.9.9\n"),
        (Fakes::Podman, "9.9.9|linux/amd64|\n"),
        (Fakes::Docker, "9.9.9|linux/amd64|\n"),
    ] {
        let (machine, project) = (machine(engine), Project::new("app"));
        let before = plan(&machine, &project).engine.version;
        let program = match engine {
            Fakes::Sandbox => "bwrap",
            other => other.name(),
        };
        let question: &[&str] = match engine {
            Fakes::Sandbox => &["--version"],
            _ => &["version", "--format"],
        };
        let machine = machine.rule(program, question, Answer::says(answer));
        // Another file under the same name, as after the update of a package.
        let path = machine.path("bin").join(program);
        let installed = fs::read_link(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::copy(installed, &path).unwrap();
        let after = plan(&machine, &project).engine.version;
        assert_eq!(after, "9.9.9", "{engine:?}, before it was {before}");
    }
}

#[test]
fn a_changed_lock_file_is_detected() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    plan(&machine, &project);
    assert!(!asked(&machine, &project).contains(&"cargo".to_owned()));
    let lock = project.path().join("Cargo.lock");
    let text = fs::read_to_string(&lock).unwrap();
    fs::write(&lock, format!("{text}\n# another state\n")).unwrap();
    assert!(asked(&machine, &project).contains(&"cargo".to_owned()));
    fs::remove_file(&lock).unwrap();
    let says = plan(&machine, &project).to_string();
    assert!(
        says.contains("fetch"),
        "the lock file is written first: {says}"
    );
}

#[test]
fn concurrent_plans_share_one_cache() {
    let (machine, project) = (machine(Fakes::Podman), Project::new("app"));
    let alone = plan(&machine, &project).to_string();
    thread::scope(|scope| {
        // One thread corrupts the entries of the others all the time.
        let spoiler = scope.spawn(|| {
            for round in 0..60 {
                for entry in entries(&machine) {
                    match round % 2 {
                        0 => drop(fs::remove_file(entry)),
                        _ => drop(fs::write(entry, "{")),
                    }
                }
                thread::yield_now();
            }
        });
        let planners: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    (0..5)
                        .map(|_| plan(&machine, &project).to_string())
                        .collect()
                })
            })
            .collect();
        for planner in planners {
            let plans: Vec<String> = planner.join().unwrap();
            plans.iter().for_each(|plan| assert_eq!(*plan, alone));
        }
        spoiler.join().unwrap();
    });
}

#[test]
fn targets_have_separate_entries() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    let dirs = TARGETS.map(|target| {
        let parsed: Target = target.parse().unwrap();
        let plan = machine.cross(&project).build(target).plan().unwrap();
        assert!(name(&plan.target_dir).starts_with(parsed.triple()));
        plan.target_dir
    });
    let different: std::collections::BTreeSet<_> = dirs.iter().collect();
    assert_eq!(different.len(), TARGETS.len());
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
