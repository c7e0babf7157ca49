//! Reads the test results that nextest prints as JSON.

use serde::Deserialize;

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
}

impl Reader {
    /// Reads a line of standard output; says whether it is one of nextest's own. A test that is tried again
    /// counts by its last try.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        let Ok(said) = serde_json::from_str::<Said>(line) else {
            return false;
        };
        let status = match said.event.as_str() {
            "ok" => TestStatus::Passed,
            "failed" => TestStatus::Failed,
            "ignored" => TestStatus::Ignored,
            _ => return said.about == "suite" || said.about == "test",
        };
        let (true, Some(full)) = (said.about == "test", said.name) else {
            return said.about == "suite";
        };
        let (binary, test) = full.split_once('$').unwrap_or(("", &full));
        let test = test.rsplit_once('#').map_or(test, |(test, _)| test);
        self.ended(binary, test, status);
        true
    }

    fn ended(&mut self, binary: &str, test: &str, status: TestStatus) {
        let all = &mut self.binaries;
        let at = all.iter().position(|it| it.name == binary);
        let at = at.unwrap_or_else(|| {
            all.push(TestBinary {
                name: binary.to_owned(),
                ..TestBinary::default()
            });
            all.len() - 1
        });
        let tests = &mut all[at].tests;
        match tests.iter_mut().find(|it| it.name == test) {
            Some(tried) => tried.status = status,
            None => tests.push(TestResult {
                name: test.to_owned(),
                status,
            }),
        }
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
        let summary = reader.finish();
        assert_eq!((summary.passed, summary.failed, summary.ignored), (2, 1, 1));
        assert_eq!(summary.failures, ["p::it deep::fails"]);
        let names: Vec<_> = summary.binaries.iter().map(|it| &it.name[..]).collect();
        assert_eq!(names, ["p::p", "p::it"]);
    }
}
