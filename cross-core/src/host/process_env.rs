//! The one door to what is the process's own: its environment, directory and parent, for
//! [`Cross::discover`] and [`BuildScript::discover`], and its processors.
//!
//! [`Cross::discover`]: crate::Cross::discover
//! [`BuildScript::discover`]: crate::api::build_script::BuildScript::discover

use std::io;
use std::os::unix::process::parent_id;
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

/// The command line of the process that started this one, its program first. Empty where the system
/// does not tell.
pub(crate) fn parent_command_line() -> Vec<String> {
    let line = std::fs::read(format!("/proc/{}/cmdline", parent_id())).unwrap_or_default();
    let words = line.split(|byte| *byte == 0).filter(|it| !it.is_empty());
    words
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// How many processors the process may use: the machine's, its affinity's, or its cgroup's.
pub(crate) fn processors() -> u32 {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(count).unwrap_or(u32::MAX)
}
