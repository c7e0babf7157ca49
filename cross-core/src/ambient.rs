//! The one door to the process's own environment and directory, for [`Cross::discover`].
//!
//! [`Cross::discover`]: crate::Cross::discover

use std::io;
use std::path::PathBuf;

use crate::Env;

/// A snapshot of the process's environment.
#[expect(clippy::disallowed_methods, reason = "this is the environment door")]
pub(crate) fn env() -> Env {
    std::env::vars_os().collect()
}

/// The process's current directory.
#[expect(clippy::disallowed_methods, reason = "this is the environment door")]
pub(crate) fn current_dir() -> io::Result<PathBuf> {
    std::env::current_dir()
}
