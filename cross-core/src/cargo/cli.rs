//! The cargo-compatible front door: a cargo command line, understood as far as planning needs.
//!
//! Pure: words and texts in, data out. [`read`] is the whole way; its parts have a module each.

pub(crate) mod aliases;
#[cfg(test)]
pub(crate) mod cases;
pub(crate) mod command;
pub(crate) mod command_line;
pub(crate) mod commands;
pub(crate) mod configs;
pub(crate) mod decision;
pub(crate) mod flags;
pub(crate) mod host_settings;
pub(crate) mod problem;
pub(crate) mod render;
mod table;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aliases::{Aliases, Expanded};
use command_line::{CommandLine, Head};
use configs::Configs;
use flags::Flag;

use crate::model::error::Result;

/// What the command line is read with.
pub(crate) struct CliContext<'a> {
    /// The directory the command line was given in.
    pub(crate) dir: &'a Path,
    /// The user's `CARGO_HOME`.
    pub(crate) cargo_home: Option<&'a Path>,
    /// Reads a file, or says that there is none.
    pub(crate) read: &'a dyn Fn(&Path) -> Option<String>,
    /// Looks a variable up in the caller's environment.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for CliContext<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings")
            .field("dir", &self.dir)
            .field("cargo_home", &self.cargo_home)
            .finish_non_exhaustive()
    }
}

/// A command line, understood in its surroundings.
#[derive(Clone, Debug)]
pub(crate) struct Understood {
    /// After its aliases.
    pub(crate) line: CommandLine,
    /// What its aliases were.
    pub(crate) expanded: Expanded,
    /// The directory it acts in.
    pub(crate) dir: PathBuf,
    /// Cargo's configuration there, with that of the command line.
    pub(crate) configs: Configs,
    /// The files that `--config` names. They are outside what cargo finds by itself.
    pub(crate) config_files: Vec<PathBuf>,
}

/// Understands `words`, which are what follows `cargo`.
///
/// # Errors
///
/// A command line that cargo would refuse; a configuration file that is none; an alias that leads
/// nowhere.
pub(crate) fn read(words: &[OsString], around: &CliContext<'_>) -> Result<Understood> {
    let dir = Head::read(words)?.directory(around.dir);
    let found = Configs::find(&dir, around.cargo_home, around.read)?;
    let aliases = Aliases {
        configs: &found,
        variable: around.variable,
    };
    let expanded = aliases.expand(words)?;
    let line = CommandLine::parse(&expanded.words)?;
    let (configs, config_files) = given(&line, found, &dir, around.read)?;
    Ok(Understood {
        line,
        expanded,
        dir,
        configs,
        config_files,
    })
}

/// The configuration with what `--config` says: a file if there is one of that name, else a setting.
fn given(
    line: &CommandLine,
    found: Configs,
    dir: &Path,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Result<(Configs, Vec<PathBuf>)> {
    let mut configs = found;
    let mut files = Vec::new();
    for value in line.values(Flag::Config) {
        let path = dir.join(value);
        match (read(&path), value.to_str()) {
            (Some(text), _) => {
                configs = configs.with_file(path.clone(), &text, read)?;
                files.push(path);
            }
            (None, Some(value)) => configs = configs.with_setting(value, dir)?,
            (None, None) => return Err(problem::not_utf8(value)),
        }
    }
    Ok((configs, files))
}

#[cfg(test)]
mod tests;
