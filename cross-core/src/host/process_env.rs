//! Reads this process's environment variables, current directory, parent and processors.
//!
//! Nothing else in the crate reads process-wide state. [`Cross::discover`] and
//! [`BuildScript::discover`] pass it on as values.
//!
//! [`Cross::discover`]: crate::Cross::discover
//! [`BuildScript::discover`]: crate::api::build_script::BuildScript::discover

use std::io;
use std::os::unix::process::parent_id;
use std::path::PathBuf;

use crate::Env;

/// A snapshot of the process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "this module reads process-wide state"
)]
pub(crate) fn env() -> Env {
    std::env::vars_os().collect()
}

/// The process's current directory.
#[expect(
    clippy::disallowed_methods,
    reason = "this module reads process-wide state"
)]
pub(crate) fn current_dir() -> io::Result<PathBuf> {
    std::env::current_dir()
}

/// The command line of the parent process, its program first. Empty if the system does not show it.
pub(crate) fn parent_command_line() -> Vec<String> {
    let line = std::fs::read(format!("/proc/{}/cmdline", parent_id())).unwrap_or_default();
    let words = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty());
    words
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// The number of processors that the process may use, by its affinity and its cgroup.
pub(crate) fn processors() -> u32 {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(count).unwrap_or(u32::MAX)
}
