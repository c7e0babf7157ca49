//! How a plan runs its test binaries.

use std::fmt;

use serde::Serialize;

/// The variable that tells libtest how many threads to run tests in.
pub(crate) const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// How a plan runs its test binaries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TestRun {
    /// The maximum number of tests that run at once, over all binaries: the request's jobs, the
    /// jobs of the shared budget, `CARGO_BUILD_JOBS`, or the number of processors, in this order.
    pub jobs: u32,
    /// Why the binaries run one after the other, as cargo runs them. `None` if they run side by
    /// side.
    pub serial: Option<String>,
}

impl fmt::Display for TestRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.serial {
            None => write!(f, "binaries side by side, {} tests at once", self.jobs),
            Some(reason) => write!(f, "binaries one after the other: {reason}"),
        }
    }
}
