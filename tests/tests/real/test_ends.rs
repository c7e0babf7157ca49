//! What requests for tests ended with.

use cross_core::outcome::{TestBinary, TestSummary};
use cross_core::{Error, ErrorKind, Request};

/// The error of tests that fail, and the results until then.
#[track_caller]
pub(super) fn failed(request: Request) -> (Error, TestSummary) {
    let error = request.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed, "{error:?}");
    let tests = error.tests().unwrap().clone();
    (error, tests)
}

/// The binary of the test target `name`.
#[track_caller]
pub(super) fn binary<'a>(tests: &'a TestSummary, name: &str) -> &'a TestBinary {
    let mut binaries = tests.binaries.iter();
    let found = binaries.find(|binary| binary.name.contains(&format!("/{name}-")));
    found.unwrap_or_else(|| panic!("{name} in {tests:?}"))
}
