//! Parses a cargo command line, as far as planning needs. Unknown arguments are kept for cargo.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::command::{Command, ITSELF, Nested, Placement, Rule};
use super::commands;
use super::flags::{Flag, Phase};
use super::problem;
use super::words::{Item, Kind, Reader, no_target};
use crate::model::error::Result;

/// Cargo's special target name for the host.
pub(crate) const HOST_TUPLE: &str = "host-tuple";

/// The unstable features of cargo's that change what a manifest may say, or that it may be in a
/// source file.
const MANIFEST_FEATURES: [&str; 5] = [
    "bindeps",
    "codegen-backend",
    "profile-rustflags",
    "script",
    "trim-paths",
];

/// The flag that makes a library another kind of library.
pub(crate) const CRATE_TYPE: &str = "--crate-type";

/// The part of a command line up to the subcommand, which is parsed before aliases are expanded.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// The flags before the subcommand.
    pub(crate) items: Vec<Item>,
    /// The subcommand, and its position among the words.
    pub(crate) command: Option<(usize, OsString)>,
}

/// A parsed command line.
#[derive(Clone, Debug)]
pub(crate) struct CommandLine {
    original: Vec<OsString>,
    /// The items before the subcommand.
    pub(crate) before: Vec<Item>,
    pub(crate) command: Option<OsString>,
    /// The subcommand's row of the table.
    pub(crate) row: Option<&'static Command>,
    /// The items after the subcommand that are for cargo or the plugin.
    pub(crate) after: Vec<Item>,
    /// The arguments for the program: from `--`, or from the word that ends the flags.
    pub(crate) trailing: Vec<OsString>,
}

impl Head {
    /// Parses the words up to the subcommand.
    pub(crate) fn parse(words: &[OsString]) -> Result<Head> {
        let mut reader = Reader::new(words);
        let mut items = Vec::new();
        while let Some(word) = reader.peek() {
            if word == "--" {
                return Err(problem::usage("there is no subcommand before `--`")
                    .with_help("write the subcommand first: `build -- …`"));
            }
            let at = reader.position();
            for item in reader.next(Phase::Before)? {
                match item.kind {
                    // A script with an empty variable passes an empty word.
                    Kind::Word if word.is_empty() => {}
                    Kind::Word => {
                        let command = Some((at, word.to_owned()));
                        return Ok(Head { items, command });
                    }
                    _ => items.push(item),
                }
            }
        }
        Ok(Head {
            items,
            command: None,
        })
    }

    /// The directory of the command for a caller in `dir`, as changed by `-C`.
    pub(crate) fn directory(&self, dir: &Path) -> PathBuf {
        values(&self.items, Flag::Directory).fold(dir.to_owned(), |dir, to| dir.join(to))
    }
}

impl CommandLine {
    /// Parses `words`, the arguments of `cargo`, whose aliases have been expanded.
    ///
    /// # Errors
    ///
    /// For a command line that cargo would refuse, if that matters for planning: a flag without its
    /// value, `--verbose` with `--quiet`, an invalid color, an empty target or too many targets.
    pub(crate) fn parse<I>(words: I) -> Result<CommandLine>
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let original: Vec<OsString> = words.into_iter().map(Into::into).collect();
        let head = Head::parse(&original)?;
        let mut line = CommandLine {
            before: head.items,
            command: None,
            row: None,
            after: Vec::new(),
            trailing: Vec::new(),
            original: Vec::new(),
        };
        if let Some((at, name)) = head.command {
            line.row = name.to_str().and_then(commands::find);
            line.command = Some(name);
            line.read_after(&original[at + 1..])?;
        }
        line.original = original;
        line.check()?;
        Ok(line)
    }

    fn read_after(&mut self, words: &[OsString]) -> Result<()> {
        let phase = self.row.map_or(Phase::Plugin, |row| row.phase);
        let word_ends_flags = self.row.is_some_and(|row| row.word_ends_flags);
        let mut reader = Reader::new(words);
        while let Some(word) = reader.peek() {
            let rest = reader.rest();
            if word == "--" {
                self.trailing = rest.to_vec();
                break;
            }
            let items = reader.next(phase)?;
            let free = items.iter().any(|item| item.kind == Kind::Word);
            if free && word_ends_flags {
                self.trailing = rest.to_vec();
                break;
            }
            if !(free && word.is_empty()) {
                self.after.extend(items);
            }
        }
        Ok(())
    }

    /// Refuses what cargo would refuse before it does anything.
    fn check(&self) -> Result<()> {
        if self.has(Flag::Help) || self.before_has(Flag::Version) {
            return Ok(());
        }
        if self.phase() == Phase::Cargo {
            for color in self.values(Flag::Color) {
                if !["auto", "always", "never"]
                    .iter()
                    .any(|name| color == *name)
                {
                    let color = color.to_string_lossy();
                    let message = format!("`{color}` is not a value of `--color`");
                    return Err(problem::usage(message)
                        .with_help("write `--color auto`, `always` or `never`"));
                }
            }
            if self.has(Flag::Verbose) && self.has(Flag::Quiet) {
                return Err(problem::refused("cannot set both --verbose and --quiet")
                    .with_help("remove one of the two"));
            }
        }
        if self.values(Flag::Target).any(OsStr::is_empty) {
            return Err(no_target());
        }
        let several = self.values(Flag::Target).nth(1).is_some();
        if several && self.row.is_some_and(|row| row.one_target) {
            return Err(
                problem::refused("only one `--target` argument is supported")
                    .with_help("run the command once for each target"),
            );
        }
        Ok(())
    }

    fn phase(&self) -> Phase {
        self.row.map_or(Phase::Plugin, |row| row.phase)
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.before.iter().chain(&self.after)
    }

    fn before_has(&self, flag: Flag) -> bool {
        self.before.iter().any(|item| item.has(flag))
    }

    /// The words as given.
    pub(crate) fn original(&self) -> &[OsString] {
        &self.original
    }

    /// The subcommand by its full name, or as written if it is unknown.
    pub(crate) fn name(&self) -> Option<&str> {
        let written = self.command.as_deref().and_then(OsStr::to_str);
        self.row.map(|row| row.name).or(written)
    }

    /// Whether it hands arguments to a compiler, which cargo then starts for one target only.
    pub(crate) fn is_for_one_compiler(&self) -> bool {
        let own = self.original.len().saturating_sub(self.trailing.len());
        let mut own = self.original[..own].iter().filter_map(|word| word.to_str());
        let is_for_one = self.trailing.iter().any(|word| word != "--")
            || own.any(|word| word.starts_with(CRATE_TYPE));
        matches!(self.name(), Some("rustc" | "rustdoc")) && is_for_one
    }

    /// Whether the flag is given before `--`.
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.items().any(|item| item.has(flag))
    }

    /// The values of a flag, in order.
    pub(crate) fn values(&self, flag: Flag) -> impl Iterator<Item = &OsStr> {
        self.items()
            .flat_map(Item::flags)
            .filter(move |given| given.flag == flag)
            .filter_map(|given| given.value.as_deref())
    }

    /// The values of a flag that are UTF-8, in order.
    pub(crate) fn texts(&self, flag: Flag) -> impl Iterator<Item = &str> {
        self.values(flag).filter_map(OsStr::to_str)
    }

    /// The nested subcommand that the table knows, and its position in `after`.
    ///
    /// It is the first word that names one: other words may be values of the plugin's own flags.
    pub(crate) fn nested(&self) -> Option<(usize, &'static Nested)> {
        let row = self.row?;
        self.after.iter().enumerate().find_map(|(at, item)| {
            let word = Some(item).filter(|item| item.kind == Kind::Word)?;
            Some((at, row.nested(word.words.first()?.to_str()?)?))
        })
    }

    /// The table's rule for the command line; `None` if the subcommand is not in the table.
    pub(crate) fn rule(&self) -> Option<Rule> {
        let flagged = [Flag::Help, Flag::Version, Flag::List, Flag::Explain];
        if self.command.is_none() || flagged.iter().any(|flag| self.before_has(*flag)) {
            return Some(ITSELF);
        }
        let nested = self.nested().map(|(_, nested)| nested);
        let flags = |flag| self.has(flag);
        self.row.map(|row| row.rule(nested, flags))
    }

    /// Whether the subcommand starts programs of the target.
    pub(crate) fn starts_programs(&self) -> bool {
        let place = self.rule().map(|rule| rule.place);
        matches!(
            place,
            Some(Placement::Environment {
                runs_programs: true,
                ..
            })
        )
    }

    /// The name of the toolchain, as in `+nightly`; the last of several, as in `cross`.
    pub(crate) fn toolchain(&self) -> Option<&str> {
        let named = self.items().filter_map(|item| match &item.kind {
            Kind::Toolchain(name) => Some(name.as_str()),
            _ => None,
        });
        named.last()
    }

    /// The targets in order, without duplicates. [`HOST_TUPLE`] becomes `host`, and the path of a
    /// target specification becomes absolute.
    pub(crate) fn targets(&self, host: &str, dir: &Path) -> Vec<String> {
        let mut targets = Vec::new();
        for written in self.texts(Flag::Target) {
            let target = match written {
                HOST_TUPLE => host.to_owned(),
                file if file.ends_with(".json") => {
                    self.directory(dir).join(file).display().to_string()
                }
                triple => triple.to_owned(),
            };
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }

    /// The directory of the command for a caller in `dir`, as changed by `-C`.
    pub(crate) fn directory(&self, dir: &Path) -> PathBuf {
        values(&self.before, Flag::Directory).fold(dir.to_owned(), |dir, to| dir.join(to))
    }

    /// The values of `-Z` without which cargo does not read a manifest that uses the feature.
    pub(crate) fn manifest_features(&self) -> Vec<String> {
        let values = self.texts(Flag::Unstable);
        let of_manifests = values.filter(|value| MANIFEST_FEATURES.contains(value));
        of_manifests.map(str::to_owned).collect()
    }

    /// Whether an unstable flag makes cargo print what it would do, and do nothing.
    pub(crate) fn has_unstable_output(&self) -> bool {
        let prints = |word: &OsString| word == "--unit-graph" || word == "--build-plan";
        self.items().flat_map(|item| &item.words).any(prints)
    }

    /// The absolute path of `--target-dir`.
    pub(crate) fn target_dir(&self, dir: &Path) -> Option<PathBuf> {
        let given = self.values(Flag::TargetDir).last()?;
        Some(self.directory(dir).join(given))
    }

    /// The absolute path of `--manifest-path`.
    pub(crate) fn manifest_path(&self, dir: &Path) -> Option<PathBuf> {
        let given = self.values(Flag::ManifestPath).last()?;
        Some(self.directory(dir).join(given))
    }
}

fn values(items: &[Item], flag: Flag) -> impl Iterator<Item = &OsStr> {
    items
        .iter()
        .flat_map(Item::flags)
        .filter(move |given| given.flag == flag)
        .filter_map(|given| given.value.as_deref())
}

#[cfg(test)]
mod tests;
