//! What was decided for a command line: where each part of it runs and why, as data.

use std::fmt;

use cross_targets::edit_distance;
use serde::Serialize;

use super::aliases::{AliasExpansion, Expanded};
use super::command::{Placement, Rule};
use super::command_line::CommandLine;
use super::problem;
use super::render::{ArgumentChange, shown};
use super::table::COMMANDS;
use crate::model::error::Error;

/// Where a cargo command line runs, and why there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Decision {
    /// The subcommand under the name that cargo's documentation has for it.
    pub command: Option<String>,
    /// The command line as it was given.
    pub words: Vec<String>,
    /// The aliases it went through, in order.
    pub aliases: Vec<AliasExpansion>,
    /// Where it runs.
    pub place: Placement,
    /// Why there, as what follows `it`: `only reads manifests`.
    pub why: String,
    /// What to do instead, where it is refused.
    pub help: Option<String>,
    /// The command lines it becomes, in order: one for each target in the environment.
    pub parts: Vec<DecisionPart>,
    /// The words that cargo is not given as they were written.
    pub changes: Vec<ArgumentChange>,
    /// What the caller should know besides.
    pub warnings: Vec<String>,
}

/// One command that a command line becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DecisionPart {
    /// Where it runs.
    pub place: Placement,
    /// The target, where it runs in a target's environment.
    pub target: Option<String>,
}

impl Decision {
    /// Decides for `line`, which is `expanded` understood, for `targets`: those of the command line,
    /// else those of the configuration.
    pub(crate) fn new(expanded: &Expanded, line: &CommandLine, targets: &[String]) -> Decision {
        let (place, why, help) = match line.rule() {
            Some(rule) => (rule.place, rule.why.to_owned(), remedy(&rule)),
            None => {
                let written = line.command.as_deref().unwrap_or_default();
                let (why, help) = unknown_command(&written.to_string_lossy());
                (Placement::Refused, why, Some(help))
            }
        };
        Decision {
            command: line.name().map(str::to_owned),
            words: shown(line.original()),
            aliases: expanded.through.clone(),
            place,
            why,
            help,
            parts: parts(place, targets),
            changes: line.changes(place),
            warnings: expanded.warnings.clone(),
        }
    }

    /// The error of a command line that cannot be served.
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

/// A subcommand that the table does not know: it could compile for the host, so it is not run there.
fn unknown_command(name: &str) -> (String, String) {
    if name.contains('/') || name.ends_with(".rs") {
        return (
            "is a script, which cargo compiles for the host".to_owned(),
            format!("instead: `run --manifest-path {name}`"),
        );
    }
    let near = nearest(name).map(|it| format!("did you mean `{it}`? "));
    (
        "is neither a command of cargo, nor an alias, nor a plugin that is known here".to_owned(),
        format!(
            "{}a plugin that needs no environment can be called directly: `cargo {name}`",
            near.unwrap_or_default()
        ),
    )
}

fn nearest(name: &str) -> Option<&'static str> {
    // Two letters exchanged are two edits.
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
        let targets: Vec<String> = targets.iter().map(|it| (*it).to_owned()).collect();
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
                "`cargo` runs on the host: it only prints something of cargo itself",
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
    fn each_target_is_a_part() {
        let decision = decide(&["build"], &["a", "b"]);
        let targets: Vec<_> = decision
            .parts
            .iter()
            .map(|it| it.target.as_deref())
            .collect();
        assert_eq!(targets, [Some("a"), Some("b")]);
        assert_eq!(decide(&["tree"], &["a", "b"]).parts.len(), 1);
        assert_eq!(decide(&["watch"], &["a"]).parts, []);
        assert!(decide(&["build"], &["a"]).refusal().is_none());
        assert!(decide(&["tree"], &[]).refusal().is_none());
    }

    #[test]
    fn what_cannot_be_served_says_what_can() {
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
    fn what_is_taken_out_is_told() {
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
            .map(|it| it.words.join(" "))
            .collect();
        assert_eq!(words, ["+nightly", "--open", "--target-dir out"]);
        let decision = decide(&["metadata", "--target", "a", "--no-deps"], &[]);
        assert_eq!(decision.changes[0].words, ["--target", "a"]);
    }

    #[test]
    fn it_is_data() {
        let json = serde_json::to_value(decide(&["test", "--no-run"], &["a"])).unwrap();
        assert_eq!(
            json["place"],
            serde_json::json!({"environment": {"compiles": true, "runs_programs": false}})
        );
        assert_eq!(json["parts"][0]["target"], "a");
        assert_eq!(json["words"], serde_json::json!(["test", "--no-run"]));
    }
}
