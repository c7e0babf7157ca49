use super::*;

fn read(text: &str) -> Reader {
    read_into(Reader::new(EmulatorKind::Qemu, &[]), text)
}

/// Reads the lines of cargo's messages and of harnesses, each on its stream.
fn read_into(mut reader: Reader, text: &str) -> Reader {
    for line in text.lines() {
        let start = line.trim_start();
        let is_result = start.starts_with("test ") || start.starts_with("running ");
        let stream = if is_result {
            Stream::Stdout
        } else {
            Stream::Stderr
        };
        reader.read(stream, line);
    }
    reader
}

use crate::model::test_summary::TestStatus;

#[test]
fn results_of_all_binaries_are_summed() {
    let got = read(
        "     Running unittests src/lib.rs (target/debug/deps/app-1)\n\
         running 3 tests\ntest a - should panic ... ok\ntest b::c ... FAILED\ntest d ... ignored, slow\n\
         test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
         Doc-tests app\ntest src/lib.rs - f (line 3) ... ok\n\
         test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s\n",
    );
    let summary = got.summary();
    assert_eq!(
        (summary.passed, summary.failed, summary.ignored),
        (13, 1, 1)
    );
    let [unit, doc] = &summary.binaries[..] else {
        panic!("{:?}", summary.binaries);
    };
    assert_eq!(unit.name, "unittests src/lib.rs (target/debug/deps/app-1)");
    assert_eq!((unit.passed, unit.failed, unit.ignored), (1, 1, 1));
    let names: Vec<_> = unit
        .tests
        .iter()
        .map(|test| (&test.name[..], test.status))
        .collect();
    use TestStatus::{Failed, Ignored, Passed};
    assert_eq!(names, [("a", Passed), ("b::c", Failed), ("d", Ignored)]);
    assert_eq!(doc.name, "Doc-tests app");
    assert_eq!(doc.tests[0].name, "src/lib.rs - f (line 3)");
    assert_eq!(summary.failures, ["b::c"]);
    assert!(got.crash.is_none());
}

/// Cargo's configuration may make the harness brief, which only the words of the binary tell.
#[test]
fn the_words_of_a_binary_say_whether_it_prints_names() {
    let output =
        "running 2 tests\n.. 2/2\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured;";
    for (words, needs_names) in [
        (None, true),
        (Some(&["--test-threads=1"][..]), true),
        (Some(&["--quiet"][..]), false),
        (Some(&["--format", "terse"][..]), false),
    ] {
        let words: Option<Vec<String>> =
            words.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        let mut reader = Reader::new(EmulatorKind::None, &[]);
        reader.start("it-1", true, words.as_deref());
        for line in output.lines() {
            reader.read_binary(Stream::Stdout, line);
        }
        let success = cross_engine::TestExit::exited(0).exit();
        assert_eq!(
            reader.end(success, Duration::from_millis(20)),
            needs_names,
            "{words:?}"
        );
        assert_eq!(reader.summary().passed, 2, "{words:?}");
        assert_eq!(reader.doubts().is_empty(), !needs_names, "{words:?}");
    }
}

#[test]
fn a_stopped_run_names_the_tests_that_were_running() {
    let mut reader = Reader::new(EmulatorKind::None, &[]);
    reader.start("slow-1", true, None);
    for line in [
        "running 3 tests",
        "test a ... ok",
        "test b has been running for over 60 seconds",
        "test c ... ",
    ] {
        reader.read_binary(Stream::Stdout, line);
    }
    assert_eq!(
        reader.running(),
        ["`slow-1` (before these tests finished: b, c)"]
    );
    assert_eq!(reader.summary().passed, 1);
    // A slow test that ends has its result.
    for line in [
        "test b ... ok",
        "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured;",
    ] {
        reader.read_binary(Stream::Stdout, line);
    }
    let names = reader.summary().binaries.remove(0).tests;
    let status = |name: &str| names.iter().find(|test| test.name == name).unwrap().status;
    assert_eq!(["a", "b"].map(status), [TestStatus::Passed; 2]);
}

/// Documentation tests that share a process, one of which ends it.
#[test]
fn a_harness_that_is_cut_keeps_the_results_until_then() {
    let reader = read(
        "     Running tests/it.rs (t/deps/it-2)\nrunning 1 test\ntest a ... ok\n\
         test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured;\n   Doc-tests app\n\
         running 4 tests\ntest src/lib.rs - (line 1) ... ok\ntest src/lib.rs - (line 4) ... FAILED\n\
         test src/lib.rs - (line 7) ... \nerror: doctest failed, to rerun pass `--doc`\n",
    );
    let summary = reader.summary();
    assert_eq!((summary.passed, summary.failed), (2, 1));
    assert_eq!(summary.failures, ["src/lib.rs - (line 4)"]);
    let cut = summary.binaries.last().unwrap();
    assert_eq!(cut.name, "Doc-tests app");
    assert_eq!(cut.tests.last().unwrap().status, TestStatus::Unfinished);
}

#[test]
fn documentation_tests_have_the_names_of_the_list_of_failures() {
    let reader = read(
        "running 3 tests\ntest src/lib.rs - (line 1) - compile ... ok\n\
         test src/lib.rs - (line 4) - compile fail ... ok\n\
         test src/lib.rs - f (line 7) - should panic ... ok\n\
         test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured;\n",
    );
    let summary = reader.summary();
    let tests = summary.binaries[0].tests.iter();
    let names: Vec<_> = tests.map(|test| &test.name[..]).collect();
    assert_eq!(
        names,
        [
            "src/lib.rs - (line 1)",
            "src/lib.rs - (line 4)",
            "src/lib.rs - f (line 7)"
        ]
    );
}

/// For each announced binary, whether it reported results.
fn ended(text: &str) -> Vec<bool> {
    let reader = read(text);
    reader
        .started()
        .iter()
        .map(|binary| binary.has_ended)
        .collect()
}

#[test]
fn a_binary_has_ended_when_its_results_are_read() {
    let [a, b] = [
        "Running unittests src/lib.rs (t/deps/a-1)",
        "Running tests/it.rs (t/deps/it-2)",
    ];
    let doc = "Doc-tests app";
    let result = "test result: ok. 1 passed; 0 failed;";
    let of_doc = "test src/lib.rs - f (line 3) ... ok\ntest result: ok. 1 passed; 0 failed;";
    for (lines, expected) in [
        (
            vec![a, result, b, result, doc, of_doc],
            vec![true, true, true],
        ),
        // Announcements may be read before or after the results.
        (
            vec![a, b, doc, result, result, of_doc],
            vec![true, true, true],
        ),
        (vec![result, a, b, result], vec![true, true]),
        (vec![a, b, result], vec![false, true]),
        (vec![a, result, b], vec![true, false]),
        // Rustdoc reports twice if it merges a part of the documentation tests.
        (vec![a, doc, of_doc, of_doc], vec![false, true]),
        (vec![a, result, doc, result], vec![true, true]),
    ] {
        assert_eq!(ended(&lines.join("\n")), expected, "{lines:?}");
    }
    let reader = read(b);
    assert_eq!(reader.started()[0].file(), Some("it-2"));
}

#[test]
fn forged_totals_and_endless_names_are_bounded() {
    let most = format!("test result: ok. {0} passed; {0} failed;", u64::MAX);
    let summary = read(&format!("{most}\n{most}")).summary();
    assert_eq!((summary.passed, summary.ran()), (u64::MAX, u64::MAX));
    let mut reader = Reader::new(EmulatorKind::None, &[]);
    reader.room = Room::new(8 << 10);
    for n in 0..1000 {
        reader.read(Stream::Stdout, &format!("test t{n} ... FAILED"));
        reader.read(Stream::Stderr, "Running tests/it.rs (it-2)");
        reader.read(Stream::Stdout, "test result: FAILED. 0 passed; 1 failed;");
    }
    assert!(reader.is_full());
    let summary = reader.summary();
    assert_eq!(summary.failed, 1000, "totals need no storage");
    assert!(
        summary.binaries.len() < 20 && summary.failures.len() < 20 && reader.started().len() < 20
    );
}

#[test]
fn results_get_the_right_names_whichever_stream_is_read_first() {
    let results = [
        "test result: ok. 1 passed; 0 failed;",
        "test result: ok. 2 passed; 0 failed;",
    ];
    let names = [
        "     Running unittests src/lib.rs (a-1)",
        "     Running tests/it.rs (it-2)",
    ];
    for [a, b, c, d] in [
        [names[0], results[0], names[1], results[1]],
        [names[0], names[1], results[0], results[1]],
        [results[0], names[0], names[1], results[1]],
    ] {
        let summary = read(&[a, b, c, d].join("\n")).summary();
        let named: Vec<_> = summary
            .binaries
            .iter()
            .map(|binary| (&binary.name[..], binary.passed))
            .collect();
        let expected = [("unittests src/lib.rs (a-1)", 1), ("tests/it.rs (it-2)", 2)];
        assert_eq!(named, expected);
    }
    // The first binary has a custom harness.
    let summary = read(&[names[0], names[1], results[1]].join("\n")).summary();
    assert_eq!(summary.binaries[0].name, "tests/it.rs (it-2)");
}

const DIED: &str = "process didn't exit successfully: `/c/run-x /w/t/debug/deps/app-0a1b --nocapture` (signal: 11, SIGSEGV: invalid memory reference)";

#[test]
fn a_crash_names_its_binary() {
    let message = "qemu: uncaught target signal 11 (Segmentation fault) - core dumped";
    let (binary, crash) = read(&format!("{message}\n{DIED}")).crash.unwrap();
    assert_eq!(binary, "app-0a1b");
    assert_eq!(
        crash,
        Crash::Program("was terminated by SIGSEGV".to_owned())
    );
    let (_, crash) = read(DIED).crash.unwrap();
    assert!(matches!(crash, Crash::Emulator(_)), "{crash:?}");
    let native = read_into(Reader::new(EmulatorKind::None, &[]), DIED);
    let (_, crash) = native.crash.unwrap();
    assert!(matches!(crash, Crash::Program(_)), "{crash:?}");
}

#[test]
fn failed_tests_are_no_crash() {
    let failed = DIED.replace(
        "signal: 11, SIGSEGV: invalid memory reference",
        "exit status: 101",
    );
    assert_eq!(read(&format!("running 1 test\n{failed}")).crash, None);
}

#[test]
fn a_wine_process_that_ends_before_its_first_test_did_not_start() {
    let ended = "process didn't exit successfully: `run /w/deps/app-1.exe` (exit status: 53)";
    for (before, has_started) in [("", false), ("running 2 tests\n", true)] {
        let reader = Reader::new(EmulatorKind::Wine, &[]);
        let reader = read_into(reader, &format!("{before}{ended}"));
        assert_eq!(reader.crash.is_none(), has_started, "{before}");
    }
}

/// wasm-bindgen's test runner says of a binary without tests that it has none. Nobody else's words
/// for it end a harness.
#[test]
fn a_binary_without_tests_has_ended_where_wasm_bindgens_runner_says_so() {
    for (emulator, has_ended) in [
        (EmulatorKind::WasmBindgen, true),
        (EmulatorKind::None, false),
    ] {
        let mut reader = Reader::new(emulator, &[]);
        reader.start("app-1.wasm", true, None);
        reader.read_binary(Stream::Stdout, "no tests to run!");
        let success = cross_engine::TestExit::exited(0).exit();
        reader.end(success, Duration::from_millis(20));
        assert_eq!(reader.totals().is_some(), has_ended, "{emulator:?}");
        assert_eq!(reader.summary().ran(), 0);
    }
}

#[test]
fn a_binary_that_was_stopped_or_crashed_has_its_last_lines() {
    let mut reader = Reader::new(EmulatorKind::None, &[]);
    let lines = |reader: &mut Reader, text: &str| {
        for line in text.lines() {
            reader.read_binary(Stream::Stdout, line);
        }
        reader.read_binary(Stream::Stderr, "the end");
    };
    let well = "running 1 test\ntest a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored;";
    let failed = "running 1 test\ntest a ... FAILED\nfailures:\n    a\ntest result: FAILED. 0 passed; 1 failed; 0 ignored;";
    let cut = "running 2 tests\ntest a ... ok";
    for (file, has_libtest, text, status) in [
        ("well", true, well, Some(0)),
        ("failed", true, failed, Some(101)),
        ("early", true, cut, Some(0)),
        ("own", false, "", Some(3)),
        ("fine", false, "", Some(0)),
        ("stopped", true, cut, None),
    ] {
        reader.start(file, has_libtest, None);
        lines(&mut reader, text);
        if let Some(status) = status {
            let exit = cross_engine::TestExit::exited(status).exit();
            reader.end(exit, Duration::ZERO);
        }
    }
    let summary = reader.summary();
    let found = summary.binaries.iter().map(|binary| {
        let tail = binary.tail.as_deref();
        let (incomplete, is_silent) = (binary.incomplete, binary.is_silent);
        (&*binary.name, incomplete, is_silent, tail)
    });
    let cut = Some("running 2 tests\ntest a ... ok\nthe end\n");
    let expected = [
        ("well", false, false, None),
        ("failed", false, false, None),
        ("early", true, false, cut),
        ("own", false, true, Some("the end\n")),
        ("fine", false, true, None),
        ("stopped", true, false, cut),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
