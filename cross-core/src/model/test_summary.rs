//! Test results: the totals, each binary, and each test.

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
    /// The test binaries that reported results, in that order. A binary without libtest's harness
    /// reports none: its failure is an error, and its success is not recorded.
    pub binaries: Vec<TestBinary>,
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
    /// The tests in the order in which they ended. If a test's own output splits a result line
    /// (`--nocapture`), the test is only in the totals.
    pub tests: Vec<TestResult>,
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
