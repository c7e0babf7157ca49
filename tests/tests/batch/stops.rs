//! What stops a batch: a failure, the caller, or a listener. With `keep_going`, the other targets
//! finish.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use cross_core::{Cancel, ErrorKind, batch::BatchOutcome, events::EventKind};
use cross_engine::process::clock;
use cross_tests::{Leftovers, Project, on_engines};

use crate::{AARCH64, Case, I686, X86_64};

on_engines! { a_cancellation_leaves_nothing_of_any_target }

/// The time limit of every wait.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long after a stop everything is gone.
const STOPPED: Duration = Duration::from_secs(8);

/// A program that does not compile for i686.
const NOT_I686: &str =
    "#[cfg(target_arch = \"x86\")]\ncompile_error!(\"not for i686\");\nfn main() {}\n";

/// A build script that creates a file and never ends, for the targets in the pattern.
fn endless(pattern: &str) -> String {
    format!(
        "fn main() {{ let target = std::env::var(\"TARGET\").unwrap();\n\
         if matches!(&*target, {pattern}) {{\n\
         std::fs::write(format!(\"markers/begun-{{target}}\"), \"\").unwrap();\n\
         let mut sleep = std::process::Command::new(\"sleep\");\n\
         sleep.arg(\"600\").status().unwrap(); }} }}\n"
    )
}

/// What runs in `project` may make files in `markers`.
fn with_markers(project: Project) -> Project {
    project
        .file("markers/README", "")
        .cross_toml("[build]\nwritable = [\"markers\"]\n")
}

fn begun(case: &Case, target: &str) -> PathBuf {
    case.project.path().join(format!("markers/begun-{target}"))
}

fn wait_for(path: PathBuf) {
    let start = clock::now();
    while !path.exists() {
        assert!(start.elapsed() < PATIENCE, "{} never came", path.display());
        thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn assert_gone(leftovers: &Leftovers) {
    leftovers.are_none_within(STOPPED);
}

/// Checks that no target succeeded, and that each error has this kind.
#[track_caller]
fn assert_all_failed(outcome: &BatchOutcome, kind: ErrorKind) {
    for target in &outcome.targets {
        let error = target.result.as_ref().unwrap_err();
        assert_eq!(error.kind(), kind, "{}: {error}", target.target);
    }
}

#[test]
fn the_first_failure_stops_the_others() {
    let waits = "std::process::Command::new(\"sh\").args([\"-c\", \"while ! [ -e markers/begun-aarch64-* ]; do sleep .1; done\"]).status().unwrap();";
    let script = endless(&format!("{AARCH64:?}")).replacen(
        "fn main() {",
        &format!("fn main() {{ if std::env::var(\"TARGET\").unwrap() == {I686:?} {{ {waits} }}"),
        1,
    );
    let project = Project::new("app")
        .file("src/main.rs", NOT_I686)
        .file("build.rs", &script);
    let case = Case::new(with_markers(project), "sandbox");
    // The batch would begin with another target while an environment is made.
    for target in [AARCH64, I686] {
        case.cross().exec(target, ["true"]).run().unwrap();
    }
    let batch = case.cross().build_many([AARCH64, I686, X86_64]);
    let cancel = Cancel::new().with_deadline(PATIENCE);
    let outcome = batch.jobs(2).run_until(&cancel).unwrap();
    let failed: Vec<_> = outcome.failures().map(|(target, _)| target).collect();
    assert_eq!(failed, [I686]);
    let [stopped, failed, never] = &outcome.targets[..] else {
        panic!("three were asked for");
    };
    assert!(stopped.stopped && stopped.begun && !failed.stopped);
    let kind =
        |outcome: &cross_core::batch::TargetOutcome| outcome.result.as_ref().unwrap_err().kind();
    assert_eq!(kind(stopped), ErrorKind::Cancelled);
    assert_eq!(kind(failed), ErrorKind::CargoFailed);
    assert!(never.stopped && !never.begun, "two jobs, two targets");
    assert_eq!(kind(never), ErrorKind::Cancelled);
    assert_gone(&case.leftovers);
    let error = outcome.into_result().unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with(I686) && said.contains("not for i686"),
        "{said}"
    );
}

#[test]
fn keep_going_finishes_the_other_targets() {
    let project = Project::new("app").file("src/main.rs", NOT_I686);
    let case = Case::new(project, "sandbox");
    let batch = case
        .cross()
        .build_many([I686, X86_64, AARCH64])
        .keep_going(true);
    let outcome = batch.jobs(2).run().unwrap();
    let failed: Vec<_> = outcome.failures().map(|(target, _)| target).collect();
    assert_eq!(failed, [I686]);
    let done: Vec<_> = outcome.successes().map(|(target, _)| target).collect();
    assert_eq!(done, [X86_64, AARCH64]);
    for (target, built) in outcome.successes() {
        let program = built.executables().next().unwrap();
        assert!(program.path.exists(), "{target}");
    }
    case.leftovers.are_none();
}

fn a_cancellation_leaves_nothing_of_any_target(engine: &'static str) {
    let project = with_markers(Project::new("app").file("build.rs", &endless("_")));
    let case = Case::new(project, engine);
    let cancel = Cancel::new().with_deadline(PATIENCE);
    let (outcome, since) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            for target in [X86_64, AARCH64] {
                wait_for(begun(&case, target));
            }
            assert!(!case.leftovers.processes().is_empty(), "something runs");
            cancel.cancel();
            clock::now()
        });
        let batch = case
            .cross()
            .build_many([X86_64, AARCH64, I686])
            .keep_going(true);
        let outcome = batch.jobs(2).run_until(&cancel).unwrap();
        (outcome, canceller.join().unwrap())
    });
    assert!(since.elapsed() < STOPPED, "{:?}", since.elapsed());
    for target in &outcome.targets {
        assert!(target.stopped, "{}", target.target);
    }
    assert_all_failed(&outcome, ErrorKind::Cancelled);
    assert!(!begun(&case, I686).exists(), "nothing more begins");
    assert_eq!(outcome.failures().count(), 0);
    assert_gone(&case.leftovers);
}

#[test]
fn targets_that_had_not_started_report_the_deadline() {
    let case = Case::new(
        with_markers(Project::new("app").file("build.rs", &endless("_"))),
        "sandbox",
    );
    let batch = case.cross().build_many([X86_64, AARCH64]).jobs(1);
    let cancel = Cancel::new().with_deadline(Duration::from_secs(4));
    let outcome = batch.run_until(&cancel).unwrap();
    assert_all_failed(&outcome, ErrorKind::Deadline);
    assert_gone(&case.leftovers);
}

#[test]
fn a_listener_that_breaks_stops_every_target() {
    let case = Case::new(
        with_markers(Project::new("app").file("build.rs", &endless("_"))),
        "sandbox",
    );
    let other = begun(&case, AARCH64);
    let cross = case.cross().try_on_event(move |event| {
        let compiles =
            matches!(&event.kind, EventKind::StepStarted { purpose, .. } if purpose == "compile");
        if compiles && event.target == X86_64 {
            wait_for(other.clone());
            return std::ops::ControlFlow::Break(());
        }
        std::ops::ControlFlow::Continue(())
    });
    let cancel = Cancel::new().with_deadline(PATIENCE);
    let batch = cross.build_many([X86_64, AARCH64]).jobs(2).keep_going(true);
    let outcome = batch.run_until(&cancel).unwrap();
    assert_all_failed(&outcome, ErrorKind::Cancelled);
    assert_gone(&case.leftovers);
}

/// The panic of a listener continues in the caller's thread, and nothing waits forever.
#[test]
fn a_listener_that_panics_stops_every_target() {
    let case = Case::new(
        with_markers(Project::new("app").file("build.rs", &endless("_"))),
        "sandbox",
    );
    let other = begun(&case, AARCH64);
    let cross = case.cross().on_event(move |event| {
        let compiles =
            matches!(&event.kind, EventKind::StepStarted { purpose, .. } if purpose == "compile");
        if compiles && event.target == X86_64 {
            wait_for(other.clone());
            panic!("the listener's own");
        }
    });
    let cancel = Cancel::new().with_deadline(PATIENCE);
    let batch = cross.build_many([X86_64, AARCH64]).jobs(2).keep_going(true);
    let payload = catch_unwind(AssertUnwindSafe(|| batch.run_until(&cancel))).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"the listener's own"));
    assert!(
        cancel.check().is_ok(),
        "the caller's handle is the caller's"
    );
    assert_gone(&case.leftovers);
}
