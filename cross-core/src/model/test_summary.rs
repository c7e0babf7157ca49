//! What came of tests: in numbers, by binary, and by test.

use serde::Serialize;

/// What came of the tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestSummary {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were not run because they are marked so.
    pub ignored: u64,
    /// The names of the tests that failed.
    pub failures: Vec<String>,
    /// The test binaries that reported results, in the order in which they did. One without
    /// libtest's harness reports none: that it failed is an error, that it passed is not told.
    pub binaries: Vec<TestBinary>,
}

/// What came of the tests in one binary, or of one library's documentation tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestBinary {
    /// What cargo calls it: `unittests src/lib.rs (target/…/deps/app-1b2c)`, `tests/it.rs (…)`,
    /// `Doc-tests app`.
    pub name: String,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were not run because they are marked so.
    pub ignored: u64,
    /// Each test that was told of, in the order in which they ended. Those whose line was torn by
    /// what a test printed itself (`--nocapture`) are in the numbers only.
    pub tests: Vec<TestResult>,
}

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestResult {
    /// Its name, with its modules.
    pub name: String,
    /// What came of it.
    pub status: TestStatus,
}

/// What can come of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TestStatus {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was not run because it is marked so.
    Ignored,
}

impl TestSummary {
    /// How many tests ran.
    pub fn ran(&self) -> u64 {
        self.passed.saturating_add(self.failed)
    }

    /// Adds the results of a binary.
    pub(crate) fn add(&mut self, binary: TestBinary) {
        self.count(binary.passed, binary.failed, binary.ignored);
        self.binaries.push(binary);
    }

    /// Adds numbers, which may be forged: any.
    pub(crate) fn count(&mut self, passed: u64, failed: u64, ignored: u64) {
        self.passed = self.passed.saturating_add(passed);
        self.failed = self.failed.saturating_add(failed);
        self.ignored = self.ignored.saturating_add(ignored);
    }
}
