//! Reads the test results that nextest prints as JSON, and how its tests ended.

mod crashes;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use cross_engine::process::untrusted::Room;
use serde::Deserialize;

use crate::execute::quoted::listed;
use crate::model::error::{Error, ErrorKind};
use crate::model::printable::beginning;
use crate::model::test_summary::{MESSAGE, TestBinary, TestResult, TestStatus, TestSummary};
use crate::target::emulator_crash::{Crash, CrashDetector, EmulatorKind};
use crashes::Crashes;

/// A JSON message of nextest.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    name: Option<String>,
    /// How long a test took, in seconds.
    exec_time: Option<f64>,
    /// What a failed test printed.
    stdout: Option<String>,
}

/// Reads nextest's JSON messages.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    binaries: Vec<TestBinary>,
    /// The index of each binary, and of each test in its binary.
    indices: HashMap<String, (usize, HashMap<String, usize>)>,
    /// The tests that started and have not ended, by nextest's names.
    started: BTreeSet<String>,
    crashes: Crashes,
    /// The target's runner.
    runner: String,
    lacks_runner: bool,
    room: Room,
}

/// How a run of nextest ended, apart from results.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    /// What nextest and the failed tests printed.
    pub(crate) watch: CrashDetector,
    /// The failed tests that crashed, or whose emulator crashed: `app::it test`.
    pub(crate) crashed: Vec<(String, Crash)>,
    /// The runner, if the environment lacks it.
    pub(crate) missing_runner: Option<String>,
}

impl Reader {
    /// Reads a run whose tests `runner` starts.
    pub(crate) fn new(emulator: EmulatorKind, runner: &str) -> Self {
        Reader {
            crashes: Crashes::new(emulator),
            runner: runner.to_owned(),
            ..Self::default()
        }
    }

    /// Reads a line that is no message.
    pub(crate) fn read_words(&mut self, line: &str) {
        self.crashes.read_words(line);
        self.lacks_runner |= crashes::lacks(line, &self.runner);
    }

    /// How the tests ended, once all is read.
    pub(crate) fn ends(&mut self) -> Ends {
        let mut crashes = std::mem::take(&mut self.crashes);
        let mut crashed = Vec::new();
        for binary in &self.binaries {
            let tests = binary.tests.iter();
            for test in tests.filter(|test| test.status == TestStatus::Failed) {
                let name = format!("{} {}", binary.name, test.name);
                let crash = crashes.of(&binary.name, &test.name);
                crashed.extend(crash.map(|crash| (name, crash)));
            }
        }
        Ends {
            watch: crashes.watch,
            crashed,
            missing_runner: self.lacks_runner.then(|| self.runner.clone()),
        }
    }

    /// Reads a line of standard output. Returns whether it is a message of nextest. The last
    /// attempt of a retried test counts.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return false;
        };
        let status = match message.event.as_str() {
            "ok" => Some(TestStatus::Passed),
            "failed" => Some(TestStatus::Failed),
            "ignored" => Some(TestStatus::Ignored),
            "started" => None,
            _ => return message.kind == "suite" || message.kind == "test",
        };
        let (true, Some(name)) = (message.kind == "test", message.name) else {
            return message.kind == "suite";
        };
        // A retry has its number at the end.
        let name = name
            .rsplit_once('#')
            .map_or(name.as_str(), |(test, _)| test);
        match status {
            None if self.room.take(name.len()) => {
                self.started.insert(name.to_owned());
            }
            None => {}
            Some(status) => {
                self.started.remove(name);
                let (binary, test) = name.split_once('$').unwrap_or(("", name));
                let time = message.exec_time;
                let duration = time.and_then(|time| Duration::try_from_secs_f64(time).ok());
                let printed = message.stdout.as_deref();
                let of_failed = printed.filter(|_| status == TestStatus::Failed);
                self.crashes.read_result(binary, test, of_failed);
                let printed = printed.map(|text| beginning(text, MESSAGE));
                let printed = printed.filter(|text| self.room.take(text.len()));
                let result = TestResult {
                    duration: duration.filter(|_| status != TestStatus::Ignored),
                    ..TestResult::new(test, status).with_message(printed)
                };
                self.add_result(binary, result);
            }
        }
        true
    }

    /// Stores the result of a test, and replaces that of an earlier attempt.
    fn add_result(&mut self, binary: &str, result: TestResult) {
        if !self.indices.contains_key(binary) {
            if !self.room.take(2 * binary.len()) {
                return;
            }
            self.indices
                .insert(binary.to_owned(), (self.binaries.len(), HashMap::new()));
            self.binaries.push(TestBinary {
                name: binary.to_owned(),
                ..TestBinary::default()
            });
        }
        let Some((index, test_indices)) = self.indices.get_mut(binary) else {
            return;
        };
        let tests = &mut self.binaries[*index].tests;
        match test_indices.get(&result.name) {
            Some(index) => tests[*index] = result,
            None if self.room.take(2 * result.name.len()) => {
                test_indices.insert(result.name.clone(), tests.len());
                tests.push(result);
            }
            None => {}
        }
    }

    /// Stores a test that started and did not end. If an earlier attempt ended, that is its result.
    fn add_unfinished(&mut self, name: &str) {
        let (binary, test) = name.split_once('$').unwrap_or(("", name));
        let known = self.indices.get(binary);
        if !known.is_some_and(|(_, tests)| tests.contains_key(test)) {
            self.add_result(binary, TestResult::new(test, TestStatus::Unfinished));
        }
        if let Some((index, _)) = self.indices.get(binary) {
            self.binaries[*index].incomplete = true;
        }
    }

    /// Returns the error if the results contradict nextest's success.
    pub(crate) fn contradiction(&self) -> Option<Error> {
        if self.room.is_full() {
            let message = "the tests report more results than the library stores";
            return Some(Error::new(ErrorKind::Untrusted, message));
        }
        let tests = self.binaries.iter().flat_map(|binary| &binary.tests);
        let failed = tests
            .filter(|test| test.status == TestStatus::Failed)
            .count();
        let message = match self.started.len() {
            0 if failed == 0 => return None,
            0 => {
                format!("{failed} tests reported a failure, but nextest reported success")
            }
            _ => {
                let started = listed(self.started.iter().map(String::as_str));
                format!("these tests started and did not end: {started}")
            }
        };
        Some(Error::new(ErrorKind::TestFailed, message))
    }

    /// Returns the results of all tests.
    pub(crate) fn finish(mut self) -> TestSummary {
        for name in std::mem::take(&mut self.started) {
            self.add_unfinished(&name);
        }
        let mut summary = TestSummary::default();
        for mut binary in self.binaries {
            let with_status = |status| {
                let tests = binary.tests.iter();
                tests.filter(move |test| test.status == status)
            };
            let count = |status| with_status(status).count() as u64;
            let [passed, failed, ignored] =
                [TestStatus::Passed, TestStatus::Failed, TestStatus::Ignored].map(count);
            let failures = with_status(TestStatus::Failed);
            let failures = failures.map(|test| format!("{} {}", binary.name, test.name));
            summary.failures.extend(failures);
            (binary.passed, binary.failed, binary.ignored) = (passed, failed, ignored);
            let times = binary.tests.iter().filter_map(|test| test.duration);
            binary.duration = times.reduce(Duration::saturating_add);
            summary.add(binary);
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_nextest_are_read() {
        let mut reader = Reader::default();
        for line in [
            r#"{"type":"suite","event":"started","test_count":3,"nextest":{"crate":"p","test_binary":"it","kind":"test"}}"#,
            r#"{"type":"test","event":"started","name":"p::it$deep::fails"}"#,
            r#"{"type":"test","event":"ok","name":"p::p$unit","exec_time":0.05}"#,
            r#"{"type":"test","event":"ignored","name":"p::it$deep::slow"}"#,
            r#"{"type":"test","event":"failed","name":"p::it$deep::flaky","stdout":"out"}"#,
            r#"{"type":"test","event":"ok","name":"p::it$deep::flaky#2","exec_time":0.05}"#,
            r#"{"type":"test","event":"failed","name":"p::it$deep::fails","stdout":"out"}"#,
            r#"{"type":"suite","event":"failed","passed":0,"failed":1}"#,
        ] {
            assert!(reader.read(line), "{line}");
        }
        for line in ["plain", "{}", r#"{"type":"mine","event":"ok"}"#] {
            assert!(!reader.read(line), "{line}");
        }
        let error = reader.contradiction().unwrap().to_string();
        assert!(error.starts_with("1 tests reported a failure"), "{error}");
        let summary = reader.finish();
        assert_eq!((summary.passed, summary.failed, summary.ignored), (2, 1, 1));
        assert_eq!(summary.failures, ["p::it deep::fails"]);
        let names: Vec<_> = summary
            .binaries
            .iter()
            .map(|binary| &binary.name[..])
            .collect();
        assert_eq!(names, ["p::p", "p::it"]);
        let times = summary.binaries.iter().map(|binary| {
            let tests = binary.tests.iter().map(|test| test.duration);
            (tests.collect::<Vec<_>>(), binary.duration)
        });
        let took = Some(Duration::from_millis(50));
        let expected = [(vec![took], took), (vec![None, took, None], took)];
        assert_eq!(times.collect::<Vec<_>>(), expected);
        let messages = summary.binaries[1]
            .tests
            .iter()
            .map(|test| test.message.as_deref());
        assert_eq!(messages.collect::<Vec<_>>(), [None, None, Some("out")]);
    }

    #[test]
    fn the_emulator_of_a_test_crashed_or_the_test_did() {
        let mut reader = Reader::new(EmulatorKind::Qemu, "qemu-aarch64");
        let uncaught = "qemu: uncaught target signal 6 (Aborted) - core dumped";
        let own = "QEMU internal SIGSEGV {code=MAPERR, addr=0x20}";
        for (test, printed) in [("aborts", uncaught), ("sabotages", own), ("panics", own)] {
            let message = serde_json::json!({
                "type": "test", "event": "failed", "name": format!("app::it${test}"),
                "stdout": format!("said\n{printed}\n"),
            });
            assert!(reader.read(&message.to_string()));
        }
        for line in [
            "     SIGABRT [   0.012s] (1/3) app::it aborts",
            "     SIGSEGV [   0.012s] (2/3) app::it sabotages",
            "        FAIL [   0.012s] (3/3) app::it panics",
        ] {
            reader.read_words(line);
        }
        let Ends {
            crashed,
            missing_runner,
            ..
        } = reader.ends();
        let abort = "was terminated by SIGABRT".to_owned();
        let expected = [
            ("app::it aborts".to_owned(), Crash::Program(abort)),
            (
                "app::it sabotages".to_owned(),
                Crash::Emulator(own.to_owned()),
            ),
        ];
        assert_eq!(crashed, expected);
        assert_eq!(missing_runner, None);
    }

    #[test]
    fn a_forged_time_is_no_time() {
        for time in ["-1", "1e300", "null"] {
            let mut reader = Reader::default();
            let line = format!(r#"{{"type":"test","event":"ok","name":"b$t","exec_time":{time}}}"#);
            assert!(reader.read(&line), "{line}");
            let binaries = reader.finish().binaries;
            assert_eq!(binaries[0].tests[0].duration, None, "{time}");
        }
    }

    #[test]
    fn tests_that_were_running_are_named() {
        let mut reader = Reader::default();
        for (event, name) in [("started", "a"), ("started", "b"), ("ok", "a")] {
            let line = format!(r#"{{"type":"test","event":"{event}","name":"p::it${name}"}}"#);
            assert!(reader.read(&line), "{line}");
        }
        let summary = reader.finish();
        assert_eq!(summary.unfinished().collect::<Vec<_>>(), ["b"]);
        assert_eq!(summary.passed, 1);
        assert!(summary.binaries[0].incomplete);
    }

    #[test]
    fn a_test_that_started_and_did_not_end_contradicts_success() {
        let mut reader = Reader::default();
        let read = |reader: &mut Reader, event: &str, name: &str| {
            assert!(reader.read(&format!(
                r#"{{"type":"test","event":"{event}","name":"{name}"}}"#
            )));
        };
        read(&mut reader, "started", "p::it$one");
        read(&mut reader, "started", "p::it$two");
        read(&mut reader, "ok", "p::it$one");
        let error = reader.contradiction().unwrap().to_string();
        assert!(
            error.contains("p::it$two") && !error.contains("one"),
            "{error}"
        );
        read(&mut reader, "ok", "p::it$two#2");
        assert!(reader.contradiction().is_none());
        reader.room = Room::new(1);
        read(&mut reader, "ok", "p::it$three");
        let error = reader.contradiction().unwrap();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    }
}
