//! Interrupted by the caller, and by the caller's death, in every stage.
//!
//! A real Ctrl-C is the business of the program that owns the terminal: it cancels. The stages end
//! by themselves only after ten minutes, and start processes that ignore whatever can be ignored.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cross_core::{Cancel, ErrorKind, Outcome, Result, events::EventKind};
use cross_engine::process::clock;
use cross_engine::{Blueprint, Environments, Host, Progress};
use cross_tests::{Leftovers, Project, engines, on_engines};

use crate::together::caller;
use crate::{Case, TARGET, fails, says};

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
on_engines! { @ caller_killed_with_sigkill_while_packages_are_installed sandbox }

/// Everything is gone so long after a cancellation.
const CANCELLED: Duration = Duration::from_secs(5);
/// Everything is gone so long after the caller's death.
const KILLED: Duration = Duration::from_secs(10);
/// A stage is reached within this.
const PATIENCE: Duration = Duration::from_secs(120);

/// Starts what ends only by being killed, below processes and sessions of its own, and says so by
/// making a file; then waits with it.
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

/// A project that needs an environment which is on no engine.
fn endless_making(engine: &str) -> Case {
    let recipe = "[build]\npackages = [\"hello-traditional\"]\n";
    Case::new(Project::new("app").cross_toml(recipe), engine).own_cache()
}

/// Environments are made in turn: how soon a disk forgets one is not to depend on the others.
fn in_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The line of `mmdebstrap` after which its processes, mounts and files are the most.
const INSTALLING: &str = "I: installing essential packages";

fn wait_for(path: &Path) {
    let start = clock::now();
    while !path.exists() {
        assert!(start.elapsed() < PATIENCE, "{} never came", path.display());
        thread::sleep(Duration::from_millis(20));
    }
}

fn begun(case: &Case) -> PathBuf {
    case.project.path().join("markers/begun")
}

/// Cancels once the stage has `begun`; that `run` ends soon, and everything with it.
#[track_caller]
fn is_cancelled_in_time(
    leftovers: &Leftovers,
    begun: impl FnOnce() + Send,
    run: impl FnOnce(&Cancel) -> Result<Outcome>,
) {
    // What is never cancelled must not run for ten minutes.
    let cancel = Cancel::new().with_deadline(PATIENCE + CANCELLED);
    let (result, since) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            begun();
            // In the midst of things rather than at their beginning.
            thread::sleep(Duration::from_millis(300));
            assert!(!leftovers.processes().is_empty(), "something runs");
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
    let case = Case::new(endless_compile(), engine);
    let begun = begun(&case);
    is_cancelled_in_time(
        &case.leftovers,
        || wait_for(&begun),
        |cancel| case.cross.build(TARGET).run_until(cancel),
    );
}

fn ctrl_c_during_test(engine: &str) {
    let case = Case::new(endless_test(), engine);
    let begun = begun(&case);
    is_cancelled_in_time(
        &case.leftovers,
        || wait_for(&begun),
        |cancel| case.cross.test(TARGET).run_until(cancel),
    );
}

fn ctrl_c_while_an_environment_is_made(engine: &str) {
    let _turn = in_turn();
    let case = endless_making(engine);
    let recorder = case.project.recorder().clone();
    let installing = move || {
        let is_there = |event: cross_core::events::Event| matches!(event.kind, EventKind::EnvironmentProgress { message, .. } if message.starts_with(INSTALLING));
        let start = clock::now();
        while !recorder.events().into_iter().any(is_there) {
            assert!(start.elapsed() < PATIENCE, "it never came so far");
            thread::sleep(Duration::from_millis(50));
        }
    };
    is_cancelled_in_time(&case.leftovers, installing, |cancel| {
        case.cross.build(TARGET).run_until(cancel)
    });
}

/// The last stage, on the smallest environment there is: the suite's essential packages.
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
    let (cancel, last) = (Cancel::new(), AtomicBool::new(false));
    let (result, since): (_, Instant) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            while !last.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            thread::sleep(Duration::from_millis(200));
            cancel.cancel();
            clock::now()
        });
        let result = environments.make(&blueprint, &cancel, &mut |progress| {
            if let Progress::Stage("importing the image") = progress {
                last.store(true, Ordering::SeqCst);
            }
            std::ops::ControlFlow::Continue(())
        });
        last.store(true, Ordering::SeqCst);
        (result, canceller.join().unwrap())
    });
    let took = since.elapsed();
    let error = result.unwrap_err();
    assert_eq!(error.kind(), cross_engine::ErrorKind::Cancelled, "{error}");
    assert!(took < CANCELLED, "it took {took:?}");
    assert!(!environments.exists(&name, &Cancel::new()).unwrap());
    leftovers.are_none_within(CANCELLED.saturating_sub(took));
}

/// A deadline is a cancellation with another name.
fn deadline_during_compile(engine: &str) {
    let case = Case::new(endless_compile(), engine);
    let limit = Duration::from_secs(12);
    let start = clock::now();
    let cancel = Cancel::new().with_deadline(limit);
    let result = case.cross.build(TARGET).run_until(&cancel);
    let error = fails(ErrorKind::Deadline, result);
    says(&error.to_string(), &["deadline exceeded"]);
    assert!(begun(&case).exists(), "it had begun to compile");
    assert!(start.elapsed() < limit + CANCELLED);
    case.leftovers.are_none();
}

/// What a caller prints, line by line.
type Said = Lines<BufReader<ChildStdout>>;

/// Kills the process that called the library; everything else is the kernel's doing.
#[track_caller]
fn all_is_gone_after_sigkill(case: &Case, verb: &str, engine: &str, begun: impl FnOnce(&mut Said)) {
    let mut caller = caller(case, verb, engine);
    let said = BufReader::new(caller.stdout.take().unwrap());
    let mut said = said.lines();
    begun(&mut said);
    thread::sleep(Duration::from_millis(300));
    assert!(!case.leftovers.processes().is_empty(), "something runs");
    caller.kill().unwrap();
    caller.wait().unwrap();
    case.leftovers.are_none_within(KILLED);
}

fn caller_killed_with_sigkill_during_compile(engine: &str) {
    let case = Case::new(endless_compile(), engine);
    all_is_gone_after_sigkill(&case, "build", engine, |_| wait_for(&begun(&case)));
}

fn caller_killed_with_sigkill_during_test(engine: &str) {
    let case = Case::new(endless_test(), engine);
    all_is_gone_after_sigkill(&case, "test", engine, |_| wait_for(&begun(&case)));
}

fn caller_killed_with_sigkill_while_an_environment_is_made(engine: &str) {
    let _turn = in_turn();
    let case = endless_making(engine);
    all_is_gone_after_sigkill(&case, "build", engine, |said| {
        let came = said.any(|line| line.unwrap().contains(INSTALLING));
        assert!(came, "the caller came so far");
    });
}

/// What it begins with is there by then, and stays.
fn caller_killed_with_sigkill_while_packages_are_installed(engine: &str) {
    let _turn = in_turn();
    let case = endless_making(engine);
    all_is_gone_after_sigkill(&case, "build", engine, |said| {
        let came = said.any(|line| line.unwrap().contains("\"installing packages\""));
        assert!(came, "the caller came so far");
    });
    let bases = case.leftovers.own_cache().join("bases");
    assert_eq!(std::fs::read_dir(bases).unwrap().count(), 1);
}
