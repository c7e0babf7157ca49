//! A cargo command line that runs in an environment, as planning needs to know it.

use std::path::PathBuf;

use cross_engine::Stdio;

use crate::cargo::cli::command_line::CommandLine;

/// What planning needs to know of a command line that runs in an environment.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) line: CommandLine,
    /// The directory it was given in.
    pub(crate) dir: PathBuf,
    pub(crate) stdio: Stdio,
    pub(crate) terminal: bool,
    /// The host's program of a plugin: cargo inside finds it where it looks for plugins.
    pub(crate) plugin: Option<PathBuf>,
    /// Files that `--config` names.
    pub(crate) config_files: Vec<PathBuf>,
}
