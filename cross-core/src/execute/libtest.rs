//! What a test harness prints, and what cargo says of a test binary that did not end by itself.

use cross_engine::process::untrusted::Room;

use crate::model::test_summary::{TestBinary, TestResult, TestStatus, TestSummary};
use crate::target::emulator_crash::{Crash, CrashDetector, EmulatorKind};

/// Reads the output of `cargo test`.
///
/// libtest has no stable machine-readable form, so its summary lines are read: their shape has not
/// changed since Rust 1.0, fields were only added at the end.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    summary: TestSummary,
    pub(crate) watch: CrashDetector,
    /// What cargo said that it runs, in order.
    begun: Vec<Begun>,
    /// How many results were read before cargo's words on whose they are.
    unclaimed: usize,
    /// The tests of the binary that has not reported its results yet.
    tests: Vec<TestResult>,
    /// Whether a binary has begun to run tests and not reported its results.
    running: bool,
    /// The binary that crashed first, or whose emulator did, and how.
    pub(crate) crash: Option<(String, Crash)>,
    room: Room,
}

/// A test binary, or a library's documentation tests, that cargo said it runs.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    /// In cargo's words.
    pub(crate) name: String,
    /// Whether its harness reported results.
    pub(crate) has_ended: bool,
}

impl Begun {
    /// Whether it is documentation, which is run by rustdoc.
    pub(crate) fn is_documentation(&self) -> bool {
        self.name.starts_with(DOCUMENTATION)
    }

    /// The file name of the test binary.
    pub(crate) fn file(&self) -> Option<&str> {
        let (_, path) = self.name.strip_suffix(')')?.rsplit_once('(')?;
        path.rsplit('/').next()
    }
}

/// How cargo begins to tell of documentation tests.
const DOCUMENTATION: &str = "Doc-tests ";

/// The numbers of one test binary.
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

    /// Reads a line of either stream; says so when it closes a binary's results.
    pub(crate) fn read(&mut self, line: &str) -> Option<BinaryResult> {
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            self.running = false;
            let result = self.result(result);
            return Some(result);
        }
        if let Some(test) = test(line) {
            if self.room.take(2 * test.name.len()) {
                if test.status == TestStatus::Failed {
                    self.summary.failures.push(test.name.clone());
                }
                self.tests.push(test);
            }
        }
        if let Some(name) = begun(line).filter(|name| self.room.take(2 * name.len())) {
            let has_ended = self.unclaimed > 0;
            self.unclaimed = self.unclaimed.saturating_sub(1);
            self.begun.push(Begun {
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

    /// Everything that was read.
    pub(crate) fn summary(&self) -> TestSummary {
        let mut summary = self.summary.clone();
        // Cargo's words and the results come by two streams, of which either may be read first.
        // They belong together in their order, unless a binary without libtest's harness reported
        // nothing: then the name that was read last before a result is most likely its.
        if self.begun.len() == summary.binaries.len() {
            for (binary, name) in summary.binaries.iter_mut().zip(&self.begun) {
                binary.name.clone_from(&name.name);
            }
        }
        summary
    }

    /// What cargo said that it runs, in order, and whether each reported results.
    pub(crate) fn begun(&self) -> &[Begun] {
        &self.begun
    }

    /// Whether more was printed than is kept.
    pub(crate) fn is_full(&self) -> bool {
        self.room.is_full()
    }

    /// Notes that somebody's results were read: those of the last one that has none, since what it
    /// is said before and after comes by another stream. Documentation reports more than once.
    fn claim(&mut self) {
        let is_documentation = self.tests.iter().any(is_documentation_test);
        let mut waiting = self.begun.iter_mut().rev();
        let claims =
            |begun: &&mut Begun| !begun.has_ended && begun.is_documentation() == is_documentation;
        match waiting.find(claims) {
            Some(begun) => begun.has_ended = true,
            None if is_documentation => {}
            None => {
                // Documentation without any test reports as well.
                let mut waiting = self.begun.iter_mut().rev();
                match waiting.find(|begun| !begun.has_ended) {
                    Some(begun) => begun.has_ended = true,
                    None => self.unclaimed += 1,
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
        self.claim();
        let name = self.begun.last().map(|begun| begun.name.clone());
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

/// What cargo says that it runs now.
fn begun(line: &str) -> Option<&str> {
    if line.starts_with(DOCUMENTATION) {
        return Some(line);
    }
    let name = line.strip_prefix("Running ")?;
    name.ends_with(')').then_some(name)
}

/// A test that ended, where `line` says so: `test a::b ... ok`, `test c ... ignored, why`.
fn test(line: &str) -> Option<TestResult> {
    let (name, word) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let status = match word.split([',', ' ']).next()? {
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

/// Whether rustdoc gave the test its name: `src/lib.rs - module::item (line 3)`.
fn is_documentation_test(test: &TestResult) -> bool {
    test.name.contains(" - ") && test.name.contains("(line ")
}

/// The file name of the test binary in cargo's words on its end: it comes after the runner, before
/// its own arguments.
fn binary_in(line: &str) -> String {
    let command = line.split('`').nth(1).unwrap_or(line);
    let is_binary = |word: &&str| word.contains("/deps/");
    let word = command.split(' ').find(is_binary).unwrap_or(command);
    let name = word.trim_matches(['\'', '"']).rsplit('/').next();
    name.unwrap_or(word).to_owned()
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
            .map(|it| (&it.name[..], it.status))
            .collect();
        use TestStatus::{Failed, Ignored, Passed};
        assert_eq!(names, [("a", Passed), ("b::c", Failed), ("d", Ignored)]);
        assert_eq!(doc.name, "Doc-tests app");
        assert_eq!(doc.tests[0].name, "src/lib.rs - f (line 3)");
        assert_eq!(summary.failures, ["b::c"]);
        assert!(got.crash.is_none());
    }

    /// Of each thing that cargo said it runs, whether it has ended.
    fn ended(text: &str) -> Vec<bool> {
        let reader = read(text);
        reader.begun().iter().map(|begun| begun.has_ended).collect()
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
            // Cargo's words may be read before or after the results.
            (
                vec![a, b, doc, result, result, of_doc],
                vec![true, true, true],
            ),
            (vec![result, a, b, result], vec![true, true]),
            (vec![a, b, result], vec![false, true]),
            (vec![a, result, b], vec![true, false]),
            // Documentation reports twice where a part of it is compiled at once.
            (vec![a, doc, of_doc, of_doc], vec![false, true]),
            (vec![a, result, doc, result], vec![true, true]),
        ] {
            assert_eq!(ended(&lines.join("\n")), expected, "{lines:?}");
        }
        let reader = read(b);
        assert_eq!(reader.begun()[0].file(), Some("it-2"));
    }

    #[test]
    fn forged_numbers_and_names_without_end_are_bounded() {
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
        assert_eq!(summary.failed, 1000, "numbers take no room");
        assert!(
            summary.binaries.len() < 20 && summary.failures.len() < 20 && reader.begun().len() < 20
        );
    }

    #[test]
    fn results_have_their_names_whichever_stream_is_read_first() {
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
                .map(|it| (&it.name[..], it.passed))
                .collect();
            let expected = [("unittests src/lib.rs (a-1)", 1), ("tests/it.rs (it-2)", 2)];
            assert_eq!(named, expected);
        }
        // The first has no harness.
        let summary = read(&[names[0], names[1], results[1]].join("\n")).summary();
        assert_eq!(summary.binaries[0].name, "tests/it.rs (it-2)");
    }

    const DIED: &str = "process didn't exit successfully: `/c/run-x /w/t/debug/deps/app-0a1b --nocapture` (signal: 11, SIGSEGV: invalid memory reference)";

    #[test]
    fn a_crash_names_its_binary() {
        let told = "qemu: uncaught target signal 11 (Segmentation fault) - core dumped";
        let (binary, crash) = read(&format!("{told}\n{DIED}")).crash.unwrap();
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
    fn what_runs_no_test_before_it_ends_did_not_start_under_wine() {
        let ended = "process didn't exit successfully: `run /w/deps/app-1.exe` (exit status: 53)";
        for (before, started) in [("", false), ("running 2 tests\n", true)] {
            let mut reader = Reader::new(EmulatorKind::Wine);
            let lines = format!("{before}{ended}");
            for line in lines.lines() {
                reader.read(line);
            }
            assert_eq!(reader.crash.is_none(), started, "{before}");
        }
    }
}
