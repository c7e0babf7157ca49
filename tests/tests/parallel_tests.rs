//! Parallel tests on the real engines: test binaries keep to the budget, are reported in cargo's
//! order, have cargo's environment, and leave nothing.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::thread;
use std::time::Duration;

use cross_core::{
    Cancel, ErrorKind, Request,
    engine::Stream,
    events::{Event, EventKind},
};
use cross_tests::{Leftovers, NATIVE, Project, engines, on_engines};

/// The code of every test: it records how many tests run at the same time.
const NOTED: &str = r#"
use std::{fs, path::Path, thread, time::Duration};

pub fn noted(name: &str, millis: u64) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("seen");
    let here = dir.join(name);
    fs::write(&here, "").unwrap();
    let most = || fs::read_dir(&dir).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        !name.to_string_lossy().starts_with("most-")
    }).count();
    let mut seen = most();
    for _ in 0..millis / 10 {
        thread::sleep(Duration::from_millis(10));
        seen = seen.max(most());
    }
    fs::write(dir.join(format!("most-{seen}-{name}")), "").unwrap();
    fs::remove_file(here).unwrap();
}
"#;

/// A library with a unit test, a documentation test and `tests`: the name of each test binary, the
/// number of its tests, and how long each takes.
fn project(tests: &[(&str, u32, u64)]) -> Project {
    let library = "//! ```\n//! assert_eq!(app::one(), 1);\n//! ```\npub fn one() -> u32 { 1 }\n\
                   #[test]\nfn unit() { println!(\"unit\"); }\n";
    let mut project = Project::new("app")
        .file("src/lib.rs", library)
        .file("seen/most-0-none", "")
        .cross_toml("[build]\nwritable = [\"seen\"]\n")
        .file("tests/noted/mod.rs", NOTED);
    for (name, count, millis) in tests {
        let mut text = "mod noted;\n".to_owned();
        for n in 0..*count {
            text += &format!("#[test]\nfn t{n}() {{ noted::noted(\"{name}-{n}\", {millis}); }}\n");
        }
        project = project.file(&format!("tests/{name}.rs"), &text);
    }
    project
}

/// Returns the largest number of tests that ran at the same time, as recorded by the tests.
fn most(project: &Project) -> u32 {
    let seen = fs::read_dir(project.path().join("seen")).unwrap();
    let names = seen.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let numbers =
        names.filter_map(|name| name.strip_prefix("most-")?.split('-').next()?.parse().ok());
    numbers.max().unwrap()
}

/// Returns the lines of one stream, without times, threads and the order of the tests in one
/// binary, which differ between runs.
fn heard(events: &[Event], of: Stream) -> Vec<String> {
    let line = |event: &Event| match &event.kind {
        EventKind::Output { stream, line, .. } if *stream == of => Some(line.clone()),
        _ => None,
    };
    let is_test = |line: &String| line.starts_with("test ") && !line.starts_with("test result");
    let lines = events.iter().filter_map(line);
    lines
        .filter(|line| {
            !is_test(line) && !line.contains("Finished ") && !line.contains("Compiling ")
        })
        .map(|line| {
            let times = line
                .split_once("finished in")
                .map(|parts| parts.0.to_owned());
            // The name and number of the thread differ.
            let thread = line
                .split_once(" panicked at ")
                .map(|parts| parts.1.to_owned());
            times.or(thread).unwrap_or(line)
        })
        .collect()
}

fn request(project: &Project, leftovers: &Leftovers, engine: &str) -> Request {
    // The cargo of the host is new, and that of the image is old.
    let toolchain = if engine == "sandbox" { "host" } else { "image" };
    let cross = project
        .cross()
        .env(leftovers.env().set("RUST_BACKTRACE", "0"));
    let cross = cross.engine(engine);
    cross.toolchain(toolchain).test(NATIVE)
}

on_engines! { @ test_binaries_keep_to_the_budget_and_to_cargos_order sandbox podman }

/// The first test binaries take longest, so that they end in reverse order.
fn test_binaries_keep_to_the_budget_and_to_cargos_order(engine: &str) {
    let project = project(&[("a", 4, 400), ("b", 4, 200), ("c", 2, 100), ("d", 1, 10)]);
    let leftovers = Leftovers::of(&project);
    let request = request(&project, &leftovers, engine).jobs(3);
    let plan = request.plan().unwrap().to_string();
    assert!(
        plan.contains("# tests: binaries side by side, 3 tests at once\n"),
        "{plan}"
    );
    let tests = request.run().unwrap().tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (14, 0));
    let told: Vec<_> = tests
        .binaries
        .iter()
        .map(|binary| (&*binary.name, binary.passed))
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(name, passed)| (name.split(" (").next().unwrap(), *passed))
        .collect();
    let expected = [
        ("unittests src/lib.rs", 1),
        ("unittests src/main.rs", 1),
        ("tests/a.rs", 4),
        ("tests/b.rs", 4),
        ("tests/c.rs", 2),
        ("tests/d.rs", 1),
        ("Doc-tests app", 1),
    ];
    assert_eq!(told, expected);
    assert_eq!(most(&project), 3, "the whole budget, and no more");
    leftovers.are_none();
}

/// A project with a slow test binary, then one that fails, one that crashes, and one without a
/// harness that prints its environment.
fn troubled() -> Project {
    let plain = "fn main() {\n    let var = |name| std::env::var(name).unwrap();\n    \
                 println!(\"plain {:?}\", std::env::args().skip(1).collect::<Vec<_>>());\n    \
                 println!(\"{} {}\", var(\"CARGO_PKG_NAME\"), var(\"MINE\"));\n    \
                 println!(\"{}\", std::env::current_dir().unwrap().display());\n    \
                 let own = |name: &str| matches!(name, \"RUST_TEST_THREADS\" | \"HOSTNAME\");\n    \
                 let all = std::env::vars().filter(|variable| !own(&variable.0));\n    \
                 let all: std::collections::BTreeMap<_, _> = all.collect();\n    \
                 println!(\"{all:?}\");\n    eprintln!(\"on the other stream\");\n    std::process::exit(3);\n}\n";
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                    [[test]]\nname = \"plain\"\nharness = false\n";
    let crashes = "#[test]\nfn crashes() { println!(\"soon\"); std::process::abort(); }\n";
    let fails = "#[test]\nfn fails() { assert_eq!(1, 2); }\n#[test]\nfn passes() {}\n";
    project(&[("a", 2, 400), ("z", 1, 10)])
        .file("Cargo.toml", manifest)
        .file(".cargo/config.toml", "[env]\nMINE = \"yes\"\n")
        // Cargo sets a variable for it whose name is invalid in shells.
        .file("src/bin/my-app.rs", "fn main() {}\n")
        .file("tests/crashes.rs", crashes)
        .file("tests/fails.rs", fails)
        .file("tests/plain.rs", plain)
}

on_engines! { @ parallel_tests_have_the_output_of_serial_tests sandbox podman }

/// The output and the error are the same for parallel and for serial tests.
fn parallel_tests_have_the_output_of_serial_tests(engine: &str) {
    let project = troubled();
    let leftovers = Leftovers::of(&project);
    for keep_going in [true, false] {
        let run = |serial: bool| {
            let words = keep_going.then_some("--no-fail-fast");
            let request = request(&project, &leftovers, engine).cargo_args(words);
            let before = project.recorder().events().len();
            let error = request.jobs(3).serial_tests(serial).run().unwrap_err();
            let events = project.recorder().events().split_off(before);
            let numbers = error.tests().unwrap();
            let numbers = (numbers.passed, numbers.failed, numbers.failures.clone());
            (
                error.to_string(),
                error.kind(),
                error.code(),
                numbers,
                events,
            )
        };
        let (cargos, ours) = (run(true), run(false));
        assert_eq!((&ours.0, ours.1, ours.2), (&cargos.0, cargos.1, cargos.2));
        assert_eq!(ours.3, cargos.3);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let (ours, cargos) = (heard(&ours.4, stream), heard(&cargos.4, stream));
            assert_eq!(ours, cargos, "on {stream:?}");
        }
        let said = project.recorder().output();
        assert!(
            said.contains("app yes"),
            "the variables are cargo's: {said}"
        );
    }
    leftovers.are_none();
}

on_engines! { @ a_stopped_run_leaves_nothing sandbox podman }

/// Some test binaries run and some wait. None is left after a stop.
fn a_stopped_run_leaves_nothing(engine: &str) {
    let project = project(&[("a", 2, 60_000), ("b", 2, 60_000), ("c", 2, 60_000)]);
    let leftovers = Leftovers::of(&project);
    let request = request(&project, &leftovers, engine).jobs(2);
    let cancel = Cancel::new();
    let seen = project.path().join("seen");
    let stopper = {
        let cancel = cancel.clone();
        thread::spawn(move || {
            let two_run = || seen.read_dir().unwrap().count() == 3;
            let patience = (0..1200).find(|_| {
                thread::sleep(Duration::from_millis(50));
                two_run()
            });
            cancel.cancel();
            patience.expect("two tests run at once")
        })
    };
    let error = request.run_until(&cancel).unwrap_err();
    stopper.join().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    leftovers.are_none_within(Duration::from_secs(8));
    let deadline = Cancel::new().with_deadline(Duration::from_secs(4));
    let error = request.run_until(&deadline).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    leftovers.are_none_within(Duration::from_secs(8));
}

/// The program's signal passes through the emulator and the runners, and is distinguished from a
/// crash of the emulator.
#[test]
fn a_crash_under_an_emulator_is_the_programs() {
    engines::need("sandbox");
    let project = project(&[("a", 2, 100), ("b", 2, 100)]).file(
        "tests/crashes.rs",
        "#[test]\nfn crashes() { std::process::abort(); }\n",
    );
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let request = cross.test("aarch64-unknown-linux-gnu").jobs(2);
    let error = request.cargo_args(["--no-fail-fast"]).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error}");
    let said = error.to_string();
    assert!(
        said.contains("`crashes-") && said.contains("was terminated by SIGABRT"),
        "{said}"
    );
    assert_eq!(error.tests().unwrap().passed, 6);
    assert!(most(&project) <= 2);
    leftovers.are_none();
}

/// Test binaries run serially if they share something or if the configuration says so.
#[test]
fn serial_tests_have_a_reason() {
    let project = Project::new("app");
    let plan = |request: Request| {
        let tests = request.plan().unwrap().tests.unwrap();
        tests.serial.unwrap_or_default()
    };
    let of = |project: &Project| project.cross().engine("sandbox").test(NATIVE).jobs(2);
    assert_eq!(plan(of(&project)), "");
    for (request, reason) in [
        (
            of(&project).serial_tests(true),
            "`serial-tests` is set (request)",
        ),
        (of(&project).jobs(1), "there is one job"),
        (
            of(&project).arg("--test-threads=4"),
            "`--test-threads` says how many tests run at once",
        ),
        (
            of(&project).stdin(true),
            "they read the caller's standard input",
        ),
    ] {
        assert_eq!(plan(request), reason);
    }
    let project = project.cross_toml("[build]\nserial-tests = true\n");
    let reason = plan(of(&project));
    assert!(reason.ends_with("/Cross.toml:2:16)"), "{reason}");
    assert_eq!(plan(of(&project).serial_tests(false)), "");
    let runner = format!("[target.{NATIVE}]\nrunner = \"ssh board\"\n");
    let project = project.cross_toml(&runner);
    let (reason, expected) = (
        plan(of(&project)),
        "the runner `ssh board` may run only one at a time (",
    );
    assert!(reason.starts_with(expected), "{reason}");
    let project =
        Project::new("app").file(".cargo/config.toml", "[target.'cfg(unix)']\nrunner = 'x'\n");
    // A runner of the host is not used in an environment, so it is no reason.
    assert_eq!(plan(of(&project)), "");
}
