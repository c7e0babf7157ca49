use cross_engine::process::output;
use cross_engine::{Cancel, Invocation};
use roxmltree::{Document, Node};

use super::*;

fn test(name: &str, status: TestStatus, message: Option<&str>) -> TestResult {
    TestResult {
        duration: Some(Duration::from_millis(1500)),
        ..TestResult::new(name, status).with_message(message)
    }
}

fn exit_status(status: u8) -> Exit {
    let run = Invocation::new("sh").args(["-c".to_owned(), format!("exit {status}")]);
    let variables = [("PATH".into(), "/usr/bin:/bin".into())];
    output(&run, &variables.into(), &Cancel::new())
        .unwrap()
        .exit
}

fn summary() -> TestSummary {
    let mut summary = TestSummary::default();
    let panic = "thread 'b' panicked at src/lib.rs:1:5:\na < b & \"c\" ]]>\u{1}\n";
    summary.add(TestBinary {
        name: "unittests src/lib.rs (target/debug/deps/app-0123456789abcdef)".to_owned(),
        passed: 3,
        failed: 1,
        ignored: 1,
        tests: vec![
            test("a", TestStatus::Passed, None),
            test("it::<b>", TestStatus::Failed, Some(panic)),
            test("c", TestStatus::Ignored, None),
            test("d", TestStatus::Unfinished, None),
        ],
        duration: Some(Duration::from_secs(2)),
        ..TestBinary::default()
    });
    summary.add(TestBinary {
        name: "tests/own.rs".to_owned(),
        exit: Some(exit_status(3)),
        ..TestBinary::default()
    });
    summary.not_run = vec!["late-0123456789abcdef.exe".to_owned()];
    summary
}

/// The elements that JUnit's schema has below each other, with the attributes that it requires.
fn check(node: Node<'_, '_>) {
    let (children, required): (&[&str], &[&str]) = match node.tag_name().name() {
        "testsuites" => (&["testsuite"], &["tests", "failures", "errors"]),
        "testsuite" => (
            &["properties", "testcase"],
            &["name", "tests", "failures", "errors", "skipped"],
        ),
        "testcase" => (&["failure", "error", "skipped"], &["name", "classname"]),
        "failure" | "error" => (&[], &["message", "type"]),
        "skipped" => (&[], &["message"]),
        "properties" => (&["property"], &[]),
        "property" => (&[], &["name", "value"]),
        other => panic!("{other}"),
    };
    for name in required {
        assert!(node.has_attribute(*name), "{name} of {node:?}");
    }
    for child in node.children().filter(Node::is_element) {
        assert!(children.contains(&child.tag_name().name()), "{child:?}");
        check(child);
    }
    for (attribute, element) in [
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
    ] {
        if let Some(said) = node.attribute(attribute) {
            let all = node.descendants().filter(|it| it.has_tag_name(element));
            assert_eq!(said, all.count().to_string(), "{attribute} of {node:?}");
        }
    }
}

#[test]
fn every_result_is_in_the_report() {
    let xml = summary().junit("aarch64 & more");
    let document = Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    check(document.root_element());
    let root = document.root_element();
    assert_eq!(root.attribute("name"), Some("aarch64 & more"));
    let counts = ["tests", "failures", "errors", "skipped", "time"];
    let counts = counts.map(|name| root.attribute(name).unwrap());
    assert_eq!(counts, ["6", "1", "2", "2", "2.000"]);
    let find = |name: &str| {
        let mut all = document.descendants();
        all.find(|node| node.attribute("name") == Some(name) && node.has_tag_name("testcase"))
            .unwrap_or_else(|| panic!("{name} in {xml}"))
    };
    let failed = find("it::<b>");
    assert_eq!(failed.attribute("time"), Some("1.500"));
    let failure = failed.first_element_child().unwrap();
    assert_eq!(
        failure.attribute("message"),
        Some("a < b & \"c\" ]]>\\u{1}")
    );
    assert!(failure.text().unwrap().contains("src/lib.rs:1:5"));
    let own = find("tests/own.rs").first_element_child().unwrap();
    assert_eq!(own.attribute("message"), Some("exit status 3"));
    assert!(
        find("late")
            .first_element_child()
            .unwrap()
            .has_tag_name("skipped")
    );
    assert!(
        xml.contains("<property name=\"unnamed\" value=\"2\"/>"),
        "{xml}"
    );
}

#[test]
fn a_binary_that_fails_after_its_results_is_an_error() {
    let mut summary = TestSummary::default();
    summary.add(TestBinary {
        name: "tests/it.rs (target/debug/deps/it-0123456789abcdef)".to_owned(),
        passed: 1,
        ignored: 1,
        tests: vec![
            test("a", TestStatus::Passed, None),
            test("b", TestStatus::Ignored, None),
        ],
        exit: Some(exit_status(3)),
        ..TestBinary::default()
    });
    let xml = summary.junit("all");
    let document = Document::parse(&xml).unwrap();
    let counts = ["tests", "failures", "errors", "skipped"];
    let counts = counts.map(|name| document.root_element().attribute(name).unwrap());
    assert_eq!(counts, ["3", "0", "1", "1"], "{xml}");
}

/// The cases of a report: the class, the name, and what is below it, with its message.
fn cases(summary: &TestSummary) -> Vec<String> {
    let xml = summary.junit("all");
    let document = Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    check(document.root_element());
    let all = document.descendants();
    let all = all.filter(|node| node.has_tag_name("testcase"));
    let shown = all.map(|node| {
        let [class, name] = ["classname", "name"].map(|key| node.attribute(key).unwrap());
        let result = node.first_element_child().map(|below| {
            let message = below.attribute("message").unwrap();
            format!(": {} {message}", below.tag_name().name())
        });
        format!("{class} | {name}{}", result.unwrap_or_default())
    });
    shown.collect()
}

#[test]
fn a_binary_that_did_not_end_is_an_error_and_keeps_what_passed() {
    let mut summary = TestSummary::default();
    let stopped = TestBinary {
        name: "tests/it.rs (t/deps/it-0123456789abcdef)".to_owned(),
        passed: 1,
        tests: vec![test("quick", TestStatus::Passed, None)],
        incomplete: true,
        ..TestBinary::default()
    };
    summary.add(stopped.clone());
    summary.add(TestBinary {
        name: "Doc-tests app".to_owned(),
        passed: 1,
        tests: vec![test("src/lib.rs - f (line 1)", TestStatus::Passed, None)],
        ..TestBinary::default()
    });
    assert_eq!(
        cases(&summary),
        [
            "it (tests/it.rs) | quick",
            "it (tests/it.rs) | it (tests/it.rs): error the binary did not finish its tests",
            "Doc-tests app | src/lib.rs - f (line 1)",
        ]
    );
    let mut summary = TestSummary::default();
    let tests = vec![
        test("quick", TestStatus::Passed, None),
        test("hangs", TestStatus::Unfinished, None),
    ];
    summary.add(TestBinary { tests, ..stopped });
    let named = cases(&summary);
    assert_eq!(named.len(), 2, "{named:?}");
    assert!(
        named[1].ends_with("| hangs: error the test did not end"),
        "{named:?}"
    );
}

#[test]
fn an_error_says_how_the_binary_ended_and_what_it_printed_last() {
    let mut summary = TestSummary::default();
    let tail = Some("thread 'b' has overflowed its stack\n".to_owned());
    summary.add(TestBinary {
        name: "tests/it.rs".to_owned(),
        tests: vec![
            test("a", TestStatus::Unfinished, None),
            test("b", TestStatus::Unfinished, None),
        ],
        exit: Some(exit_status(3)),
        incomplete: true,
        tail: tail.clone(),
        ..TestBinary::default()
    });
    summary.add(TestBinary {
        name: "tests/own.rs".to_owned(),
        exit: Some(exit_status(3)),
        is_silent: true,
        tail,
        ..TestBinary::default()
    });
    assert_eq!(end(exit_status(134)), "SIGABRT");
    let how = "error the binary ended before the test did: exit status 3";
    assert_eq!(
        cases(&summary),
        [
            format!("tests/it.rs | a: {how}"),
            format!("tests/it.rs | b: {how}"),
            "tests/own.rs | tests/own.rs: error exit status 3".to_owned(),
        ]
    );
    let xml = summary.junit("all");
    assert_eq!(xml.matches("has overflowed its stack").count(), 2, "{xml}");
}

#[test]
fn a_binary_without_tests_is_one_case_of_one_name() {
    let name = "tests/own.rs (t/deps/own-0123456789abcdef)";
    let silent = |exit| {
        let mut summary = TestSummary::default();
        summary.add(TestBinary {
            name: name.to_owned(),
            is_silent: true,
            exit,
            ..TestBinary::default()
        });
        cases(&summary)
    };
    let success = exit_status(0);
    let mut not_run = TestSummary::default();
    let file = "own-0123456789abcdef".to_owned();
    not_run.not_run_names.insert(file.clone(), name.to_owned());
    not_run.not_run = vec![file];
    let case = "own (tests/own.rs) | own (tests/own.rs)";
    assert_eq!(silent(Some(success)), [case]);
    assert_eq!(
        silent(Some(exit_status(3))),
        [format!("{case}: error exit status 3")]
    );
    let skipped = format!("{case}: skipped the binary was not started");
    assert_eq!(cases(&not_run), [skipped]);
    let mut quiet = TestSummary::default();
    quiet.add(TestBinary {
        name: "own-0123456789abcdef".to_owned(),
        is_silent: true,
        exit: Some(success),
        ..TestBinary::default()
    });
    assert_eq!(cases(&quiet), ["own | own"]);
}

#[test]
fn an_ignored_test_has_its_reason() {
    let mut summary = TestSummary::default();
    let slow = TestResult::new("a", TestStatus::Ignored).with_reason(Some("slow"));
    summary.add(TestBinary {
        name: "Doc-tests app".to_owned(),
        ignored: 2,
        tests: vec![slow, test("b", TestStatus::Ignored, None)],
        ..TestBinary::default()
    });
    let class = "Doc-tests app";
    let expected = [("a", "slow"), ("b", "ignored")];
    let expected = expected.map(|(name, why)| format!("{class} | {name}: skipped {why}"));
    assert_eq!(cases(&summary), expected);
}

#[test]
fn a_test_has_the_same_name_in_every_build() {
    let report = |hash: &str, dir: &str| {
        let mut summary = TestSummary::default();
        for name in [
            format!("unittests src/lib.rs ({dir}/app_lib-{hash})"),
            format!("tests/it.rs ({dir}/it-{hash}.exe)"),
            format!("tests/it.rs ({dir}/it-{hash})"),
            "Doc-tests app".to_owned(),
        ] {
            summary.add(TestBinary {
                name,
                passed: 1,
                tests: vec![test("a", TestStatus::Passed, None)],
                ..TestBinary::default()
            });
        }
        summary.junit("all")
    };
    let classes = |xml: &str| -> Vec<String> {
        let document = Document::parse(xml).unwrap();
        let all = document.descendants();
        let cases = all.filter(|node| node.has_tag_name("testcase"));
        let class = |node: Node<'_, '_>| node.attribute("classname").unwrap().to_owned();
        cases.map(class).collect()
    };
    let first = classes(&report("0123456789abcdef", "target/debug/deps"));
    assert_eq!(
        first,
        [
            "app_lib (unittests src/lib.rs)",
            "it (tests/it.rs)",
            "it (tests/it.rs) #2",
            "Doc-tests app"
        ]
    );
    let second = report("fedcba9876543210", "D:\\target\\debug\\deps");
    assert_eq!(classes(&second.replace("deps/", "deps\\")), first);
}

#[test]
fn no_text_ends_the_document_or_an_attribute() {
    for text in ["\u{0}\u{b}\u{ffff}", "]]>", "\"><x a=\"", "&#0;", "a\r\nb"] {
        let mut summary = TestSummary::default();
        summary.add(TestBinary {
            name: text.to_owned(),
            failed: 1,
            tests: vec![test(text, TestStatus::Failed, Some(text))],
            ..TestBinary::default()
        });
        let xml = summary.junit(text);
        let document = Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
        check(document.root_element());
    }
}
