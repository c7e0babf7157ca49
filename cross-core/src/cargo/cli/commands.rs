//! What the table of subcommands is made of, and how a row answers for one command line.

use std::fmt::Write as _;

use cross_engine::Network;
use serde::Serialize;

use super::flags::{Flag, Phase};
use super::table::COMMANDS;

/// Where a subcommand runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Place {
    /// In the target's environment.
    Environment {
        /// Whether it compiles for the target.
        compiles: bool,
        /// Whether it starts programs of the target.
        runs_programs: bool,
    },
    /// With the host's cargo: neither compiles for the target nor runs on it.
    Host,
    /// Nowhere: it cannot be served, and its remedy says what can.
    Refused,
}

impl Place {
    /// The network it gets where the configuration names none: what compiles needs none, for its
    /// dependencies are fetched before; a program may need one. `None` on the host, whose network
    /// is not ours to arrange.
    pub fn network(self) -> Option<Network> {
        match self {
            Place::Environment {
                runs_programs: true,
                ..
            } => Some(Network::Default),
            Place::Environment { .. } => Some(Network::None),
            Place::Host | Place::Refused => None,
        }
    }
}

/// Where something runs, and why there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) place: Place,
    /// The reason, as what follows `it`: `compiles for the target`.
    pub(crate) why: &'static str,
    /// What to do instead, where it is refused.
    pub(crate) remedy: Option<&'static str>,
    /// Whether it has a `--target` flag.
    pub(crate) target_flag: bool,
}

/// A subcommand: one row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// Cargo's own other names for it, which a user's alias may redefine.
    pub(crate) aliases: &'static [&'static str],
    /// Whether it is cargo's own, which no alias can shadow, or a program `cargo-NAME`.
    pub(crate) builtin: bool,
    /// Which flags it has.
    pub(crate) phase: Phase,
    /// Whether its first free word ends the flags: what follows is a program's.
    pub(crate) word_ends_flags: bool,
    /// Whether cargo refuses a second `--target`.
    pub(crate) one_target: bool,
    pub(crate) rule: Rule,
    /// Its own subcommands that differ from it.
    pub(crate) nested: &'static [Nested],
    /// Flags that change where it runs; the first that applies decides.
    pub(crate) exceptions: &'static [Exception],
}

/// A subcommand's own subcommand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nested {
    pub(crate) names: &'static [&'static str],
    pub(crate) rule: Rule,
}

/// A flag that changes where a subcommand runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exception {
    pub(crate) with: Flag,
    pub(crate) without: Option<Flag>,
    /// How the documentation names it.
    pub(crate) shown: &'static str,
    pub(crate) rule: Rule,
}

/// What any subcommand does with `--help`.
pub(crate) const HELP: Rule = Rule {
    place: Place::Host,
    why: "only prints its help",
    remedy: None,
    target_flag: false,
};

/// What a plugin does with `--version`.
pub(crate) const VERSION: Rule = Rule {
    why: "only prints its version",
    ..HELP
};

/// A command line that never gets to a subcommand: `--list`, `--version`, `--explain`, or none.
pub(crate) const ITSELF: Rule = Rule {
    why: "only prints something of cargo itself",
    ..HELP
};

/// The row of a subcommand, by its name or by cargo's other names for it.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|row| row.name == name || row.aliases.contains(&name))
}

/// Whether no alias can shadow this name.
pub(crate) fn is_builtin(name: &str) -> bool {
    COMMANDS.iter().any(|row| row.builtin && row.name == name)
}

impl Command {
    /// The nested subcommand of this name.
    pub(crate) fn nested(&self, name: &str) -> Option<&'static Nested> {
        self.nested.iter().find(|it| it.names.contains(&name))
    }

    /// Where it runs with these flags, and why.
    pub(crate) fn rule(&self, nested: Option<&Nested>, has: impl Fn(Flag) -> bool) -> Rule {
        if has(Flag::Help) {
            return HELP;
        }
        if !self.builtin && has(Flag::Version) {
            return VERSION;
        }
        let base = nested.map_or(self.rule, |it| it.rule);
        let exception = self
            .exceptions
            .iter()
            .find(|it| has(it.with) && !it.without.is_some_and(&has) && it.matters(base.place));
        exception.map_or(base, |it| it.rule)
    }
}

impl Exception {
    /// An exception that only takes programs away says nothing of a command that starts none.
    fn matters(&self, base: Place) -> bool {
        match (base, self.rule.place) {
            (Place::Environment { runs_programs, .. }, Place::Environment { .. }) => runs_programs,
            (Place::Host, Place::Environment { .. }) => false,
            _ => true,
        }
    }
}

/// The table for the documentation, in Markdown.
pub fn markdown() -> String {
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
            let names: Vec<_> = names.map(|it| format!("`{} {it}`", command.name)).collect();
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
        Place::Environment { .. } => "in the environment",
        Place::Host => "on the host",
        Place::Refused => "refused",
    };
    let network = match rule.place.network() {
        Some(Network::None) => "none",
        Some(_) => "the engine's",
        None if rule.place == Place::Host => "the host's",
        None => "",
    };
    let why = match rule.remedy {
        Some(remedy) => format!("{}; instead: {remedy}", rule.why),
        None => rule.why.to_owned(),
    };
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "| {name} | {place} | {network} | {why} |");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// `cargo --list` of cargo 1.95, without the aliases and the plugins.
    const BUILTIN: &str = "add bench build check clean config doc fetch fix generate-lockfile \
        git-checkout help info init install locate-project login logout metadata new owner \
        package pkgid publish read-manifest remove report run rustc rustdoc search test tree \
        uninstall update vendor verify-project version yank";

    #[test]
    fn every_command_of_cargo_has_a_row_and_no_name_is_there_twice() {
        let builtin: BTreeSet<_> = BUILTIN.split_whitespace().collect();
        let rows = COMMANDS.iter().filter(|row| row.builtin);
        assert_eq!(rows.map(|row| row.name).collect::<BTreeSet<_>>(), builtin);
        let mut seen = BTreeSet::new();
        for row in COMMANDS {
            for name in [row.name].iter().chain(row.aliases) {
                assert!(seen.insert(*name), "{name} is there twice");
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
            let nested = row.nested.iter().map(|it| it.rule);
            let exceptions = row.exceptions.iter().map(|it| it.rule);
            own.chain(nested)
                .chain(exceptions)
                .map(|rule| (row.name, rule))
        })
    }

    #[test]
    fn every_refusal_has_a_remedy_and_nothing_else_has() {
        for (name, rule) in rules() {
            let refused = rule.place == Place::Refused;
            assert_eq!(rule.remedy.is_some(), refused, "{name}");
            assert!(!rule.why.is_empty() && !rule.why.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn what_compiles_or_runs_needs_a_target() {
        for (name, rule) in rules() {
            if let Place::Environment { compiles, .. } = rule.place {
                assert!(rule.target_flag || !compiles, "{name}");
            }
        }
    }

    #[test]
    fn only_what_starts_programs_gets_a_network() {
        let network = |name: &str| find(name).unwrap().rule.place.network();
        assert_eq!(network("build"), Some(Network::None));
        assert_eq!(network("clippy"), Some(Network::None));
        assert_eq!(network("test"), Some(Network::Default));
        assert_eq!(network("bench"), Some(Network::Default));
        assert_eq!(network("fetch"), None);
    }

    #[test]
    fn flags_and_nested_subcommands_change_where_a_command_runs() {
        let place = |name: &str, nested: Option<&str>, flags: &[Flag]| {
            let row = find(name).unwrap();
            let nested = nested.map(|it| row.nested(it).unwrap());
            row.rule(nested, |flag| flags.contains(&flag)).place
        };
        let compiles = Place::Environment {
            compiles: true,
            runs_programs: false,
        };
        assert_eq!(place("test", None, &[Flag::NoRun]), compiles);
        assert_eq!(place("test", None, &[Flag::Help]), Place::Host);
        assert_eq!(place("nextest", Some("run"), &[Flag::NoRun]), compiles);
        assert_eq!(place("nextest", Some("archive"), &[]), compiles);
        assert_eq!(
            place("nextest", Some("show-config"), &[Flag::NoRun]),
            Place::Host
        );
        assert_eq!(place("nextest", None, &[Flag::Version]), Place::Host);
        assert_eq!(place("package", None, &[]), Place::Host);
        assert_eq!(place("package", None, &[Flag::Target]), Place::Refused);
        assert_eq!(
            place("package", None, &[Flag::Target, Flag::NoVerify]),
            Place::Host
        );
        assert_eq!(place("install", None, &[Flag::Target]), Place::Refused);
        assert_eq!(place("install", None, &[Flag::Version]), Place::Host);
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
        assert!(
            text.contains("| `nextest run`, `nextest r` | in the environment | the engine's |")
        );
        assert!(
            text.lines().all(|line| line.matches(" | ").count() == 3),
            "{text}"
        );
    }
}
