//! Reads the test results that nextest prints as JSON.

use std::collections::{BTreeSet, HashMap};

use cross_engine::process::untrusted::Room;
use serde::Deserialize;

use crate::execute::failure::listed;
use crate::model::error::{Error, ErrorKind};
use crate::model::test_summary::{TestBinary, TestResult, TestStatus, TestSummary};

/// A line that nextest prints in JSON.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    about: String,
    event: String,
    name: Option<String>,
}

/// Reads what nextest prints.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    binaries: Vec<TestBinary>,
    /// Where each binary is among them, and each test among its own.
    places: HashMap<String, (usize, HashMap<String, usize>)>,
    /// The tests that began and have not ended, in nextest's words.
    begun: BTreeSet<String>,
    room: Room,
}

impl Reader {
    /// Reads a line of standard output; says whether it is one of nextest's own. A test that is
    /// tried again counts by its last try.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        let Ok(said) = serde_json::from_str::<Said>(line) else {
            return false;
        };
        let status = match said.event.as_str() {
            "ok" => Some(TestStatus::Passed),
            "failed" => Some(TestStatus::Failed),
            "ignored" => Some(TestStatus::Ignored),
            "started" => None,
            _ => return said.about == "suite" || said.about == "test",
        };
        let (true, Some(full)) = (said.about == "test", said.name) else {
            return said.about == "suite";
        };
        // A try has its number at the end.
        let full = full
            .rsplit_once('#')
            .map_or(full.as_str(), |(test, _)| test);
        match status {
            None if self.room.take(full.len()) => {
                self.begun.insert(full.to_owned());
            }
            None => {}
            Some(status) => {
                self.begun.remove(full);
                let (binary, test) = full.split_once('$').unwrap_or(("", full));
                self.ended(binary, test, status);
            }
        }
        true
    }

    fn ended(&mut self, binary: &str, test: &str, status: TestStatus) {
        if !self.places.contains_key(binary) {
            if !self.room.take(2 * binary.len()) {
                return;
            }
            self.places
                .insert(binary.to_owned(), (self.binaries.len(), HashMap::new()));
            self.binaries.push(TestBinary {
                name: binary.to_owned(),
                ..TestBinary::default()
            });
        }
        let Some((at, tests)) = self.places.get_mut(binary) else {
            return;
        };
        let all = &mut self.binaries[*at].tests;
        match tests.get(test) {
            Some(tried) => all[*tried].status = status,
            None if self.room.take(2 * test.len()) => {
                tests.insert(test.to_owned(), all.len());
                all.push(TestResult {
                    name: test.to_owned(),
                    status,
                });
            }
            None => {}
        }
    }

    /// What contradicts the success of nextest; `None` where nothing does.
    pub(crate) fn contradiction(&self) -> Option<Error> {
        if self.room.is_full() {
            let message = "the tests report more than is kept: who of them ended is not known";
            return Some(Error::new(ErrorKind::Untrusted, message));
        }
        let tests = self.binaries.iter().flat_map(|binary| &binary.tests);
        let failed = tests
            .filter(|test| test.status == TestStatus::Failed)
            .count();
        let message = match self.begun.len() {
            0 if failed == 0 => return None,
            0 => {
                format!("{failed} tests failed by their own account, and nextest reported success")
            }
            _ => {
                let begun = listed(self.begun.iter().map(String::as_str));
                format!("these tests began and did not end: {begun}")
            }
        };
        Some(Error::new(ErrorKind::TestFailed, message))
    }

    /// Everything that was read, counted.
    pub(crate) fn finish(self) -> TestSummary {
        let mut summary = TestSummary::default();
        for mut binary in self.binaries {
            let count =
                |status| binary.tests.iter().filter(|it| it.status == status).count() as u64;
            let [passed, failed, ignored] =
                [TestStatus::Passed, TestStatus::Failed, TestStatus::Ignored].map(count);
            let failures = binary
                .tests
                .iter()
                .filter(|it| it.status == TestStatus::Failed);
            let failures = failures.map(|it| format!("{} {}", binary.name, it.name));
            summary.failures.extend(failures);
            (binary.passed, binary.failed, binary.ignored) = (passed, failed, ignored);
            summary.add(binary);
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nextest_says_is_read() {
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
        assert!(
            error.starts_with("1 tests failed by their own account"),
            "{error}"
        );
        let summary = reader.finish();
        assert_eq!((summary.passed, summary.failed, summary.ignored), (2, 1, 1));
        assert_eq!(summary.failures, ["p::it deep::fails"]);
        let names: Vec<_> = summary.binaries.iter().map(|it| &it.name[..]).collect();
        assert_eq!(names, ["p::p", "p::it"]);
    }

    #[test]
    fn a_test_that_began_and_did_not_end_contradicts_success() {
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
