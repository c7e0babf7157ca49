//! The suites' door to the environment of their process.

use std::ffi::OsString;

/// Returns every variable of the process.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the suites' environment door"
)]
pub fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// Returns one variable of the process.
pub fn variable(name: &str) -> Option<OsString> {
    variables()
        .find(|(variable, _)| variable == name)
        .map(|(_, value)| value)
}

/// Returns the directory for temporary files.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the suites' environment door"
)]
pub fn temporary() -> std::path::PathBuf {
    std::env::temp_dir()
}
