//! The table of cargo's flags: whether a flag takes a value, and which flags matter for planning.
//!
//! Source: `cargo COMMAND --help` of cargo 1.95 for every command, and the plugins' own help.

/// A flag that matters for planning. Any other flag is [`Flag::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Flag {
    AllFeatures,
    AllTargets,
    Bench,
    Benches,
    Bin,
    Bins,
    Color,
    Config,
    Directory,
    Example,
    Examples,
    Exclude,
    Explain,
    Features,
    Fix,
    Frozen,
    Help,
    Jobs,
    Lib,
    List,
    Locked,
    LockfilePath,
    ManifestPath,
    MessageFormat,
    NoDefaultFeatures,
    NoRun,
    NoVerify,
    Offline,
    Open,
    Package,
    Profile,
    Quiet,
    Release,
    Target,
    TargetDir,
    Test,
    Tests,
    Unstable,
    Verbose,
    Version,
    Workspace,
    Other,
}

/// Whether a flag takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Value,
    /// The value is optional: `cargo build --bin` lists the binaries.
    Optional,
}

/// The part of a command line that an argument is in, which decides the flags that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Before the subcommand.
    Before,
    /// After a subcommand that takes cargo's flags.
    Cargo,
    /// After a subcommand with its own flags, of which only those that cargo shares are known.
    Plugin,
}

/// The subcommands that have a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Only cargo itself, before the subcommand.
    Itself,
    /// Cargo itself and every subcommand, including plugins, by convention.
    Everywhere,
    /// Cargo's own subcommands.
    Cargo,
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) takes: Takes,
    pub(crate) flag: Flag,
    scope: Scope,
}

const fn row(long: &'static str, takes: Takes, flag: Flag, scope: Scope) -> Row {
    Row {
        long,
        short: None,
        takes,
        flag,
        scope,
    }
}

const fn short(letter: char, row: Row) -> Row {
    Row {
        short: Some(letter),
        ..row
    }
}

use Scope::{Cargo, Everywhere, Itself};
use Takes::{Nothing, Optional, Value};

/// The flags that take a value or matter for planning.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    // `-C` has no long form.
    short('C', row("", Value, Flag::Directory, Itself)),
    row("explain", Value, Flag::Explain, Itself),
    row("list", Nothing, Flag::List, Itself),

    short('h', row("help", Nothing, Flag::Help, Everywhere)),
    short('V', row("version", Nothing, Flag::Version, Everywhere)),
    short('v', row("verbose", Nothing, Flag::Verbose, Everywhere)),
    short('q', row("quiet", Nothing, Flag::Quiet, Everywhere)),
    short('Z', row("", Value, Flag::Unstable, Everywhere)),
    row("color", Value, Flag::Color, Everywhere),
    row("config", Value, Flag::Config, Everywhere),
    row("locked", Nothing, Flag::Locked, Everywhere),
    row("offline", Nothing, Flag::Offline, Everywhere),
    row("frozen", Nothing, Flag::Frozen, Everywhere),

    row("target", Value, Flag::Target, Everywhere),
    row("target-dir", Value, Flag::TargetDir, Everywhere),
    row("manifest-path", Value, Flag::ManifestPath, Everywhere),
    row("lockfile-path", Value, Flag::LockfilePath, Everywhere),
    short('F', row("features", Value, Flag::Features, Everywhere)),
    row("all-features", Nothing, Flag::AllFeatures, Everywhere),
    row("no-default-features", Nothing, Flag::NoDefaultFeatures, Everywhere),
    short('p', row("package", Optional, Flag::Package, Everywhere)),
    row("workspace", Nothing, Flag::Workspace, Everywhere),
    row("all", Nothing, Flag::Workspace, Everywhere),
    row("exclude", Value, Flag::Exclude, Everywhere),
    short('r', row("release", Nothing, Flag::Release, Everywhere)),
    row("cargo-profile", Value, Flag::Profile, Everywhere),
    short('j', row("jobs", Value, Flag::Jobs, Everywhere)),
    row("message-format", Value, Flag::MessageFormat, Everywhere),
    row("no-run", Nothing, Flag::NoRun, Everywhere),
    row("fix", Nothing, Flag::Fix, Everywhere),
    row("open", Nothing, Flag::Open, Everywhere),

    // Nextest's `--profile` has another meaning.
    row("profile", Value, Flag::Profile, Cargo),
    row("no-verify", Nothing, Flag::NoVerify, Cargo),
    row("lib", Nothing, Flag::Lib, Cargo),
    row("bin", Optional, Flag::Bin, Cargo),
    row("bins", Nothing, Flag::Bins, Cargo),
    row("example", Optional, Flag::Example, Cargo),
    row("examples", Nothing, Flag::Examples, Cargo),
    row("test", Optional, Flag::Test, Cargo),
    row("tests", Nothing, Flag::Tests, Cargo),
    row("bench", Optional, Flag::Bench, Cargo),
    row("benches", Nothing, Flag::Benches, Cargo),
    row("all-targets", Nothing, Flag::AllTargets, Cargo),
    row("artifact-dir", Value, Flag::Other, Cargo),
    row("crate-type", Value, Flag::Other, Cargo),
    row("print", Value, Flag::Other, Cargo),
    row("output-format", Value, Flag::Other, Cargo),
    row("filter-platform", Value, Flag::Other, Cargo),
    row("format-version", Value, Flag::Other, Cargo),
];

impl Row {
    /// Whether the flag exists in `phase`. Before the subcommand all flags do, so that the value of
    /// a misplaced flag is not taken for the subcommand.
    fn applies(&self, phase: Phase) -> bool {
        match phase {
            Phase::Before => true,
            Phase::Cargo => self.scope != Itself,
            Phase::Plugin => self.scope == Everywhere,
        }
    }

    /// The flag as written on a command line: `--jobs`.
    pub(crate) fn written(&self) -> String {
        match (self.long, self.short) {
            ("", Some(letter)) => format!("-{letter}"),
            (long, _) => format!("--{long}"),
        }
    }
}

/// Finds a flag by its long name, without dashes.
pub(crate) fn long(name: &str, phase: Phase) -> Option<&'static Row> {
    ROWS.iter()
        .find(|row| !row.long.is_empty() && row.long == name && row.applies(phase))
}

/// Finds a flag by its letter.
pub(crate) fn letter(letter: char, phase: Phase) -> Option<&'static Row> {
    ROWS.iter()
        .find(|row| row.short == Some(letter) && row.applies(phase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (n, row) in ROWS.iter().enumerate() {
            for other in &ROWS[..n] {
                assert!(row.long.is_empty() || row.long != other.long, "{row:?}");
                assert!(row.short.is_none() || row.short != other.short, "{row:?}");
            }
        }
    }

    #[test]
    fn a_plugin_has_only_the_flags_of_every_subcommand() {
        assert_eq!(
            long("profile", Phase::Cargo).map(|row| row.flag),
            Some(Flag::Profile)
        );
        assert!(long("profile", Phase::Plugin).is_none());
        assert!(long("target", Phase::Plugin).is_some());
        assert!(letter('C', Phase::Cargo).is_none());
        assert!(letter('C', Phase::Before).is_some());
    }
}
