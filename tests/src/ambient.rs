//! The one door of the suites to the process's own environment.

use std::ffi::OsString;

/// Every variable of the test's process.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the suites' environment door"
)]
pub fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// One of them.
pub fn variable(name: &str) -> Option<OsString> {
    variables()
        .find(|(variable, _)| variable == name)
        .map(|(_, value)| value)
}

/// Where temporary directories are made.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the suites' environment door"
)]
pub fn temporary() -> std::path::PathBuf {
    std::env::temp_dir()
}
