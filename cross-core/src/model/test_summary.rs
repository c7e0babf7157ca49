//! Test results: the totals, each binary, and each test.

mod junit;

use std::collections::BTreeMap;
use std::time::Duration;

use cross_engine::process::Exit;
use serde::{Serialize, Serializer};

use crate::model::printable::{beginning, printable};

/// The results of all tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestSummary {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were not run, because they are marked as ignored.
    pub ignored: u64,
    /// The names of the tests that failed.
    pub failures: Vec<String>,
    /// The test binaries that ran, in that order. A binary with a harness of its own may report no
    /// tests: then its [`exit`](TestBinary::exit) is its result.
    pub binaries: Vec<TestBinary>,
    /// The file names of the test binaries that were compiled and not started, because an earlier
    /// one failed or because the request ended.
    pub not_run: Vec<String>,
    /// Cargo's names of these binaries, by their file names.
    #[serde(skip)]
    pub(crate) not_run_names: BTreeMap<String, String>,
}

/// The results of one test binary, or of the documentation tests of one library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestBinary {
    /// Cargo's name of the binary: `unittests src/lib.rs (target/…/deps/app-1b2c)`,
    /// `tests/it.rs (…)`, `Doc-tests app`.
    pub name: String,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were not run, because they are marked as ignored.
    pub ignored: u64,
    /// The tests, in the order in which they ended. Those that did not finish are last. libtest
    /// prints only the names of failed tests if it is told to be brief (`--quiet`,
    /// `--format terse`): then the others are only in the totals.
    pub tests: Vec<TestResult>,
    /// How the binary ended. `None` if that is not known: documentation tests run in many
    /// processes, the binary was still running when the request ended, or only cargo's output is
    /// known.
    pub exit: Option<Exit>,
    /// How long the binary ran, with its start. Where only the output of its harness is known, it
    /// is what that says; nextest gives each test a process of its own, and it is their sum. `None`
    /// if it is not known, or if the binary did not end. Serialized as seconds.
    #[serde(serialize_with = "seconds")]
    pub duration: Option<Duration>,
    /// Whether tests of it may have no result: the binary was still running when the request ended,
    /// or it ended before its harness reported its totals.
    pub incomplete: bool,
    /// The last lines that the binary printed, if nothing else says what was wrong: it is
    /// [incomplete](Self::incomplete), or it failed and no test did. At most 8 KiB, without colours
    /// and with other control characters escaped. `None` where only cargo's output is known.
    pub tail: Option<String>,
    /// Whether it ended without a word about tests, as one with a harness of its own may.
    #[serde(skip)]
    pub(crate) is_silent: bool,
}

/// The result of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestResult {
    /// The name of the test, with its modules.
    pub name: String,
    /// The status of the test.
    pub status: TestStatus,
    /// How long the test took. `None` if the harness does not say so: nextest does, and libtest
    /// only where it has `-Zunstable-options --report-time`. Serialized as seconds.
    #[serde(serialize_with = "seconds")]
    pub duration: Option<Duration>,
    /// Why the test failed: what it printed, and where it panicked. Or the reason for which it is
    /// ignored, if its attribute has one. It is what the harness of the run says, at most 8 KiB,
    /// without colours and with other control characters escaped. `None` for other tests, or if the
    /// harness does not say it.
    pub message: Option<String>,
}

/// The size of a test's message in bytes.
pub(crate) const MESSAGE: usize = 8 << 10;

fn seconds<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(to)
}

impl TestResult {
    /// A result without a time.
    pub(crate) fn new(name: &str, status: TestStatus) -> Self {
        TestResult {
            name: name.to_owned(),
            status,
            duration: None,
            message: None,
        }
    }

    /// Adds what the harness says of a test that failed.
    pub(crate) fn with_message(self, message: Option<&str>) -> Self {
        self.said(TestStatus::Failed, message)
    }

    /// Adds why a test is ignored.
    pub(crate) fn with_reason(self, reason: Option<&str>) -> Self {
        self.said(TestStatus::Ignored, reason)
    }

    fn said(mut self, of: TestStatus, message: Option<&str>) -> Self {
        if let Some(text) = message.filter(|_| self.status == of) {
            let shown = printable(text.trim_matches('\n'));
            self.message = Some(beginning(&shown, MESSAGE).to_owned());
        }
        self
    }
}

/// The status of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TestStatus {
    /// The test passed.
    Passed,
    /// The test failed.
    Failed,
    /// The test was not run, because it is marked as ignored.
    Ignored,
    /// The binary ended before the test did: the test was running, or was still to be run.
    Unfinished,
}

impl TestSummary {
    /// Returns the number of tests that ran.
    pub fn ran(&self) -> u64 {
        self.passed.saturating_add(self.failed)
    }

    /// Returns the names of the tests that did not finish, because their binary was stopped, crashed,
    /// or was ended by a test. They are no [`failures`](Self::failures). A harness with several
    /// threads does not print which tests it runs: where it was stopped, none of them is known.
    pub fn unfinished(&self) -> impl Iterator<Item = &str> {
        let tests = self.binaries.iter().flat_map(|binary| &binary.tests);
        let unfinished = tests.filter(|test| test.status == TestStatus::Unfinished);
        unfinished.map(|test| test.name.as_str())
    }

    /// Adds the results of a binary.
    pub(crate) fn add(&mut self, binary: TestBinary) {
        self.count(binary.passed, binary.failed, binary.ignored);
        self.binaries.push(binary);
    }

    /// Adds to the totals. The numbers come from the run and may be arbitrarily large.
    pub(crate) fn count(&mut self, passed: u64, failed: u64, ignored: u64) {
        self.passed = self.passed.saturating_add(passed);
        self.failed = self.failed.saturating_add(failed);
        self.ignored = self.ignored.saturating_add(ignored);
    }
}
