//! Reads this process's environment variables, current directory, parent and processors.
//!
//! Nothing else in the crate reads process-wide state. [`Cross::discover`] and
//! [`BuildScript::discover`] pass it on as values.
//!
//! [`Cross::discover`]: crate::Cross::discover
//! [`BuildScript::discover`]: crate::api::build_script::BuildScript::discover

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use cross_engine::os::System;

use crate::Env;

/// A snapshot of the process's environment, under the names by which the library asks for them.
#[expect(
    clippy::disallowed_methods,
    reason = "this module reads process-wide state"
)]
pub(crate) fn env() -> Env {
    named_by(System::HERE, std::env::vars_os())
}

/// The environment of `variables` on `system`.
fn named_by(system: System, variables: impl Iterator<Item = (OsString, OsString)>) -> Env {
    variables
        .map(|(name, value)| (system.variable_name(name), value))
        .collect()
}

/// `env`, which the caller made, under the names by which the library asks for its variables.
pub(crate) fn canonical(env: &Env) -> Env {
    let variables = env.iter();
    let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    named_by(System::HERE, owned)
}

/// The process's current directory.
#[expect(
    clippy::disallowed_methods,
    reason = "this module reads process-wide state"
)]
pub(crate) fn current_dir() -> io::Result<PathBuf> {
    std::env::current_dir()
}

/// `dir` from the root. One that has a root stays as it is written, and so does an empty path.
pub(crate) fn absolute(dir: PathBuf) -> PathBuf {
    match dir.has_root() {
        true => dir,
        false => std::path::absolute(&dir).unwrap_or(dir),
    }
}

/// The command line of the parent process, its program first. Empty if the system does not show it.
pub(crate) fn parent_command_line() -> Vec<String> {
    cross_engine::os::parent_command_line()
}

/// The number of processors that the process may use, by its affinity and its cgroup.
pub(crate) fn processors() -> u32 {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_directory_is_one_of_the_current_directory() {
        let current = current_dir().unwrap();
        assert_eq!(absolute(".".into()), current);
        assert_eq!(absolute("a".into()), current.join("a"));
        assert_eq!(absolute(PathBuf::new()), PathBuf::new());
    }

    #[test]
    fn the_path_of_windows_is_found_under_the_name_of_all_others() {
        let variables = || [("Path".into(), r"C:\bin".into())].into_iter();
        let windows = named_by(System::Windows, variables());
        assert_eq!(windows.get_str("PATH"), Some(r"C:\bin"));
        assert_eq!(windows.iter().count(), 1);
        assert_eq!(named_by(System::Linux, variables()).get("PATH"), None);
    }
}
