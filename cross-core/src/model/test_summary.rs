//! Test results: the totals, each binary, and each test.

use cross_engine::process::Exit;
use serde::Serialize;

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
    /// processes, the binary was still running when the request ended, or cargo runs on another
    /// machine and only its output arrives.
    pub exit: Option<Exit>,
}

/// The result of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestResult {
    /// The name of the test, with its modules.
    pub name: String,
    /// The status of the test.
    pub status: TestStatus,
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
