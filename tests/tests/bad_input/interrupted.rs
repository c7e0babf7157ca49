//! Interruptions of every stage, by a cancellation and by the death of the calling process.
//!
//! Handling Ctrl-C is the job of the program that owns the terminal, which cancels the request.
//! Each stage would last ten minutes, and starts processes that ignore every signal they can
//! ignore.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cross_core::{
    Cancel, ErrorKind, Outcome, Result,
    events::{Event, EventKind},
};
use cross_engine::process::clock;
use cross_engine::{Blueprint, Environments, Host, Progress};
use cross_tests::{Leftovers, Project, engines, on_engines, until_deadline, wait_until};

use crate::together::caller;
use crate::{Case, Fails as _, TARGET, fails, says};

on_engines! {
    ctrl_c_while_an_environment_is_made
    ctrl_c_during_compile
    ctrl_c_during_test
    deadline_during_compile
    caller_killed_with_sigkill_while_an_environment_is_made
    caller_killed_with_sigkill_during_compile
    caller_killed_with_sigkill_during_test
}

on_engines! { @ ctrl_c_while_an_environment_is_imported docker podman }
on_engines! { @ a_target_directory_that_is_removed_during_a_build_is_named sandbox docker }
on_engines! { @ caller_killed_with_sigkill_while_packages_are_installed sandbox }

/// How long after a cancellation everything is gone: at once, but for what else the machine does.
const CANCELLED: Duration = Duration::from_secs(20);
/// How long after the caller's death everything is gone.
const KILLED: Duration = Duration::from_secs(30);
/// The time limit for reaching a stage.
const PATIENCE: Duration = Duration::from_secs(600);

/// Starts processes that end only when they are killed, one of them in its own session, and creates
/// the file `begun`.
const ENDLESS: &str = r#"
fn endless() {
    let script = "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM INT HUP; sleep 600\" & : > markers/begun; sleep 600; sleep 600";
    std::process::Command::new("sh").args(["-c", script])
        .current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
}
"#;

/// A project that may make files in `markers`.
fn with_markers() -> Project {
    Project::new("app")
        .file("markers/README", "")
        .cross_toml("[build]\nwritable = [\"markers\"]\n")
}

/// A project whose build script never ends.
fn endless_compile() -> Project {
    let script = format!("{ENDLESS}\nfn main() {{ endless() }}\n");
    with_markers().file("build.rs", &script)
}

/// A project whose test never ends.
fn endless_test() -> Project {
    let tests = format!("{ENDLESS}\nfn main() {{}}\n#[test]\nfn never_ends() {{ endless() }}\n");
    with_markers().file("src/main.rs", &tests)
}

/// A project whose environment is on no engine, once it has a cache of its own.
fn unmade_environment(engine: &str) -> Case {
    let recipe = "[build]\npackages = [\"hello-traditional\"]\n";
    let case = Case::of(Project::new("app").cross_toml(recipe), engine);
    // A failure of this test makes it.
    let plan = case.cross.build(TARGET).plan().unwrap();
    let name = plan.environment.name;
    case.cross.remove_environment(engine, &name).unwrap();
    case
}

/// Serializes the tests that make environments, so that removing one is not slowed down by others.
fn in_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The progress after which `mmdebstrap` has the most processes, mounts and files.
const INSTALLING: &str = "installing essential packages";

/// The file that an endless build script or test creates.
fn begun(case: &Case) -> PathBuf {
    case.project.path().join("markers/begun")
}

/// Waits until the endless script has started all of its processes.
fn wait_until_begun(case: &Case) {
    wait_until(PATIENCE, "the script begins", || begun(case).exists());
    let is_sleep = |process: &String| process.ends_with(": sleep 600 ");
    wait_until(PATIENCE, "the script's processes", || {
        case.leftovers
            .processes()
            .iter()
            .filter(|process| is_sleep(process))
            .count()
            == 2
    });
}

/// Cancels `run` when `wait_for_stage` returns, and checks that everything ends soon.
#[track_caller]
fn is_cancelled_in_time(
    leftovers: &Leftovers,
    wait_for_stage: impl FnOnce() + Send,
    run: impl FnOnce(&Cancel) -> Result<Outcome>,
) {
    // If the stage is never reached, the run must not last ten minutes.
    let cancel = Cancel::new().with_deadline(PATIENCE + CANCELLED);
    let (result, since) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            wait_for_stage();
            wait_until(PATIENCE, "a process of the project runs", || {
                !leftovers.processes().is_empty()
            });
            cancel.cancel();
            clock::now()
        });
        let result = run(&cancel);
        (result, canceller.join().unwrap())
    });
    let took = since.elapsed();
    fails(ErrorKind::Cancelled, result);
    assert!(took < CANCELLED, "it took {took:?}");
    leftovers.are_none_within(CANCELLED.saturating_sub(took));
}

fn ctrl_c_during_compile(engine: &str) {
    let case = Case::of(endless_compile(), engine);
    is_cancelled_in_time(
        &case.leftovers,
        || wait_until_begun(&case),
        |cancel| case.cross.build(TARGET).run_until(cancel),
    );
}

fn ctrl_c_during_test(engine: &str) {
    let case = Case::of(endless_test(), engine);
    is_cancelled_in_time(
        &case.leftovers,
        || wait_until_begun(&case),
        |cancel| case.cross.test(TARGET).run_until(cancel),
    );
}

fn ctrl_c_while_an_environment_is_made(engine: &str) {
    let _turn = in_turn();
    let case = unmade_environment(engine).own_cache();
    let recorder = case.project.recorder().clone();
    let installing = move || {
        let is_installing = |event: Event| match event.kind {
            EventKind::EnvironmentProgress { message, .. } => message.starts_with(INSTALLING),
            _ => false,
        };
        wait_until(PATIENCE, "the packages are installed", || {
            recorder.events().into_iter().any(is_installing)
        });
    };
    is_cancelled_in_time(&case.leftovers, installing, |cancel| {
        case.cross.build(TARGET).run_until(cancel)
    });
}

/// The last stage, with the smallest environment: only the essential packages of the suite.
fn ctrl_c_while_an_environment_is_imported(engine: &str) {
    let _turn = in_turn();
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let variables = leftovers.env();
    let variables = variables.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
    let host = Host::new(variables.collect(), leftovers.own_cache());
    let real = engines::need(engine);
    let environments = Environments::new(&real, &host);
    let name = format!("cross-test-{}", std::process::id());
    let blueprint = Blueprint::new(&name, "bookworm", ["base-files"]);
    let (cancel, imports) = (Cancel::new(), AtomicBool::new(false));
    let (result, since): (_, Instant) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            wait_until(PATIENCE, "the image is imported", || {
                imports.load(Ordering::SeqCst)
            });
            wait_until(PATIENCE, "the import runs", || {
                !leftovers.processes().is_empty()
            });
            cancel.cancel();
            clock::now()
        });
        let result = environments.make(&blueprint, &cancel, &mut |progress| {
            if let Progress::Stage("importing the image") = progress {
                imports.store(true, Ordering::SeqCst);
            }
            std::ops::ControlFlow::Continue(())
        });
        imports.store(true, Ordering::SeqCst);
        (result, canceller.join().unwrap())
    });
    let took = since.elapsed();
    let error = result.unwrap_err();
    assert_eq!(error.kind(), cross_engine::ErrorKind::Cancelled, "{error}");
    assert!(took < CANCELLED, "it took {took:?}");
    assert!(!environments.exists(&name, &Cancel::new()).unwrap());
    leftovers.are_none_within(CANCELLED.saturating_sub(took));
}

/// A deadline ends a build as a cancellation does.
fn deadline_during_compile(engine: &str) {
    let case = Case::of(endless_compile(), engine);
    let ended = Mutex::new(Duration::ZERO);
    let build = |cancel: &Cancel| {
        let start = clock::now();
        let result = case.cross.build(TARGET).run_until(cancel);
        *ended.lock().unwrap() = start.elapsed();
        result
    };
    let error = until_deadline(build, |_| begun(&case).exists());
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    says(&error.to_string(), &["deadline exceeded"]);
    let ended = *ended.lock().unwrap();
    assert!(ended < PATIENCE, "it ended after {ended:?}");
    case.leftovers.are_none();
}

/// The lines that a calling process prints.
type CallerLines = Lines<BufReader<ChildStdout>>;

/// Kills the process that called the library when `wait_for_stage` returns, and checks that
/// everything ends soon.
#[track_caller]
fn all_is_gone_after_sigkill(
    case: &Case,
    verb: &str,
    engine: &str,
    wait_for_stage: impl FnOnce(&mut CallerLines),
) {
    let mut caller = caller(case, verb, engine);
    let mut lines = BufReader::new(caller.stdout.take().unwrap()).lines();
    wait_for_stage(&mut lines);
    wait_until(PATIENCE, "a process of the project runs", || {
        !case.leftovers.processes().is_empty()
    });
    caller.kill().unwrap();
    caller.wait().unwrap();
    case.leftovers.are_none_within(KILLED);
}

fn caller_killed_with_sigkill_during_compile(engine: &str) {
    let case = Case::of(endless_compile(), engine);
    all_is_gone_after_sigkill(&case, "build", engine, |_| wait_until_begun(&case));
}

fn caller_killed_with_sigkill_during_test(engine: &str) {
    let case = Case::of(endless_test(), engine);
    all_is_gone_after_sigkill(&case, "test", engine, |_| wait_until_begun(&case));
}

fn caller_killed_with_sigkill_while_an_environment_is_made(engine: &str) {
    let _turn = in_turn();
    let case = unmade_environment(engine).own_cache();
    all_is_gone_after_sigkill(&case, "build", engine, |lines| {
        let reached = lines.any(|line| line.unwrap().contains(INSTALLING));
        assert!(reached, "the caller reached the stage");
        // The stage is announced before its process starts. A line of output shows that it runs.
        assert!(lines.next().is_some(), "the stage prints a line");
    });
}

/// The base of the environment is complete by then, and stays. One engine makes it.
fn caller_killed_with_sigkill_while_packages_are_installed(engine: &str) {
    let _turn = in_turn();
    let case = match engine {
        "sandbox" => unmade_environment(engine).own_cache(),
        _ => unmade_environment(engine).own_cache_with_bases(),
    };
    let bases = case.leftovers.own_cache().join("bases");
    let before = bases.read_dir().map_or(1, Iterator::count);
    all_is_gone_after_sigkill(&case, "build", engine, |lines| {
        let reached = lines.any(|line| line.unwrap().contains("\"installing packages\""));
        assert!(reached, "the caller reached the stage");
        // The stage is announced before its process starts. A line of output shows that it runs.
        assert!(lines.next().is_some(), "the stage prints a line");
    });
    assert_eq!(std::fs::read_dir(bases).unwrap().count(), before);
}

/// The run is denied what lies below the directory that is gone: the sources, which are read only.
fn a_target_directory_that_is_removed_during_a_build_is_named(engine: &'static str) {
    let script = "fn main() {\n    let dir = std::env::var(\"OUT_DIR\").unwrap();\n    loop {\n        \
        std::fs::create_dir_all(&dir).unwrap();\n        \
        std::fs::write(dir.clone() + \"/alive\", \"\").unwrap();\n        \
        std::thread::sleep(std::time::Duration::from_millis(20));\n    }\n}\n";
    let case = Case::of(Project::new("app").file("build.rs", script), engine);
    let target = case.project.path().join("target");
    thread::scope(|scope| {
        let build = scope.spawn(|| case.build_fails(ErrorKind::CargoFailed));
        wait_until(PATIENCE, "the build script runs", || {
            has_file(&target, "alive")
        });
        wait_until(PATIENCE, "the target directory is gone", || {
            let _ = std::fs::remove_dir_all(&target);
            !target.exists()
        });
        let error = build.join().unwrap();
        let help = error.help().unwrap();
        says(help, &["was removed while this ran", "run it again"]);
        assert!(!help.contains("read only"), "{help}");
    });
}

/// Whether a file of this name is in `dir`, which changes meanwhile.
fn has_file(dir: &Path, name: &str) -> bool {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|path| path.ends_with(name) || path.is_dir() && has_file(&path, name))
}
