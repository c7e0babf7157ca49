//! Renders a command line for the environment's cargo, for one target, or for the host's cargo.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::command::Placement;
use super::command_line::CommandLine;
use super::flags::{Flag, Phase};
use super::problem;
use super::words::{Item, Kind};
use crate::model::error::Result;

/// The arguments that complete a command line in the environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EnvironmentArguments<'a> {
    /// The manifest, if the command line names one.
    pub(crate) manifest: Option<&'a Path>,
    /// The values of `--target` for the environment's cargo.
    pub(crate) targets: &'a [String],
    /// Flags of this library, such as `-Zbuild-std`. The user's flags follow them and so override
    /// them.
    pub(crate) additions: &'a [String],
}

/// Arguments that were removed or rewritten, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArgumentChange {
    /// The arguments as written, with replacement characters for bytes that are not UTF-8.
    pub words: Vec<String>,
    /// The reason for the change.
    pub why: &'static str,
}

/// The treatment of an item.
enum Disposition {
    Kept,
    /// Written as [`EnvironmentArguments::manifest`].
    Manifest,
    /// Removed, for this reason.
    Removed(&'static str),
}

const ONCE_PER_TARGET: &str = "the command runs once for each target";

fn in_environment(item: &Item) -> Disposition {
    if let Kind::Toolchain(_) = item.kind {
        return Disposition::Removed("the toolchain is mounted");
    }
    let reasons = [
        (Flag::Directory, "the command starts in that directory"),
        (Flag::Target, ONCE_PER_TARGET),
        (Flag::TargetDir, "a variable sets the target directory"),
        (Flag::Open, "there is no browser in the environment"),
    ];
    let reason = reasons.iter().find(|(flag, _)| item.has(*flag));
    match reason {
        Some((_, why)) => Disposition::Removed(why),
        None if item.has(Flag::ManifestPath) => Disposition::Manifest,
        None => Disposition::Kept,
    }
}

fn on_host(item: &Item, name: Option<&str>) -> Disposition {
    if let Kind::Toolchain(_) = item.kind {
        return Disposition::Removed("that toolchain's own cargo is started");
    }
    if item.has(Flag::Directory) {
        return Disposition::Removed("the command starts in that directory");
    }
    if name == Some("metadata") && item.has(Flag::Target) {
        // `cross` removes the flag too, because scripts pass it to every subcommand.
        return Disposition::Removed("`metadata` has no such flag");
    }
    Disposition::Kept
}

impl CommandLine {
    /// The arguments for the environment's cargo. The target is given exactly once, this library's
    /// flags precede the user's, and the arguments from `--` on are unchanged.
    ///
    /// # Errors
    ///
    /// If an argument is not UTF-8, because it cannot be passed to an engine.
    pub(crate) fn in_environment(&self, to: &EnvironmentArguments<'_>) -> Result<Vec<String>> {
        let mut words = Vec::new();
        let mut added = self.added_flags(to);
        let before = kept(&self.before, to.manifest);
        // If a flag is on both sides of the subcommand, cargo ignores the first one. So cargo's
        // flags are all moved behind the subcommand. A plugin may not know them there.
        match self.row.map(|row| row.phase) {
            Some(Phase::Cargo) => added.extend(before),
            _ => words.extend(before),
        }
        words.extend(self.name().map(OsString::from));
        let nested = self.nested().map_or(0, |(at, _)| at + 1);
        words.extend(kept(&self.after[..nested], to.manifest));
        words.append(&mut added);
        words.extend(kept(&self.after[nested..], to.manifest));
        words.extend(self.trailing.iter().cloned());
        let texts = words.into_iter().map(OsString::into_string);
        texts
            .map(|text| text.map_err(|word| problem::not_utf8(&word)))
            .collect()
    }

    fn added_flags(&self, to: &EnvironmentArguments<'_>) -> Vec<OsString> {
        let Some(rule) = self.rule() else {
            return Vec::new();
        };
        let mut added = Vec::new();
        if rule.target_flag {
            for target in to.targets {
                added.extend(["--target".into(), target.into()]);
            }
        }
        if let Placement::Environment { compiles: true, .. } = rule.place {
            added.extend(to.additions.iter().map(OsString::from));
        }
        added
    }

    /// The arguments for the host's cargo.
    pub(crate) fn on_host(&self) -> Vec<OsString> {
        let keep = |items: &[Item]| -> Vec<OsString> {
            let kept = items
                .iter()
                .filter(|item| matches!(on_host(item, self.name()), Disposition::Kept));
            kept.flat_map(|item| item.words.clone()).collect()
        };
        let mut words = keep(&self.before);
        words.extend(self.command.clone());
        words.extend(keep(&self.after));
        words.extend(self.trailing.iter().cloned());
        words
    }

    /// The arguments that are not passed to cargo as written.
    pub(crate) fn changes(&self, place: Placement) -> Vec<ArgumentChange> {
        let items = self.before.iter().chain(&self.after);
        let changed = items.filter_map(|item| {
            let disposition = match place {
                Placement::Environment { .. } => in_environment(item),
                Placement::Host => on_host(item, self.name()),
                Placement::Refused => Disposition::Kept,
            };
            let Disposition::Removed(why) = disposition else {
                return None;
            };
            // The target is given again, so nothing changes.
            (why != ONCE_PER_TARGET).then(|| ArgumentChange {
                words: to_text(&item.words),
                why,
            })
        });
        changed.collect()
    }
}

/// The words of the items that are kept.
fn kept(items: &[Item], manifest: Option<&Path>) -> Vec<OsString> {
    let mut words = Vec::new();
    for item in items {
        match in_environment(item) {
            Disposition::Kept => words.extend(item.words.iter().cloned()),
            Disposition::Manifest => {
                let words_of = |path: &Path| ["--manifest-path".into(), path.into()];
                words.extend(manifest.into_iter().flat_map(words_of));
            }
            Disposition::Removed(_) => {}
        }
    }
    words
}

/// The words as text, with replacement characters for bytes that are not UTF-8.
pub(crate) fn to_text(words: &[OsString]) -> Vec<String> {
    let texts = words.iter().map(|word| word.to_string_lossy().into_owned());
    texts.collect()
}
