//! A cargo command line that runs in an environment.

use std::path::PathBuf;

use cross_engine::Stdio;

use crate::cargo::cli::command_line::CommandLine;

/// A cargo command line that runs in an environment, and the properties that planning needs.
#[derive(Clone, Debug)]
pub(crate) struct CargoCommandLine {
    pub(crate) line: CommandLine,
    /// The directory in which it was given.
    pub(crate) dir: PathBuf,
    pub(crate) stdio: Stdio,
    pub(crate) terminal: bool,
    /// The host's program of a cargo plugin. It is mounted where the cargo in the environment looks
    /// for plugins.
    pub(crate) plugin: Option<PathBuf>,
}
