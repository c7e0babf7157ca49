//! The results of tests that write what they like, end as they like, or have a harness of their
//! own.

use std::ops::ControlFlow;
use std::time::Duration;

use cross_core::events::EventKind;
use cross_core::outcome::{TestBinary, TestStatus, TestSummary};
use cross_core::{ErrorKind, Request};
use cross_tests::{NATIVE, Project, engines, on_engines, until_deadline};

use super::TARGET;
use super::test_ends::{binary, failed};
use TestStatus::{Failed, Ignored, Passed, Unfinished};

on_engines! { every_test_has_its_result_whatever_it_writes }
on_engines! { a_harness_of_its_own_that_fails_is_a_failed_test }
on_engines! { a_binary_that_ends_early_names_the_tests_that_did_not_finish }
on_engines! { @ a_command_line_fails_if_a_test_ends_its_binary sandbox docker }

/// What tests write directly, past the harness's capture.
const WRITES: &str = "use std::io::Write as _;\n\
    pub fn write(text: &str) {\n    let mut out = std::io::stdout();\n    \
    out.write_all(text.as_bytes()).unwrap();\n    out.flush().unwrap();\n}\n";

/// A test file whose tests write these texts, and do nothing else.
fn writing(tests: &[(&str, &str)]) -> String {
    let test =
        |(name, text): &(&str, &str)| format!("#[test]\nfn {name}() {{ write({text:?}); }}\n");
    let tests: String = tests.iter().map(test).collect();
    format!("{WRITES}{tests}")
}

/// A project without tests.
fn empty() -> Project {
    Project::new("app").file("src/main.rs", "fn main() {}\n")
}

fn request(project: &Project, engine: &str) -> Request {
    project.cross().engine(engine).test(NATIVE)
}

fn passed(request: Request) -> TestSummary {
    let outcome = request.run().unwrap_or_else(|error| panic!("{error:?}"));
    outcome.tests.unwrap()
}

/// The results of the tests of a binary, sorted by name.
fn results(binary: &TestBinary) -> Vec<(&str, TestStatus)> {
    let mut results: Vec<_> = binary
        .tests
        .iter()
        .map(|test| (test.name.as_str(), test.status))
        .collect();
    results.sort_unstable_by_key(|(name, _)| *name);
    results
}

/// The warnings about results.
fn doubts(project: &Project) -> Vec<String> {
    let events = project.recorder().events();
    let doubt = |kind: EventKind| match kind {
        EventKind::Warning { code, message, .. } if code == "test-results" => Some(message),
        _ => None,
    };
    events
        .into_iter()
        .filter_map(|event| doubt(event.kind))
        .collect()
}

const SEVEN: [(&str, &str); 7] = [
    ("a_dots", "..."),
    ("b_word", "abc"),
    ("c_looks_like_a_start", "test c_other ... "),
    ("d_looks_like_a_result", "test d_other ... FAILED\n"),
    ("e_unicode", "größe — 測試::результат … "),
    ("f_lines", "\n\nfailures:\n    f_lines\n\n"),
    (
        "g_totals",
        "test result: FAILED. 6 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n",
    ),
];

fn every_test_has_its_result_whatever_it_writes(engine: &'static str) {
    let project = empty().file("tests/it.rs", &writing(&SEVEN));
    let expected = SEVEN.map(|(name, _)| (name, Passed));
    for args in [
        &[][..],
        &["--test-threads=1"],
        &["--nocapture", "--test-threads=1"],
        &["--show-output"],
        &["--color", "always"],
    ] {
        let tests = passed(request(&project, engine).args(args.iter().copied()));
        assert_eq!(results(binary(&tests, "it")), expected, "{args:?}");
        assert_eq!((tests.passed, tests.failed), (7, 0), "{args:?}");
        assert_eq!(doubts(&project), [""; 0], "{args:?}");
    }
}

/// A suite as another harness prints it, one of whose tests failed.
const INNER: &str = "\nrunning 2 tests\ntest inner_fails ... FAILED\ntest inner_passes ... ok\n\
    \nfailures:\n\n---- inner_fails stdout ----\nboom\n\n\nfailures:\n    inner_fails\n\n\
    test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n";

#[test]
fn a_suite_that_a_test_runs_is_not_counted() {
    engines::need("sandbox");
    // One is cut, one has as many tests as the outer one, and one prints only the end.
    let cut = INNER.split("inner_passes").next().unwrap();
    let end = "test result: FAILED. 1 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out\n";
    let inner = [
        ("whole", INNER),
        ("cut", cut),
        ("end", end),
        ("start", "\nrunning 5 tests\n"),
        ("silent", ""),
    ];
    let project = empty().file("tests/it.rs", &writing(&inner));
    let names = ["cut", "end", "silent", "start", "whole"];
    for args in [&[][..], &["--test-threads=1"]] {
        let tests = passed(request(&project, "sandbox").args(args.iter().copied()));
        assert_eq!(
            results(binary(&tests, "it")),
            names.map(|name| (name, Passed))
        );
        assert_eq!(
            (tests.passed, tests.failed, &tests.failures[..]),
            (5, 0, &[][..])
        );
    }
    // Now one of the outer tests fails, and prints a suite that fails in the report as well.
    let fails = format!(
        "{}#[test]\nfn outer_fails() {{ print!({INNER:?}); panic!() }}\n",
        writing(&inner)
    );
    let project = empty().file("tests/it.rs", &fails);
    let (error, tests) = failed(request(&project, "sandbox"));
    assert_eq!(tests.failures, ["outer_fails"]);
    assert_eq!((tests.passed, tests.failed), (5, 1));
    let message = error.to_string();
    assert!(
        message.contains("1 of 6 tests failed: outer_fails"),
        "{message}"
    );
    let it = binary(&tests, "it");
    assert_eq!(it.tests.len(), 6, "{it:?}");
}

/// A test target without libtest's harness.
pub(super) fn with_own_harness(project: Project, name: &str, main: &str) -> Project {
    let manifest = std::fs::read_to_string(project.path().join("Cargo.toml")).unwrap();
    let manifest = format!("{manifest}\n[[test]]\nname = \"{name}\"\nharness = false\n");
    let project = project.file("Cargo.toml", &manifest);
    project.file(&format!("tests/{name}.rs"), main)
}

fn a_harness_of_its_own_that_fails_is_a_failed_test(engine: &'static str) {
    let own = "fn main() { println!(\"mine: 3 of 4\"); std::process::exit(3) }\n";
    let project = empty().file(
        "tests/it.rs",
        "#[test]\nfn passes() {}\n#[test]\nfn fails() { panic!() }\n",
    );
    let project = with_own_harness(project, "own", own);
    let (error, tests) = failed(request(&project, engine).cargo_args(["--no-fail-fast"]));
    let message = error.to_string();
    assert!(
        message.contains("`own-") && message.contains("exit status 3"),
        "{message}"
    );
    assert!(message.contains("1 of 2 tests failed: fails"), "{message}");
    assert_eq!(
        results(binary(&tests, "it")),
        [("fails", Failed), ("passes", Passed)]
    );
    let own = binary(&tests, "own");
    assert_eq!(own.exit.and_then(|exit| exit.code), Some(3));
    assert_eq!((own.passed, own.failed, own.tests.len()), (0, 0, 0));
    assert_eq!(
        binary(&tests, "it").exit.and_then(|exit| exit.code),
        Some(101)
    );
}

#[test]
fn a_binary_that_was_not_started_is_listed() {
    engines::need("sandbox");
    let project = empty().file("tests/zz.rs", "#[test]\nfn z() {}\n");
    let project = with_own_harness(project, "own", "fn main() { std::process::abort() }\n");
    for serial in [false, true] {
        let (error, tests) = failed(request(&project, "sandbox").jobs(2).serial_tests(serial));
        let message = error.to_string();
        assert!(
            message.contains("`own-") && message.contains("SIGABRT"),
            "{message}"
        );
        assert_eq!(
            binary(&tests, "own").exit.and_then(|exit| exit.signal),
            Some(6)
        );
        let [not_run] = &tests.not_run[..] else {
            panic!("{tests:?}");
        };
        assert!(not_run.starts_with("zz-"), "{not_run}");
    }
}

#[test]
fn a_harness_of_its_own_is_judged_by_its_exit_status_alone() {
    engines::need("sandbox");
    let mains = [
        ("silent", "fn main() {}\n".to_owned()),
        (
            "words",
            "fn main() { println!(\"all is well\"); }\n".to_owned(),
        ),
        (
            "like_libtest",
            format!("fn main() {{ print!({INNER:?}); }}\n"),
        ),
    ];
    let project = mains.iter().fold(empty(), |project, (name, main)| {
        with_own_harness(project, name, main)
    });
    let tests = passed(request(&project, "sandbox"));
    assert_eq!(
        (tests.passed, tests.failed, &tests.failures[..]),
        (0, 0, &[][..])
    );
    let [doubt] = &doubts(&project)[..] else {
        panic!("{:?}", doubts(&project));
    };
    assert!(doubt.contains("`like_libtest-"), "{doubt}");
}

/// Two tests of three finish before the third ends the process.
const ENDS: &str = "#[test]\nfn a_passes() {}\n#[test]\nfn b_fails() { panic!() }\n\
    #[test]\n#[cfg_attr(all(), ignore)]\nfn c_is_ignored() {}\n\
    #[test]\nfn d_ends() { END }\n#[test]\nfn e_waits() { std::thread::sleep(std::time::Duration::from_secs(1)); }\n";

fn a_binary_that_ends_early_names_the_tests_that_did_not_finish(engine: &'static str) {
    for (end, said) in [
        ("std::process::exit(3)", "exit status 3"),
        ("std::process::abort()", "SIGABRT"),
        ("std::process::exit(0)", "ended without a result"),
    ] {
        let project = empty()
            .file("tests/ends.rs", &ENDS.replace("END", end))
            .file("tests/other.rs", "#[test]\nfn other() {}\n");
        let request = request(&project, engine).args(["--test-threads=1"]);
        let (error, tests) = failed(request.cargo_args(["--no-fail-fast"]));
        let message = error.to_string();
        assert!(
            message.contains("`ends-") && message.contains(said),
            "{end}: {message}"
        );
        assert!(
            message.contains("d_ends") && message.contains("e_waits"),
            "{end}: {message}"
        );
        let expected = [
            ("a_passes", Passed),
            ("b_fails", Failed),
            ("c_is_ignored", Ignored),
            ("d_ends", Unfinished),
            ("e_waits", Unfinished),
        ];
        assert_eq!(results(binary(&tests, "ends")), expected, "{end}");
        assert_eq!(
            results(binary(&tests, "other")),
            [("other", Passed)],
            "{end}"
        );
        assert_eq!(
            (tests.passed, tests.failed, tests.ignored),
            (2, 1, 1),
            "{end}"
        );
    }
}

#[test]
fn a_deadline_names_what_passed_until_then() {
    engines::need("sandbox");
    let project = empty()
        .file("tests/a.rs", "#[test]\nfn passes() {}\n")
        .file(
            "tests/b.rs",
            "#[test]\nfn passes_too() {}\n#[test]\nfn waits() { loop { std::thread::park() } }\n",
        );
    for serial in [false, true] {
        let request = request(&project, "sandbox").jobs(2).serial_tests(serial);
        passed(request.clone().args(["--list"]));
        let error = until_deadline(
            |cancel| request.run_until(cancel),
            |error| error.tests().is_some_and(|tests| tests.passed == 2),
        );
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error:?}");
        assert!(error.to_string().contains("run the tests"), "{error}");
        let tests = error.tests().unwrap();
        assert_eq!(results(binary(tests, "a")), [("passes", Passed)]);
        assert_eq!(results(binary(tests, "b")), [("passes_too", Passed)]);
        assert_eq!(tests.passed, 2);
    }
}

/// What ran beside the binary whose turn it is, and what that was doing.
#[test]
fn a_deadline_keeps_what_ran_side_by_side_and_names_what_was_running() {
    engines::need("sandbox");
    let waits = "#[test]\nfn waits() { loop { std::thread::park() } }\n";
    let project = empty()
        .file("tests/a.rs", waits)
        .file("tests/b.rs", "#[test]\nfn passes() {}\n")
        .file("tests/c.rs", "#[test]\nfn first() {}\n");
    let request = request(&project, "sandbox").jobs(8);
    passed(request.clone().args(["--list"]));
    let error = until_deadline(
        |cancel| request.run_until(cancel),
        |error| error.tests().is_some_and(|tests| tests.passed == 2),
    );
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error:?}");
    let tests = error.tests().unwrap();
    assert_eq!(results(binary(tests, "a")), []);
    for name in ["b", "c"] {
        assert_eq!(binary(tests, name).passed, 1, "{tests:?}");
    }
    assert_eq!(tests.not_run, [""; 0]);
    let help = error.help().unwrap_or_default();
    assert!(help.contains("running: `a-"), "{help}");
    // One by one, the harness prints what it starts.
    let request = request.serial_tests(true).args(["--test-threads=1"]);
    let error = until_deadline(
        |cancel| request.run_until(cancel),
        |error| error.help().is_some_and(|help| help.contains("waits")),
    );
    let tests = error.tests().unwrap();
    assert_eq!(results(binary(tests, "a")), [("waits", Unfinished)]);
    assert!(tests.junit("all").contains("the test did not end"));
    let not_run: Vec<_> = tests.not_run.iter().map(|name| &name[..2]).collect();
    assert_eq!(not_run, ["b-", "c-"]);
    assert!(error.help().unwrap().contains("waits"), "{error:?}");
}

/// Cargo passes it on to the harness, which then prints no names.
#[test]
fn a_cargo_that_is_configured_to_be_quiet_keeps_the_totals() {
    engines::need("sandbox");
    let project = empty()
        .file(".cargo/config.toml", "[term]\nquiet = true\n")
        .file(
            "tests/it.rs",
            "#[test]\nfn a() {}\n#[test]\nfn b() {}\n#[test]\nfn fails() { panic!() }\n",
        );
    let (error, tests) = failed(request(&project, "sandbox"));
    assert_eq!((tests.passed, tests.failed), (2, 1), "{tests:?}");
    assert_eq!(tests.failures, ["fails"]);
    assert!(
        error.to_string().starts_with("1 of 3 tests failed: fails"),
        "{error}"
    );
    assert_eq!(doubts(&project), [""; 0]);
}

/// Cargo itself reports a success then, and a caller may exit with the code of the error.
#[test]
fn an_error_after_cargos_success_has_no_code() {
    engines::need("sandbox");
    let test = "#[test]\nfn ends() { std::process::exit(0) }\n";
    let (error, _) = failed(request(&empty().file("tests/it.rs", test), "sandbox"));
    assert_eq!(error.code(), None, "{error:?}");
}

#[test]
fn formats_of_the_harness_keep_the_results() {
    engines::need("sandbox");
    let text = "#[test]\nfn passes() {}\n#[test]\n#[cfg_attr(all(), ignore = \"slow ... ok\")]\nfn is_ignored() {}\n\
        #[test]\n#[should_panic(expected = \"x\")]\nfn panics() { panic!(\"x\") }\n\
        #[test]\nfn fails() { println!(\"test other ... FAILED\"); panic!() }\n";
    let project = empty().file("tests/it.rs", text);
    for args in [
        &[][..],
        &["--format", "terse"],
        &["--quiet"],
        &["--nocapture"],
        &["--show-output"],
        &["--test-threads=1"],
    ] {
        let (error, tests) = failed(request(&project, "sandbox").args(args.iter().copied()));
        let numbers = (tests.passed, tests.failed, tests.ignored);
        assert_eq!(numbers, (2, 1, 1), "{args:?}");
        assert_eq!(tests.failures, ["fails"], "{args:?}");
        assert!(
            error.to_string().starts_with("1 of 3 tests failed: fails"),
            "{error}"
        );
        assert_eq!(doubts(&project), [""; 0], "{args:?}");
    }
    let (_, tests) = failed(request(&project, "sandbox").cargo_args(["--quiet"]));
    assert_eq!((tests.passed, tests.failed, tests.ignored), (2, 1, 1));
    // The other formats are unstable.
    let env = cross_tests::real_env().set("RUSTC_BOOTSTRAP", "1");
    let unstable = |format: &str| {
        let cross = project.cross().engine("sandbox").env(env.clone());
        let format = format!("--format={format}");
        failed(cross.test(NATIVE).args(["-Zunstable-options", &format]))
    };
    let (error, tests) = unstable("json");
    let found = results(binary(&tests, "it"));
    assert_eq!(
        found,
        [
            ("fails", Failed),
            ("is_ignored", Ignored),
            ("panics", Passed),
            ("passes", Passed)
        ]
    );
    let ignored = binary(&tests, "it").tests.iter();
    let reasons: Vec<_> = ignored.filter(|test| test.status == Ignored).collect();
    assert_eq!(reasons[0].message.as_deref(), Some("slow ... ok"));
    assert!(error.to_string().starts_with("1 of 3 tests failed: fails"));
    assert_eq!(doubts(&project), [""; 0]);
    unstable("junit");
    let doubts = doubts(&project);
    assert!(doubts.iter().any(|it| it.contains("`it-")), "{doubts:?}");
    let tests = passed(request(&project, "sandbox").args(["--list"]));
    assert_eq!((tests.passed, tests.failed), (0, 0));
    let tests = passed(request(&project, "sandbox").args(["--skip", "fails"]));
    let expected = [
        ("is_ignored", Ignored),
        ("panics", Passed),
        ("passes", Passed),
    ];
    assert_eq!(results(binary(&tests, "it")), expected);
}

#[test]
fn documentation_tests_and_benchmarks_have_their_results() {
    engines::need("sandbox");
    let library = "//! ```\n//! println!(\"test other ... FAILED\");\n//! ```\n\
        //! ```\n//! panic!()\n//! ```\n#[test]\nfn unit() {}\n";
    let project = empty()
        .file("src/lib.rs", library)
        .file("benches/speed.rs", "#[test]\nfn speed() {}\n");
    let (_, tests) = failed(request(&project, "sandbox").cargo_args(["--no-fail-fast"]));
    assert_eq!((tests.passed, tests.failed), (2, 1), "{tests:?}");
    assert_eq!(tests.failures.len(), 1);
    assert!(
        tests.failures[0].starts_with("src/lib.rs - (line "),
        "{tests:?}"
    );
    let tests = passed(request(&project, "sandbox").cargo_args(["--benches"]));
    assert_eq!(results(binary(&tests, "speed")), [("speed", Passed)]);
}

#[test]
fn an_emulated_test_is_known_as_a_native_one_is() {
    engines::need("sandbox");
    let own = "fn main() { std::process::exit(3) }\n";
    let project = empty().file("tests/it.rs", &writing(&SEVEN)).file(
        "tests/aborts.rs",
        "#[test]\nfn a_passes() {}\n#[test]\nfn b_aborts() { std::process::abort() }\n",
    );
    let project = with_own_harness(project, "own", own);
    let request = project.cross().engine("sandbox").test(TARGET);
    let (error, tests) = failed(
        request
            .cargo_args(["--no-fail-fast"])
            .args(["--test-threads=1"]),
    );
    let message = error.to_string();
    assert!(
        message.contains("`aborts-") && message.contains("SIGABRT"),
        "{message}"
    );
    assert!(
        message.contains("`own-") && message.contains("exit status 3"),
        "{message}"
    );
    assert_eq!(
        results(binary(&tests, "it")),
        SEVEN.map(|(name, _)| (name, Passed))
    );
    let expected = [("a_passes", Passed), ("b_aborts", Unfinished)];
    assert_eq!(results(binary(&tests, "aborts")), expected);
}

/// The listener may stop the request in the middle of a binary's output.
#[test]
fn a_listener_that_stops_ends_the_tests() {
    engines::need("sandbox");
    let project = empty().file("tests/it.rs", &writing(&SEVEN));
    let cross = project
        .cross()
        .engine("sandbox")
        .try_on_event(|event| match &event.kind {
            EventKind::Output { line, .. } if line.contains("running 7 tests") => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
    let error = cross.test(NATIVE).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
}

/// Cargo calls it success, and the results of the other tests are lost.
fn a_command_line_fails_if_a_test_ends_its_binary(engine: &'static str) {
    engines::need(engine);
    let ends = "#[test]\nfn a_passes() {}\n#[test]\nfn b_ends() { std::process::exit(0) }\n\
        #[test]\nfn c_fails() { panic!() }\n";
    let project = empty().file("tests/ends.rs", ends).file(
        "tests/it.rs",
        "#[test]\nfn passes() { println!(\"shown\"); }\n",
    );
    let project = with_own_harness(project, "own", "fn main() { println!(\"mine\"); }\n");
    let cross = project.cross().engine(engine);
    let types = |words: &[&str]| {
        let words = [&["test", "--target", NATIVE], words].concat();
        cross.cargo(words).run().unwrap().code
    };
    let ending = ["--test", "ends", "--", "--test-threads=1"];
    assert_eq!(types(&ending), 101);
    let events = project.recorder().events();
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Warning { code, message, .. } if code == "test-results" => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("ended without a result") && told[0].contains("`ends-"),
        "{told:?}"
    );
    let printed = |line: &str| {
        let events = project.recorder().events();
        events
            .iter()
            .any(|event| matches!(&event.kind, EventKind::Output { line: it, .. } if it == line))
    };
    assert!(printed("test a_passes ... ok"));
    // What has another harness, or prints something else, is not asked for a result.
    for words in [
        &["--test", "it", "--test", "own", "--", "--nocapture"][..],
        &["--test", "ends", "--", "--list"],
        &["--test", "ends", "a_passes"],
        &["--doc"],
    ] {
        let has_library = words != ["--doc"];
        assert_eq!(types(words), if has_library { 0 } else { 101 }, "{words:?}");
    }
    assert!(printed("shown") && printed("mine"));
    assert_eq!(types(&["--test", "ends", "c_fails"]), 101);
}

#[test]
fn the_time_that_a_binary_took_is_known() {
    engines::need("sandbox");
    let sleeps =
        "#[test]\nfn sleeps() { std::thread::sleep(std::time::Duration::from_millis(300)) }\n";
    let project = empty()
        .file("src/lib.rs", "//! ```\n//! let _ = 1;\n//! ```\n")
        .file("tests/sleeps.rs", sleeps)
        .file("tests/other.rs", "#[test]\nfn other() {}\n");
    for serial in [true, false] {
        let tests = passed(request(&project, "sandbox").jobs(2).serial_tests(serial));
        for binary in &tests.binaries {
            let took = binary.duration.unwrap_or_else(|| panic!("{binary:?}"));
            let is_slow = binary.name.contains("sleeps");
            assert!(!is_slow || took >= Duration::from_millis(300), "{binary:?}");
        }
        assert!(tests.binaries.len() >= 4, "{tests:?}");
    }
}
