//! Parses cargo command lines, as far as planning needs.
//!
//! [`parse`] expands aliases, reads cargo's configuration and parses flags; each part has a module.
//! Files and variables are read through [`CliContext`] only.

#[cfg(feature = "cargo-cli")]
pub(crate) mod aliases;
#[cfg(test)]
pub(crate) mod cases;
pub(crate) mod command;
pub(crate) mod command_line;
pub(crate) mod commands;
pub(crate) mod configs;
#[cfg(feature = "cargo-cli")]
pub(crate) mod decision;
pub(crate) mod flags;
pub(crate) mod problem;
pub(crate) mod render;
mod table;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[cfg(feature = "cargo-cli")]
use aliases::{Aliases, Expanded};
use command_line::{CommandLine, Head};
use configs::Configs;
use flags::Flag;

use crate::model::error::Result;

/// The caller's directory, files and variables.
#[cfg(feature = "cargo-cli")]
pub(crate) struct CliContext<'a> {
    /// The caller's current directory.
    pub(crate) dir: &'a Path,
    /// The user's `CARGO_HOME`.
    pub(crate) cargo_home: Option<&'a Path>,
    /// Reads a file; `None` if there is no such file.
    pub(crate) read: &'a dyn Fn(&Path) -> Option<String>,
    /// Looks up a variable of the caller.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

#[cfg(feature = "cargo-cli")]
impl std::fmt::Debug for CliContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CliContext")
            .field("dir", &self.dir)
            .field("cargo_home", &self.cargo_home)
            .finish_non_exhaustive()
    }
}

/// A cargo command line, with the directory and configuration that it applies to.
#[cfg(feature = "cargo-cli")]
#[derive(Clone, Debug)]
pub(crate) struct ParsedCommand {
    /// The command line after alias expansion.
    pub(crate) line: CommandLine,
    /// The expansion of its aliases.
    pub(crate) expanded: Expanded,
    /// The directory that the command runs in.
    pub(crate) dir: PathBuf,
    /// Cargo's configuration for that directory, with the values of `--config`.
    pub(crate) configs: Configs,
}

/// Parses `words`, the arguments of `cargo`.
///
/// # Errors
///
/// For a command line that cargo would refuse, an invalid configuration file, and an alias that has
/// no subcommand.
#[cfg(feature = "cargo-cli")]
pub(crate) fn parse(words: &[OsString], context: &CliContext<'_>) -> Result<ParsedCommand> {
    let dir = Head::parse(words)?.directory(context.dir);
    let found = Configs::find(&dir, context.cargo_home, context.read)?;
    let aliases = Aliases {
        configs: &found,
        variable: context.variable,
    };
    let expanded = aliases.expand(words)?;
    let line = CommandLine::parse(&expanded.words)?;
    let configs = with_config_flags(&line, found, &dir, context.read)?;
    Ok(ParsedCommand {
        line,
        expanded,
        dir,
        configs,
    })
}

/// Adds the values of `--config`: a file if there is one with that name, else a setting.
#[cfg(feature = "cargo-cli")]
fn with_config_flags(
    line: &CommandLine,
    found: Configs,
    dir: &Path,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Result<Configs> {
    let mut configs = found;
    for value in line.values(Flag::Config) {
        let path = dir.join(value);
        match (read(&path), value.to_str()) {
            (Some(text), _) => configs = configs.with_file(path, &text, read)?,
            (None, Some(value)) => configs = configs.with_setting(value, dir)?,
            (None, None) => return Err(problem::not_utf8(value)),
        }
    }
    Ok(configs)
}

#[cfg(all(test, feature = "cargo-cli"))]
mod tests;
