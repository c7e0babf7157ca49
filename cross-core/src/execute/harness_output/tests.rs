use super::*;
use crate::model::test_summary::MESSAGE;
use TestStatus::{Failed, Ignored, Passed, Unfinished};

fn read(text: &str) -> HarnessOutput {
    let (mut output, mut room) = (HarnessOutput::default(), Room::default());
    text.lines().for_each(|line| {
        output.read(line, &mut room);
    });
    output
}

fn results(results: &SuiteResults) -> Vec<(&str, TestStatus)> {
    let tests = results.tests.iter();
    tests
        .map(|test| (test.name.as_str(), test.status))
        .collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn end(passed: u64, failed: u64, ignored: u64) -> String {
    format!(
        "\ntest result: ok. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; 0 filtered out\n"
    )
}

#[test]
fn a_result_may_start_in_a_line_and_be_split_by_one() {
    let text = "running 5 tests\nabctest a ... ok\ntest b::c - should panic ... hello\nok\n\
                test d ... ignored, slow ... ok\n...test e ... test f ... FAILED\n\
                \nfailures:\n\n---- f stdout ----\ntest other ... FAILED\n\n\nfailures:\n    f\n";
    let got = read(&format!("{text}{}", end(3, 1, 1))).own();
    assert!(got.has_ended && got.is_complete, "{got:?}");
    let expected = [
        ("a", Passed),
        ("b::c", Passed),
        ("d", Ignored),
        ("e", Passed),
        ("f", Failed),
    ];
    assert_eq!(results(&got), expected);
    assert_eq!(got.failures, ["f"]);
}

#[test]
fn colors_and_names_with_spaces_are_read() {
    let text = "running 2 tests\ntest a ... \u{1b}[32mok\u{1b}[m\n\
                test src/lib.rs - a test (line 3) ... \u{1b}[31mFAILED\u{1b}(B\u{1b}[m\n\
                failures:\n    src/lib.rs - a test (line 3)\n\n\
                test result: \u{1b}[31mFAILED\u{1b}[m. 1 passed; 1 failed; 0 ignored\n";
    let got = read(text).own();
    assert!(got.is_complete, "{got:?}");
    assert_eq!(got.failures, ["src/lib.rs - a test (line 3)"]);
}

#[test]
fn times_are_those_that_the_harness_prints() {
    let text = "running 3 tests\ntest a ... ok <0.250s>\ntest b ... FAILED <1.000s>\ntest c ... ok\n\
                failures:\n    b\n\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; \
                0 filtered out; finished in 1.25s\n";
    let got = read(text).own();
    assert!(got.is_complete, "{got:?}");
    let times: Vec<_> = got.tests.iter().map(|test| test.duration).collect();
    let millis = |millis| Some(Duration::from_millis(millis));
    assert_eq!(times, [millis(250), millis(1000), None]);
    assert_eq!(got.totals.duration, millis(1250));
    for forged in ["-1s", "NaNs", "1e300s", "1.25"] {
        let text = text.replace("1.25s", forged);
        assert_eq!(read(&text).own().totals.duration, None, "{forged}");
    }
}

#[test]
fn a_suite_in_a_suite_is_not_counted() {
    let inner = format!(
        "\nrunning 2 tests\ntest x ... FAILED\ntest y ... ok\nfailures:\n    x\n{}",
        end(1, 1, 0)
    );
    let cut = "\nrunning 9 tests\ntest z ... ok\n";
    let text = format!(
        "running 2 tests\ntest a ... {inner}ok\n{cut}test b ... ok\n{}",
        end(2, 0, 0)
    );
    let output = read(&text);
    assert_eq!(output.ended(), [0]);
    let own = output.own();
    assert!(own.has_ended && !own.is_complete, "{own:?}");
    let got = output.named(&names(&["a", "b"]));
    assert!(got.has_ended && got.is_complete, "{got:?}");
    assert_eq!(results(&got), [("a", Passed), ("b", Passed)]);
    // On cargo's stream, a suite whose process died is followed by those of the next processes.
    let text = format!(
        "running 3 tests\ntest a ... ok\n{inner}\nrunning 1 test\ntest b ... ok\n{}",
        end(1, 0, 0)
    );
    assert_eq!(read(&text).ended(), [1, 2]);
}

#[test]
fn the_last_totals_that_fit_are_the_harnesss() {
    let lie = end(2, 1, 0);
    let text = format!(
        "running 3 tests\ntest a ... ok\n{lie}test b ... ok\ntest c ... ok\n{}{}",
        end(3, 0, 0),
        end(7, 7, 7)
    );
    let got = read(&text).own();
    assert!(got.is_complete, "{got:?}");
    assert_eq!((got.totals.passed, got.totals.failed), (3, 0));
    let text = format!(
        "running 2 tests\ntest a ... ok\nrunning 2 tests\ntest b ... ok\n{}",
        end(2, 0, 0)
    );
    let output = read(&text);
    assert!(!output.own().has_ended);
    let got = output.named(&names(&["a", "b"]));
    assert!(got.is_complete, "{got:?}");
}

#[test]
fn a_suite_after_totals_that_fit_is_still_an_inner_one() {
    let inner = format!("running 1 test\ntest x ... FAILED\n{}", end(0, 1, 0));
    let lie = end(1, 1, 0);
    let text = format!(
        "running 2 tests\n{lie}test a ... ok\n{inner}test b ... ok\n{}",
        end(2, 0, 0)
    );
    let output = read(&text);
    assert!(output.own().is_complete && output.is_ambiguous());
    let got = output.named(&names(&["a", "b"]));
    assert!(got.has_ended && got.is_complete, "{got:?}");
    assert_eq!((got.totals.passed, got.totals.failed), (2, 0));
}

#[test]
fn names_tell_results_from_what_looks_like_one() {
    let text = "running 4 tests\ntest other ... test a ... ok\ntest x test b ... ok\n\nfailures:\n    c\n\
                test c ... ok\ntest d ... ignored\ntest fake ... FAILED\n";
    let output = read(&format!("{text}{}", end(3, 0, 1)));
    assert!(!output.own().is_complete);
    let got = output.named(&names(&["a", "b", "c", "d"]));
    assert!(got.is_complete, "{got:?}");
    let mut found = results(&got);
    found.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(
        found,
        [("a", Passed), ("b", Passed), ("c", Passed), ("d", Ignored)]
    );
}

#[test]
fn a_harness_that_does_not_end_leaves_tests_unfinished() {
    let text = "running 4 tests\ntest a ... ok\ntest b ... FAILED\ntest c ... hello\n";
    // A test prints good totals and ends the process.
    for tail in ["", &end(4, 0, 0)[..]] {
        let got = read(&format!("{text}{tail}")).named(&names(&["a", "b", "c", "d"]));
        assert!(!got.has_ended, "{got:?}");
        let expected = [
            ("a", Passed),
            ("b", Failed),
            ("c", Unfinished),
            ("d", Unfinished),
        ];
        assert_eq!(results(&got), expected);
        assert_eq!((got.totals.passed, got.totals.failed), (1, 1));
    }
}

#[test]
fn what_is_stored_is_bounded() {
    let (mut output, mut room) = (HarnessOutput::default(), Room::new(8 << 10));
    for n in 0..10_000 {
        output.read("running 2 tests", &mut room);
        output.read(&format!("test t{n} ... ok"), &mut room);
        output.read("failures:", &mut room);
        output.read("    t", &mut room);
        output.read("test result: ok. 3 passed; 0 failed", &mut room);
    }
    assert!(room.is_full());
    assert!(output.suites.len() < 100 && output.candidates.len() < 100);
}

#[test]
fn a_failed_test_has_what_the_harness_says_of_it() {
    let text = "running 3 tests\ntest a ... ok\ntest b::c ... FAILED\ntest d ... FAILED\n\nfailures:\n\n\
                ---- b::c stdout ----\n\nthread 'b::c' panicked at src/lib.rs:3:5:\nno\u{1b}[31m way\n\n\
                ---- d stdout ----\nError: \"gone\"\n\n\nfailures:\n    b::c\n    d\n\n\
                test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
    let (mut output, mut room) = (HarnessOutput::default(), Room::default());
    for line in text.lines() {
        output.read(line, &mut room);
    }
    let results = output.own();
    let messages: Vec<_> = results
        .tests
        .iter()
        .map(|test| (test.name.as_str(), test.message.as_deref()))
        .collect();
    let expected = [
        ("a", None),
        (
            "b::c",
            Some("thread 'b::c' panicked at src/lib.rs:3:5:\nno way"),
        ),
        ("d", Some("Error: \"gone\"")),
    ];
    assert_eq!(messages, expected);
}

#[test]
fn an_ignored_test_has_its_reason() {
    let text = "running 3 tests\ntest a ... ignored\ntest b ... ignored, slow, \u{7}see test x\ntest c ... ok\n\n\
                test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out\n";
    let results = read(text).named(&names(&["a", "b", "c"]));
    let tests = results.tests.iter();
    let reasons: Vec<_> = tests
        .map(|test| (test.name.as_str(), test.message.as_deref()))
        .collect();
    let slow = "slow, \\u{7}see test x";
    assert_eq!(reasons, [("a", None), ("b", Some(slow)), ("c", None)]);
}

#[test]
fn the_message_of_a_test_is_bounded() {
    let mut text =
        "running 1 test\ntest a ... FAILED\n\nfailures:\n\n---- a stdout ----\n".to_owned();
    (0..100_000).for_each(|n| text += &format!("line {n}\n"));
    text += "failures:\n    a\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
    let (mut output, mut room) = (HarnessOutput::default(), Room::default());
    for line in text.lines() {
        output.read(line, &mut room);
    }
    let results = output.own();
    assert!(results.is_complete);
    assert_eq!(results.tests[0].message.as_ref().unwrap().len(), MESSAGE);
    assert!(!room.is_full());
}
