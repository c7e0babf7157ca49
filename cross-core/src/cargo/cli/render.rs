//! A command line as it is given to a cargo: the environment's, for one target, or the host's.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::command::Placement;
use super::command_line::CommandLine;
use super::flags::{Flag, Phase};
use super::problem;
use super::words::{Item, Kind};
use crate::model::error::Result;

/// What the command line is completed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside<'a> {
    /// The directory the command line was given in; `-C` is still to be applied.
    pub(crate) dir: &'a Path,
    /// The target, as cargo inside has to be told.
    pub(crate) target: &'a str,
    /// Flags of ours, as in `-Zbuild-std`. They stand before the user's, so that the user's win.
    pub(crate) additions: &'a [String],
}

/// Words that were taken out or rewritten, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArgumentChange {
    /// As they were written; what is not UTF-8 is shown with replacement characters.
    pub words: Vec<String>,
    /// Why they are not given to cargo as they are.
    pub why: &'static str,
}

/// What becomes of an item.
enum Fate {
    Kept,
    Absolute,
    TakenOut(&'static str),
}

const ONCE_PER_TARGET: &str = "the command is given once for each target";

fn fate_inside(item: &Item) -> Fate {
    if let Kind::Toolchain(_) = item.kind {
        return Fate::TakenOut("the toolchain is mounted");
    }
    let reasons = [
        (Flag::Directory, "the command starts in that directory"),
        (Flag::Target, ONCE_PER_TARGET),
        (Flag::TargetDir, "the target directory is given by variable"),
        (Flag::Open, "there is no browser in the environment"),
    ];
    let reason = reasons.iter().find(|(flag, _)| item.has(*flag));
    match reason {
        Some((_, why)) => Fate::TakenOut(why),
        None if item.has(Flag::ManifestPath) => Fate::Absolute,
        None => Fate::Kept,
    }
}

fn fate_on_host(item: &Item, name: Option<&str>) -> Fate {
    if let Kind::Toolchain(_) = item.kind {
        return Fate::TakenOut("that toolchain's own cargo is started");
    }
    if item.has(Flag::Directory) {
        return Fate::TakenOut("the command starts in that directory");
    }
    if name == Some("metadata") && item.has(Flag::Target) {
        // Upstream takes it out too: scripts give it to every subcommand alike.
        return Fate::TakenOut("`metadata` has no such flag");
    }
    Fate::Kept
}

impl CommandLine {
    /// The arguments for the environment's cargo: the target exactly once, ours before the user's
    /// flags, everything of ours before `--`, and what follows it untouched.
    ///
    /// # Errors
    ///
    /// A word that is not UTF-8 cannot be given to an engine.
    pub(crate) fn inside(&self, to: &Inside<'_>) -> Result<Vec<String>> {
        let dir = self.directory(to.dir);
        let mut words = Vec::new();
        let mut ours = self.ours(to);
        let before = kept(&self.before, &dir);
        // Of a flag given on both sides of the subcommand cargo heeds only the second, so cargo's
        // own go to one side. A plugin would not understand them there.
        match self.row.map(|row| row.phase) {
            Some(Phase::Cargo) => ours.extend(before),
            _ => words.extend(before),
        }
        words.extend(self.name().map(OsString::from));
        let nested = self.nested().map_or(0, |(at, _)| at + 1);
        words.extend(kept(&self.after[..nested], &dir));
        words.append(&mut ours);
        words.extend(kept(&self.after[nested..], &dir));
        words.extend(self.trailing.iter().cloned());
        let texts = words.into_iter().map(OsString::into_string);
        texts
            .map(|text| text.map_err(|word| problem::not_utf8(&word)))
            .collect()
    }

    fn ours(&self, to: &Inside<'_>) -> Vec<OsString> {
        let Some(rule) = self.rule() else {
            return Vec::new();
        };
        let mut ours = Vec::new();
        if rule.target_flag {
            ours.extend(["--target".into(), to.target.into()]);
        }
        if let Placement::Environment { compiles: true, .. } = rule.place {
            ours.extend(to.additions.iter().map(OsString::from));
        }
        ours
    }

    /// The arguments for the host's cargo.
    pub(crate) fn on_host(&self) -> Vec<OsString> {
        let keep = |items: &[Item]| -> Vec<OsString> {
            let kept = items
                .iter()
                .filter(|item| matches!(fate_on_host(item, self.name()), Fate::Kept));
            kept.flat_map(|item| item.words.clone()).collect()
        };
        let mut words = keep(&self.before);
        words.extend(self.command.clone());
        words.extend(keep(&self.after));
        words.extend(self.trailing.iter().cloned());
        words
    }

    /// What is not given to cargo as it was written.
    pub(crate) fn changes(&self, place: Placement) -> Vec<ArgumentChange> {
        let items = self.before.iter().chain(&self.after);
        let changed = items.filter_map(|item| {
            let fate = match place {
                Placement::Environment { .. } => fate_inside(item),
                Placement::Host => fate_on_host(item, self.name()),
                Placement::Refused => Fate::Kept,
            };
            let Fate::TakenOut(why) = fate else {
                return None;
            };
            // That the target is said again is no change of what was meant.
            (why != ONCE_PER_TARGET).then(|| ArgumentChange {
                words: shown(&item.words),
                why,
            })
        });
        changed.collect()
    }
}

/// The words of the items that stay.
fn kept(items: &[Item], dir: &Path) -> Vec<OsString> {
    let mut words = Vec::new();
    for item in items {
        match fate_inside(item) {
            Fate::Kept => words.extend(item.words.iter().cloned()),
            Fate::Absolute => {
                for given in item.flags() {
                    let path = dir.join(given.value.as_deref().unwrap_or_default());
                    words.extend(["--manifest-path".into(), path.into_os_string()]);
                }
            }
            Fate::TakenOut(_) => {}
        }
    }
    words
}

/// Words as text.
pub(crate) fn shown(words: &[OsString]) -> Vec<String> {
    let shown = words.iter().map(|word| word.to_string_lossy().into_owned());
    shown.collect()
}
