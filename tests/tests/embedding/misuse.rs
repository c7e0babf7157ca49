//! Mistakes and interruptions of the caller, at every moment of a request.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cross_core::{Cancel, ErrorKind, Plan, cargo_cli::CargoPart, events::EventKind};
use cross_tests::{Answer, Fakes, Machine, Project, Recorder, tool};

use crate::{NATIVE, machine};

/// Returns how many calls of the engine run a container.
fn runs(machine: &Machine) -> usize {
    let calls = machine.calls_of("docker");
    calls.iter().filter(|call| call.args[0] == "run").count()
}

#[test]
fn a_cancellation_before_the_start_starts_nothing() {
    let (machine, project, cancel) = (machine(), Project::new("app"), Cancel::new());
    cancel.cancel();
    let error = machine
        .cross(&project)
        .build(NATIVE)
        .run_until(&cancel)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(machine.calls().len(), 0, "{:?}", machine.calls());
}

#[test]
fn a_cancellation_ends_a_probe() {
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Nothing)
        .program("docker")
        .rule("docker", &["version"], Answer::Sleep(60));
    let (project, cancel) = (Project::new("app"), Cancel::new());
    let cross = machine.cross(&project).engine("docker");
    let error = std::thread::scope(|threads| {
        threads.spawn(|| {
            while machine.calls_of("docker").is_empty() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            cancel.cancel();
        });
        cross.build(NATIVE).run_until(&cancel).unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(runs(&machine), 0);
}

#[test]
fn a_cancellation_after_the_end_has_no_effect() {
    let (machine, project, cancel) = (machine(), Project::new("app"), Cancel::new());
    let cross = Recorder::default().hear_and_cancel(machine.cross(&project), &cancel, {
        |kind| matches!(kind, EventKind::StepFinished { step: 3, .. })
    });
    let plan = cross.build(NATIVE).plan().unwrap();
    assert_eq!(plan.steps.len(), 3, "{plan}");
    let done = plan.execute(&cancel).unwrap();
    assert_eq!(done.artifacts.len(), 1);
    assert_eq!(
        plan.execute(&cancel).unwrap_err().kind(),
        ErrorKind::Cancelled
    );
}

/// The panic of a listener reaches the caller, the run ends, and the value can be used again.
#[test]
fn a_listener_that_panics_leaves_nothing_running() {
    let hang = Answer::Hang {
        stdout: "begun\n".to_owned(),
    };
    let machine = machine().rule("docker", &["run"], hang);
    let project = Project::new("app");
    let cross = machine.cross(&project);
    let panics = cross.clone().on_event(|event| match &event.kind {
        EventKind::Output { line, .. } if line == "begun" => panic!("the caller's"),
        _ => {}
    });
    let caught = catch_unwind(AssertUnwindSafe(|| panics.build(NATIVE).run()));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the caller's"));
    let calls = machine.calls_of("docker");
    let closed = calls.iter().filter(|call| call.stdin == "closed").count();
    assert_eq!(closed, 1, "the lifeline was closed: {calls:#?}");

    let machine = machine.rule("docker", &["run"], Answer::RunHere);
    cross.build(NATIVE).run().unwrap();
    drop(machine);
}

#[test]
fn a_directory_that_vanishes_is_named() {
    let machine = machine();
    let project = Project::new("app");
    let plan = machine.cross(&project).build(NATIVE).plan().unwrap();
    fs::remove_dir_all(project.path()).unwrap();
    let error = plan.execute(&Cancel::new()).unwrap_err();
    assert!(!error.to_string().is_empty());
    let again = machine.cross(&project).build(NATIVE).plan().unwrap_err();
    let path = project.path().to_str().unwrap();
    assert!(again.to_string().contains(path), "{again}");
    assert!(again.help().is_some(), "{again:?}");
}

/// A non-Unicode variable is no configuration, and reaches programs of the host unchanged.
#[test]
fn non_unicode_variables_are_accepted() {
    use std::os::unix::ffi::OsStringExt as _;
    let odd = || std::ffi::OsString::from_vec(vec![b'a', 0xff, b'z']);
    let (machine, project) = (machine(), Project::new("app"));
    let env = machine
        .env()
        .set("UNRELATED", odd())
        .set(odd(), "value")
        .set("RUST_LOG", odd());
    let result = machine.cross(&project).env(env).build(NATIVE).run();
    result.unwrap();
    let env = machine.env().set("CROSS_CONTAINER_ENGINE", odd());
    let error = machine
        .cross(&project)
        .env(env)
        .build(NATIVE)
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("CROSS_CONTAINER_ENGINE"),
        "{error}"
    );
}

/// The number of threads and open files does not grow with the number of builds.
#[test]
fn repeated_builds_leave_no_thread_or_file_open() {
    let (machine, project) = (machine(), Project::new("app"));
    let cross = machine.cross(&project);
    cross.build(NATIVE).run().unwrap();
    let before = Resources::now();
    for _ in 0..100 {
        cross.build(NATIVE).run().unwrap();
    }
    let mut after = Resources::now();
    for _ in 0..100 {
        if after.within(&before) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        after = Resources::now();
    }
    assert!(after.within(&before), "{before:?} became {after:?}");
    let files = |path: &str| fs::read_dir(machine.path(path)).unwrap().count();
    assert!(files("cache") < 8, "{}", files("cache"));
}

/// The threads and open files of this process.
#[derive(Debug)]
struct Resources {
    threads: usize,
    files: usize,
}

impl Resources {
    fn now() -> Self {
        let count = |path| fs::read_dir(path).unwrap().count();
        Resources {
            threads: count("/proc/self/task"),
            files: count("/proc/self/fd"),
        }
    }

    fn within(&self, limit: &Resources) -> bool {
        // Parallel tests may start a few threads and open a few files in the meantime.
        self.threads <= limit.threads + 8 && self.files <= limit.files + 40
    }
}

#[test]
fn an_argument_that_is_not_utf8_is_an_error_of_its_own_before_anything_runs() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let (machine, project) = (machine(), Project::new("app"));
    let argument = OsStr::from_bytes(b"caf\xe9").to_owned();
    let request = machine.cross(&project).run(NATIVE).arg(argument);
    let error = request.plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Path);
    assert!(error.to_string().contains("is not UTF-8"), "{error}");
    assert_eq!(runs(&machine), 0);
}

/// A workspace with an xtask, and what a plan says of it.
#[test]
fn an_xtask_that_would_be_cross_compiled_is_a_warning() {
    let machine = machine().program("cargo-nextest");
    let library = tool::repository().join("cross-core");
    let lock = fs::read_to_string(tool::repository().join("Cargo.lock")).unwrap();
    let workspace = |members: &str| {
        let depends = format!("[dependencies]\ncross-core = {{ path = {library:?} }}\n");
        let package = |name: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        };
        Project::new("app")
            .file(
                "Cargo.toml",
                &format!("[workspace]\nresolver = \"2\"\n{members}"),
            )
            .file("Cargo.lock", &lock)
            .file("app/Cargo.toml", &package("app"))
            .file("app/src/main.rs", "fn main() {}\n")
            .file("xtask/Cargo.toml", &(package("xtask") + &depends))
            .file("xtask/src/main.rs", "fn main() {}\n")
    };
    let warned = |plan: Plan| plan.warnings.into_iter().find(|it| it.code == "own-xtask");
    let project = workspace("members = [\"app\", \"xtask\"]\n");
    let cross = machine.cross(&project);
    let warning = warned(cross.build(NATIVE).plan().unwrap()).unwrap();
    assert!(
        warning.message.contains("`xtask`, which uses cross-core"),
        "{warning:?}"
    );
    assert!(warning.help.unwrap().contains("default-members"));
    let all = warned(cross.build(NATIVE).workspace(true).plan().unwrap()).unwrap();
    assert!(all.help.unwrap().contains("exclude"));
    let quiet = [
        cross.build(NATIVE).package("app"),
        cross.build(NATIVE).package("xtask"),
        cross.build(NATIVE).workspace(true).exclude("xtask"),
        cross.exec(NATIVE, ["true"]),
    ];
    for request in quiet {
        assert!(warned(request.plan().unwrap()).is_none(), "{request:?}");
    }
    let of_line = |words: &[&str]| {
        let words = words.iter().chain(&["--target", NATIVE]).copied();
        let parts = cross.cargo(words).plan().unwrap().parts.into_iter();
        let plans = parts.filter_map(|part| match part {
            CargoPart::Environment(plan) => Some(*plan),
            _ => None,
        });
        plans.filter_map(warned).count()
    };
    assert_eq!(of_line(&["build"]), 1);
    assert_eq!(of_line(&["nextest", "run"]), 1, "a plugin compiles, too");
    assert_eq!(of_line(&["nextest", "run", "-p", "app"]), 0);
    let project = workspace("members = [\"app\", \"xtask\"]\ndefault-members = [\"app\"]\n");
    let plan = machine.cross(&project).build(NATIVE).plan().unwrap();
    assert!(warned(plan).is_none());
}

/// No run sees what is hidden in the home directory, whatever is in it.
#[test]
fn an_artifact_in_a_hidden_directory_of_the_home_is_a_warning() {
    let machine = machine();
    let target_dir = machine.path("home/.cache/target");
    let machine = machine.set("CARGO_TARGET_DIR", target_dir.to_str().unwrap());
    let program = target_dir.join(NATIVE).join("debug/app");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::write(&program, "").unwrap();
    let project = Project::new("app");
    let cross = machine.cross(&project);
    let warned = |plan: Plan| {
        plan.warnings
            .into_iter()
            .find(|it| it.code == "private-path")
    };
    for request in [
        cross.exec_on_target(NATIVE, [&program]),
        cross.exec(NATIVE, ["ls"]).arg(&program),
    ] {
        let plan = request.plan().unwrap();
        let published = target_dir.join(NATIVE);
        assert!(plan.mounts().iter().all(|it| it.source != published));
        let warning = warned(plan).unwrap();
        assert!(warning.message.contains("in `.cache`"), "{warning:?}");
        assert!(warning.help.unwrap().contains("CARGO_TARGET_DIR"));
    }
    let other = cross.exec(NATIVE, ["ls"]).plan().unwrap();
    assert!(warned(other).is_none());
}
