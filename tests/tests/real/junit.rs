//! What JUnit's report says of binaries that end in another way than by their tests.

use cross_core::outcome::TestSummary;
use cross_core::{ErrorKind, Request};
use cross_tests::{NATIVE, Project, engines, until_deadline};

use super::results::with_own_harness;

/// The test cases of a report, without their times: `class | name`, and the message of what is wrong.
fn cases(tests: &TestSummary) -> Vec<String> {
    let xml = tests.junit("all");
    let value = |line: &str, key: &str| {
        let (_, rest) = line.split_once(&format!(" {key}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let lines = xml.lines().filter(|line| line.contains("<testcase "));
    let cases = lines.map(|line| {
        let [class, name] = ["classname", "name"].map(|key| value(line, key).unwrap());
        match value(line, "message") {
            Some(message) => format!("{class} | {name}: {message}"),
            None => format!("{class} | {name}"),
        }
    });
    cases.collect()
}

fn request(project: &Project) -> Request {
    project.cross().engine("sandbox").test(NATIVE)
}

/// The tests of a request, whether or not it failed.
fn tested(request: &Request) -> TestSummary {
    match request.run() {
        Ok(outcome) => outcome.tests.unwrap(),
        Err(error) => error
            .tests()
            .cloned()
            .unwrap_or_else(|| panic!("{error:?}")),
    }
}

/// Such a harness names no tests, and a CI system follows it from run to run.
#[test]
fn a_harness_of_its_own_has_one_name_however_it_ends() {
    engines::need("sandbox");
    let main = "fn main() { println!(\"it broke\"); std::process::exit(STATUS) }\n";
    let with_status = |status: &str| main.replace("STATUS", status);
    let project = Project::new("app").file("src/main.rs", "fn main() {}\n");
    let mut project = with_own_harness(project, "own", &with_status("0"));
    let case = "own (tests/own.rs) | own (tests/own.rs)";
    assert_eq!(cases(&tested(&request(&project))), [case]);
    project = project.file("tests/own.rs", &with_status("3"));
    let failed = tested(&request(&project));
    assert_eq!(cases(&failed), [format!("{case}: exit status 3")]);
    assert!(
        failed.junit("all").contains(">it broke&#10;</error>"),
        "{failed:?}"
    );
    project = project.file("tests/a.rs", "#[test]\nfn fails() { panic!(\"no\") }\n");
    let not_started = cases(&tested(&request(&project)));
    let skipped = format!("{case}: the binary was not started");
    assert_eq!(
        not_started,
        ["a (tests/a.rs) | fails: no".to_owned(), skipped]
    );
}

#[test]
fn a_test_that_ends_its_process_says_how_and_what_it_printed_last() {
    engines::need("sandbox");
    let overflows =
        "#[test]\nfn deep() { fn f(n: u64) -> u64 { std::hint::black_box(f(n + 1)) + 1 } f(0); }\n";
    let project = Project::new("app")
        .file("src/main.rs", "fn main() {}\n")
        .file("tests/it.rs", overflows);
    let tests = tested(&request(&project));
    let how = "the binary ended before the test did: SIGABRT";
    assert_eq!(cases(&tests), [format!("it (tests/it.rs) | deep: {how}")]);
    assert!(
        tests.junit("all").contains("overflowed its stack"),
        "{tests:?}"
    );
    assert_eq!(tests.unfinished().collect::<Vec<_>>(), ["deep"]);
}

#[test]
fn a_test_that_a_deadline_ends_is_no_green_report() {
    engines::need("sandbox");
    let waits = "#[test]\nfn quick() {}\n#[test]\nfn waits() { loop { std::thread::park() } }\n";
    let project = Project::new("app")
        .file("src/main.rs", "fn main() {}\n")
        .file("tests/a.rs", "#[test]\nfn first() {}\n")
        .file("tests/b.rs", waits);
    let binary = "b (tests/b.rs)";
    let error_case = format!("{binary} | {binary}: the binary did not finish its tests");
    let quick = format!("{binary} | quick");
    let first = "a (tests/a.rs) | first";
    for (args, serial, wanted) in [
        (&["--test", "b"][..], false, vec![&quick[..], &error_case]),
        (&["--tests"], true, vec![first, &quick, &error_case]),
        (&["--tests"], false, vec![first, &quick, &error_case]),
    ] {
        let request = request(&project)
            .jobs(4)
            .serial_tests(serial)
            .cargo_args(args.iter().copied());
        tested(&request.clone().args(["--list"]));
        let error = until_deadline(
            |cancel| request.run_until(cancel),
            |error| {
                let tests = error.tests();
                tests.is_some_and(|tests| cases(tests).contains(&quick))
            },
        );
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error:?}");
        let tests = error.tests().unwrap();
        // With one thread, the harness prints what it starts.
        let named = format!("{binary} | waits: the test did not end");
        let found = cases(tests).into_iter();
        let found = found.map(|case| {
            if case == named {
                error_case.clone()
            } else {
                case
            }
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            wanted,
            "{args:?} {serial}: {tests:?}"
        );
    }
}
