//! Looks up subcommands in the table.

use super::command::Command;
use super::table::COMMANDS;

/// Finds the row of a subcommand by its name or by one of cargo's built-in aliases.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|row| row.name == name || row.aliases.contains(&name))
}

/// Whether the name is a built-in command, which no alias can shadow.
pub(crate) fn is_builtin(name: &str) -> bool {
    COMMANDS.iter().any(|row| row.builtin && row.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::cli::command::{HELP, ITSELF, Placement, Rule};
    use crate::cargo::cli::flags::Flag;
    use cross_engine::Network;
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    /// `cargo --list` of cargo 1.95, without the aliases and the plugins.
    const BUILTIN: &str = "add bench build check clean config doc fetch fix generate-lockfile \
        git-checkout help info init install locate-project login logout metadata new owner \
        package pkgid publish read-manifest remove report run rustc rustdoc search test tree \
        uninstall update vendor verify-project version yank";

    #[test]
    fn every_command_of_cargo_has_a_row_and_names_are_unique() {
        let builtin: BTreeSet<_> = BUILTIN.split_whitespace().collect();
        let rows = COMMANDS.iter().filter(|row| row.builtin);
        assert_eq!(rows.map(|row| row.name).collect::<BTreeSet<_>>(), builtin);
        let mut seen = BTreeSet::new();
        for row in COMMANDS {
            for name in [row.name].iter().chain(row.aliases) {
                assert!(seen.insert(*name), "{name} is in two rows");
            }
        }
        for (alias, name) in [
            ("b", "build"),
            ("c", "check"),
            ("d", "doc"),
            ("t", "test"),
            ("r", "run"),
            ("rm", "remove"),
        ] {
            assert_eq!(find(alias).unwrap().name, name);
            assert!(!is_builtin(alias), "a user's alias may redefine `{alias}`");
        }
    }

    fn rules() -> impl Iterator<Item = (&'static str, Rule)> {
        COMMANDS.iter().flat_map(|row| {
            let own = [row.rule].into_iter();
            let nested = row.nested.iter().map(|nested| nested.rule);
            let exceptions = row.exceptions.iter().map(|exception| exception.rule);
            own.chain(nested)
                .chain(exceptions)
                .map(|rule| (row.name, rule))
        })
    }

    #[test]
    fn exactly_the_refusals_have_a_remedy() {
        for (name, rule) in rules() {
            let refused = rule.place == Placement::Refused;
            assert_eq!(rule.remedy.is_some(), refused, "{name}");
            assert!(!rule.why.is_empty() && !rule.why.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn commands_that_compile_have_a_target_flag() {
        for (name, rule) in rules() {
            if let Placement::Environment { compiles, .. } = rule.place {
                assert!(rule.target_flag || !compiles, "{name}");
            }
        }
    }

    #[test]
    fn nothing_in_an_environment_gets_a_network() {
        let network = |name: &str| find(name).unwrap().rule.place.network();
        assert_eq!(network("build"), Some(Network::None));
        assert_eq!(network("clippy"), Some(Network::None));
        assert_eq!(network("test"), Some(Network::None));
        assert_eq!(network("bench"), Some(Network::None));
        assert_eq!(network("fetch"), None);
    }

    #[test]
    fn flags_and_nested_subcommands_change_where_a_command_runs() {
        let place = |name: &str, nested: Option<&str>, flags: &[Flag]| {
            let row = find(name).unwrap();
            let nested = nested.map(|name| row.nested(name).unwrap());
            row.rule(nested, |flag| flags.contains(&flag)).place
        };
        let compiles = Placement::Environment {
            compiles: true,
            runs_programs: false,
        };
        assert_eq!(place("test", None, &[Flag::NoRun]), compiles);
        assert_eq!(place("test", None, &[Flag::Help]), Placement::Host);
        assert_eq!(place("nextest", Some("run"), &[Flag::NoRun]), compiles);
        assert_eq!(place("nextest", Some("archive"), &[]), compiles);
        assert_eq!(
            place("nextest", Some("show-config"), &[Flag::NoRun]),
            Placement::Host
        );
        assert_eq!(place("nextest", None, &[Flag::Version]), Placement::Host);
        assert_eq!(place("package", None, &[]), Placement::Host);
        assert_eq!(place("package", None, &[Flag::Target]), Placement::Refused);
        assert_eq!(
            place("package", None, &[Flag::Target, Flag::NoVerify]),
            Placement::Host
        );
        assert_eq!(place("install", None, &[Flag::Target]), Placement::Refused);
        assert_eq!(place("install", None, &[Flag::Version]), Placement::Host);
    }

    #[test]
    fn the_documentation_has_a_line_for_every_rule() {
        let text = markdown();
        assert_eq!(text.lines().count(), 2 + rules().count() + 2);
        assert!(
            text.contains(
                "| `build`, `b` | in the environment | none | compiles for the target |\n"
            )
        );
        assert!(text.contains("| `nextest run`, `nextest r` | in the environment | none |"));
        assert!(
            text.lines().all(|line| line.matches(" | ").count() == 3),
            "{text}"
        );
    }

    #[test]
    fn the_documentation_has_the_current_table() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/moving-from-cross.md");
        let text = std::fs::read_to_string(file).unwrap();
        let start = text
            .find("<!-- made from the code: subcommands -->\n\n")
            .unwrap();
        let end = text.find("\n<!-- end: subcommands -->").unwrap();
        let written = text[start..end].split_once("\n\n").unwrap().1;
        let table = markdown();
        assert!(written == table, "write this into {file}:\n{table}");
    }

    /// The table for the documentation, in Markdown.
    fn markdown() -> String {
        let mut text = String::from(
            "| `cargo …` | runs | network | because it |\n\
             | --- | --- | --- | --- |\n",
        );
        for command in COMMANDS {
            let names = [command.name]
                .into_iter()
                .chain(command.aliases.iter().copied());
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            line(&mut text, &names.join(", "), &command.rule);
            for nested in command.nested {
                let names = nested.names.iter();
                let names = names.map(|name| format!("`{} {name}`", command.name));
                let names: Vec<_> = names.collect();
                line(&mut text, &names.join(", "), &nested.rule);
            }
            for exception in command.exceptions {
                let name = format!("`{}` {}", command.name, exception.shown);
                line(&mut text, &name, &exception.rule);
            }
        }
        line(&mut text, "any with `--help`", &HELP);
        line(&mut text, "no subcommand, `--list`, `--version`", &ITSELF);
        text
    }

    fn line(text: &mut String, name: &str, rule: &Rule) {
        let place = match rule.place {
            Placement::Environment { .. } => "in the environment",
            Placement::Host => "on the host",
            Placement::Refused => "refused",
        };
        let network = match rule.place.network() {
            Some(_) => "none",
            None if rule.place == Placement::Host => "the host's",
            None => "",
        };
        let why = match rule.remedy {
            Some(remedy) => format!("{}; instead: {remedy}", rule.why),
            None => rule.why.to_owned(),
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "| {name} | {place} | {network} | {why} |");
    }
}
