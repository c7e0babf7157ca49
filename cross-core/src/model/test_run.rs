//! How the test binaries of a plan are run.

use std::fmt;

use serde::Serialize;

/// The variable by which libtest knows how many threads to run tests in.
pub(crate) const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// How the test binaries of a plan are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct TestRun {
    /// How many tests run at once at most, over all binaries: the request's jobs, those it shares with
    /// others, `CARGO_BUILD_JOBS`, or the machine's processors.
    pub jobs: u32,
    /// Why the binaries run one after the other, as by cargo. `None` where they run side by side.
    pub serial: Option<String>,
    /// The variable by which cargo finds what runs programs of the target.
    #[serde(skip)]
    pub(crate) variable: String,
}

impl fmt::Display for TestRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.serial {
            None => write!(f, "binaries side by side, {} tests at once", self.jobs),
            Some(reason) => write!(f, "binaries one after the other: {reason}"),
        }
    }
}
