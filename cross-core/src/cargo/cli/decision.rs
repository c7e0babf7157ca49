//! The decision where each part of a cargo command line runs, and the reason.

use std::fmt;

use cross_targets::edit_distance;
use serde::Serialize;

use super::aliases::{AliasExpansion, Expanded};
use super::command::{Placement, Rule};
use super::command_line::CommandLine;
use super::problem;
use super::render::{ArgumentChange, to_text};
use super::table::COMMANDS;
use crate::model::error::Error;

/// Where a cargo command line runs, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// The subcommand, by its full name.
    pub command: Option<String>,
    /// The command line as given.
    pub words: Vec<String>,
    /// The aliases that were expanded, in order.
    pub aliases: Vec<AliasExpansion>,
    /// Where the command runs.
    pub place: Placement,
    /// The reason, as the rest of a sentence that begins with `it`: `only reads manifests`.
    pub why: String,
    /// What to do instead, if the command is refused.
    pub help: Option<String>,
    /// The commands that run, in order: one for each target if they run in an environment.
    pub parts: Vec<DecisionPart>,
    /// The arguments that are not passed to cargo as written.
    pub changes: Vec<ArgumentChange>,
    /// Warnings about the command line.
    pub warnings: Vec<String>,
}

/// One command that runs for a command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DecisionPart {
    /// Where the command runs.
    pub place: Placement,
    /// The target, if the command runs in a target's environment.
    pub target: Option<String>,
}

impl Decision {
    /// Decides where `line`, the parsed form of `expanded`, runs for `targets`.
    pub(crate) fn new(expanded: &Expanded, line: &CommandLine, targets: &[String]) -> Decision {
        let (place, why, help) = match line.rule() {
            Some(rule) => (rule.place, rule.why.to_owned(), remedy(&rule)),
            None => {
                let name = line.command.as_deref().unwrap_or_default();
                let (why, help) = unknown_command(&name.to_string_lossy());
                (Placement::Refused, why, Some(help))
            }
        };
        Decision {
            command: line.name().map(str::to_owned),
            words: to_text(line.original()),
            aliases: expanded.through.clone(),
            place,
            why,
            help,
            parts: parts(place, targets),
            changes: line.changes(place),
            warnings: expanded.warnings.clone(),
        }
    }

    /// The error for a command line that is refused.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let error = problem::refused(self.to_string());
        match (&self.help, self.place) {
            (Some(help), Placement::Refused) => Some(error.with_help(help)),
            (None, Placement::Refused) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(f, "`cargo {command}`")?,
            None => f.write_str("`cargo`")?,
        }
        match self.place {
            Placement::Environment { .. } => f.write_str(" runs in the environment")?,
            Placement::Host => f.write_str(" runs on the host")?,
            Placement::Refused => f.write_str(" cannot be served")?,
        }
        write!(f, ": it {}", self.why)
    }
}

fn remedy(rule: &Rule) -> Option<String> {
    rule.remedy.map(|remedy| format!("instead: {remedy}"))
}

fn parts(place: Placement, targets: &[String]) -> Vec<DecisionPart> {
    match place {
        Placement::Environment { .. } => {
            let part = |target: &String| DecisionPart {
                place,
                target: Some(target.clone()),
            };
            targets.iter().map(part).collect()
        }
        Placement::Host => vec![DecisionPart {
            place,
            target: None,
        }],
        Placement::Refused => Vec::new(),
    }
}

/// The reason and remedy for a subcommand that is not in the table. It is not run on the host,
/// because it could compile for the host.
fn unknown_command(name: &str) -> (String, String) {
    if name.contains('/') || name.ends_with(".rs") {
        return (
            "is a cargo script, which cargo compiles for the host".to_owned(),
            format!("instead: `run --manifest-path {name}`"),
        );
    }
    let suggestion = nearest(name).map(|command| format!("did you mean `{command}`? "));
    (
        "is not a command of cargo, an alias, or a known plugin".to_owned(),
        format!(
            "{}a plugin that needs no environment can be called directly: `cargo {name}`",
            suggestion.unwrap_or_default()
        ),
    )
}

/// The subcommand with the most similar name.
fn nearest(name: &str) -> Option<&'static str> {
    // Swapping two letters counts as two edits.
    let limit = (name.chars().count() / 2).clamp(1, 3);
    COMMANDS
        .iter()
        .map(|row| (edit_distance(name, row.name), row.name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn decide(words: &[&str], targets: &[&str]) -> Decision {
        let line = CommandLine::parse(words.iter().map(OsString::from)).unwrap();
        let expanded = Expanded {
            words: line.original().to_vec(),
            through: Vec::new(),
            warnings: Vec::new(),
        };
        let targets: Vec<String> = targets.iter().map(|&target| target.to_owned()).collect();
        Decision::new(&expanded, &line, &targets)
    }

    #[test]
    fn a_decision_reads_as_a_sentence() {
        for (words, sentence) in [
            (
                &["tree"][..],
                "`cargo tree` runs on the host: it only reads manifests",
            ),
            (
                &["b"],
                "`cargo build` runs in the environment: it compiles for the target",
            ),
            (
                &["--version"],
                "`cargo` runs on the host: it only prints information about cargo",
            ),
            (
                &["test", "--help"],
                "`cargo test` runs on the host: it only prints its help",
            ),
            (
                &["watch"],
                "`cargo watch` cannot be served: it starts the host's cargo again and again, for \
                 the host",
            ),
        ] {
            assert_eq!(decide(words, &[]).to_string(), sentence);
        }
    }

    #[test]
    fn there_is_one_part_for_each_target() {
        let decision = decide(&["build"], &["a", "b"]);
        let targets: Vec<_> = decision
            .parts
            .iter()
            .map(|part| part.target.as_deref())
            .collect();
        assert_eq!(targets, [Some("a"), Some("b")]);
        assert_eq!(decide(&["tree"], &["a", "b"]).parts.len(), 1);
        assert_eq!(decide(&["watch"], &["a"]).parts, []);
        assert!(decide(&["build"], &["a"]).refusal().is_none());
        assert!(decide(&["tree"], &[]).refusal().is_none());
    }

    #[test]
    fn a_refusal_names_an_alternative() {
        for (word, help) in [
            (
                "zigbuild",
                "instead: `build` with `zig = true` in Cross.toml",
            ),
            ("biuld", "did you mean `build`? a plugin"),
            ("nextst", "did you mean `nextest`?"),
            (
                "frobnicate",
                "a plugin that needs no environment can be called directly: `cargo frob",
            ),
            ("./hello.rs", "instead: `run --manifest-path ./hello.rs`"),
            ("é", "a plugin that needs no environment"),
        ] {
            let error = decide(&[word], &["a"]).refusal().unwrap();
            let found = error.help().unwrap();
            assert!(found.starts_with(help), "{found}");
            assert_eq!(error.code(), Some(101));
        }
    }

    #[test]
    fn removed_arguments_are_listed() {
        let decision = decide(
            &[
                "+nightly",
                "doc",
                "--open",
                "--target-dir",
                "out",
                "--target",
                "a",
            ],
            &["a"],
        );
        let words: Vec<_> = decision
            .changes
            .iter()
            .map(|change| change.words.join(" "))
            .collect();
        assert_eq!(words, ["+nightly", "--open", "--target-dir out"]);
        let decision = decide(&["metadata", "--target", "a", "--no-deps"], &[]);
        assert_eq!(decision.changes[0].words, ["--target", "a"]);
    }

    #[test]
    fn a_decision_is_serializable() {
        let json = serde_json::to_value(decide(&["test", "--no-run"], &["a"])).unwrap();
        assert_eq!(
            json["place"],
            serde_json::json!({"environment": {"compiles": true, "runs_programs": false}})
        );
        assert_eq!(json["parts"][0]["target"], "a");
        assert_eq!(json["words"], serde_json::json!(["test", "--no-run"]));
    }
}
