//! Reads the output of `cargo test`: libtest's results, and cargo's messages about test binaries.

use cross_engine::process::untrusted::Room;

use crate::model::test_summary::{TestBinary, TestResult, TestStatus, TestSummary};
use crate::target::emulator_crash::{Crash, CrashDetector, EmulatorKind};

/// Reads the output of `cargo test`.
///
/// libtest has no stable machine-readable format, so its summary lines are parsed. Their format has
/// not changed since Rust 1.0, except that fields were added at the end.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    summary: TestSummary,
    pub(crate) watch: CrashDetector,
    /// The binaries that cargo announced, in order.
    started: Vec<StartedBinary>,
    /// The number of results that were read before cargo's announcement of their binary.
    unassigned: usize,
    /// The tests of the binary that has not reported its results yet.
    tests: Vec<TestResult>,
    /// Whether a binary has started its tests and not reported its results yet.
    running: bool,
    /// The first binary that crashed or whose emulator crashed, and the crash.
    pub(crate) crash: Option<(String, Crash)>,
    room: Room,
}

/// A test binary, or the documentation tests of a library, that cargo announced.
#[derive(Clone, Debug)]
pub(crate) struct StartedBinary {
    /// The name in cargo's announcement.
    pub(crate) name: String,
    /// Whether it reported results.
    pub(crate) has_ended: bool,
}

impl StartedBinary {
    /// Whether these are documentation tests.
    pub(crate) fn is_documentation(&self) -> bool {
        self.name.starts_with(DOCUMENTATION)
    }

    /// Returns the file name of the test binary.
    pub(crate) fn file(&self) -> Option<&str> {
        let (_, path) = self.name.strip_suffix(')')?.rsplit_once('(')?;
        path.rsplit('/').next()
    }
}

/// The prefix of cargo's announcement of documentation tests.
const DOCUMENTATION: &str = "Doc-tests ";

/// The totals of one test binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BinaryResult {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Reader {
    pub(crate) fn new(emulator: EmulatorKind) -> Self {
        Reader {
            watch: CrashDetector::new(emulator),
            ..Self::default()
        }
    }

    /// Reads a line of either stream. Returns the totals if the line is the result line of a
    /// binary.
    pub(crate) fn read(&mut self, line: &str) -> Option<BinaryResult> {
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            self.running = false;
            let result = self.result(result);
            return Some(result);
        }
        if let Some(test) = test_result(line) {
            if self.room.take(2 * test.name.len()) {
                if test.status == TestStatus::Failed {
                    self.summary.failures.push(test.name.clone());
                }
                self.tests.push(test);
            }
        }
        if let Some(name) = started_name(line).filter(|name| self.room.take(2 * name.len())) {
            let has_ended = self.unassigned > 0;
            self.unassigned = self.unassigned.saturating_sub(1);
            self.started.push(StartedBinary {
                name: name.to_owned(),
                has_ended,
            });
        }
        self.running |= line.starts_with("running ") && line.contains(" test");
        self.watch.read(line);
        if line.contains("process didn't exit successfully: ") {
            let crash = self.watch.test_binary_crash(line, self.running);
            if let Some(crash) = crash.filter(|_| self.crash.is_none()) {
                self.crash = Some((binary_in(line), crash));
            }
            self.running = false;
        }
        None
    }

    /// Returns the results of all tests.
    pub(crate) fn summary(&self) -> TestSummary {
        let mut summary = self.summary.clone();
        // Cargo's announcements and the results are on two streams, and either may be read first.
        // They match by their order, unless a binary without libtest's harness reported nothing.
        // Then the last announcement before a result is most likely that of its binary.
        if self.started.len() == summary.binaries.len() {
            for (binary, name) in summary.binaries.iter_mut().zip(&self.started) {
                binary.name.clone_from(&name.name);
            }
        }
        summary
    }

    /// Returns the binaries that cargo announced, in order.
    pub(crate) fn started(&self) -> &[StartedBinary] {
        &self.started
    }

    /// Whether some output was not stored because of its size.
    pub(crate) fn is_full(&self) -> bool {
        self.room.is_full()
    }

    /// Assigns a result to a binary: to the last one without a result, since the announcements are
    /// on another stream. Documentation tests may report more than once.
    fn assign_result(&mut self) {
        let is_documentation = self.tests.iter().any(is_documentation_test);
        let mut waiting = self.started.iter_mut().rev();
        let matches = |binary: &&mut StartedBinary| {
            !binary.has_ended && binary.is_documentation() == is_documentation
        };
        match waiting.find(matches) {
            Some(binary) => binary.has_ended = true,
            None if is_documentation => {}
            None => {
                // A library without documentation tests reports a result as well.
                let mut waiting = self.started.iter_mut().rev();
                match waiting.find(|binary| !binary.has_ended) {
                    Some(binary) => binary.has_ended = true,
                    None => self.unassigned += 1,
                }
            }
        }
    }

    fn result(&mut self, line: &str) -> BinaryResult {
        let count = |what: &str| {
            line.split([';', '.'])
                .filter_map(|part| part.trim().strip_suffix(what))
                .find_map(|number| number.trim().parse().ok())
                .unwrap_or(0)
        };
        let result = BinaryResult {
            passed: count("passed"),
            failed: count("failed"),
        };
        self.assign_result();
        let name = self.started.last().map(|binary| binary.name.clone());
        if !self.room.take(name.as_ref().map_or(0, String::len)) {
            self.summary
                .count(result.passed, result.failed, count("ignored"));
            self.tests.clear();
            return result;
        }
        self.summary.add(TestBinary {
            name: name.unwrap_or_default(),
            passed: result.passed,
            failed: result.failed,
            ignored: count("ignored"),
            tests: std::mem::take(&mut self.tests),
        });
        result
    }
}

/// Returns the name in cargo's announcement of a binary.
fn started_name(line: &str) -> Option<&str> {
    if line.starts_with(DOCUMENTATION) {
        return Some(line);
    }
    let name = line.strip_prefix("Running ")?;
    name.ends_with(')').then_some(name)
}

/// Parses the result line of a test: `test a::b ... ok`, `test c ... ignored, reason`.
fn test_result(line: &str) -> Option<TestResult> {
    let (name, status) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let status = match status.split([',', ' ']).next()? {
        "ok" => TestStatus::Passed,
        "FAILED" => TestStatus::Failed,
        "ignored" => TestStatus::Ignored,
        _ => return None,
    };
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    Some(TestResult {
        name: name.to_owned(),
        status,
    })
}

/// Whether the name is that of a documentation test: `src/lib.rs - module::item (line 3)`.
fn is_documentation_test(test: &TestResult) -> bool {
    test.name.contains(" - ") && test.name.contains("(line ")
}

/// Returns the file name of the test binary in cargo's message about its failure. The binary is
/// between the runner and the binary's arguments.
fn binary_in(line: &str) -> String {
    let command = line.split('`').nth(1).unwrap_or(line);
    let is_binary = |arg: &&str| arg.contains("/deps/");
    let path = command.split(' ').find(is_binary).unwrap_or(command);
    let name = path.trim_matches(['\'', '"']).rsplit('/').next();
    name.unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reader {
        let mut reader = Reader::new(EmulatorKind::Qemu);
        text.lines().for_each(|line| {
            reader.read(line);
        });
        reader
    }

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
        let mut reader = Reader::new(EmulatorKind::None);
        reader.room = Room::new(8 << 10);
        for n in 0..1000 {
            reader.read(&format!("test t{n} ... FAILED"));
            reader.read("Running tests/it.rs (it-2)");
            reader.read("test result: FAILED. 0 passed; 1 failed;");
        }
        assert!(reader.is_full());
        let summary = reader.summary();
        assert_eq!(summary.failed, 1000, "totals need no storage");
        assert!(
            summary.binaries.len() < 20
                && summary.failures.len() < 20
                && reader.started().len() < 20
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
        let mut native = Reader::new(EmulatorKind::None);
        native.read(DIED);
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
            let mut reader = Reader::new(EmulatorKind::Wine);
            let lines = format!("{before}{ended}");
            for line in lines.lines() {
                reader.read(line);
            }
            assert_eq!(reader.crash.is_none(), has_started, "{before}");
        }
    }
}
