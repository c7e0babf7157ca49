//! A row of the table of subcommands: where the subcommand runs, by its flags.

use cross_engine::Network;
use serde::Serialize;

use super::flags::{Flag, Phase};

/// Where a subcommand runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Placement {
    /// In the target's environment.
    #[non_exhaustive]
    Environment {
        /// Whether the subcommand compiles for the target.
        compiles: bool,
        /// Whether the subcommand starts programs of the target.
        runs_programs: bool,
    },
    /// With the host's cargo: it neither compiles for the target nor starts programs of it.
    Host,
    /// Nowhere: the subcommand is refused, and the remedy names an alternative.
    Refused,
}

impl Placement {
    /// The default network of the subcommand. In an environment it is a loopback of its own:
    /// dependencies are fetched before, and a subcommand that runs programs compiles in the same
    /// step. `None` on the host, whose network is not restricted.
    pub fn network(self) -> Option<Network> {
        match self {
            Placement::Environment { .. } => Some(Network::None),
            Placement::Host | Placement::Refused => None,
        }
    }
}

/// Where a command runs, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) place: Placement,
    /// The reason, as the rest of a sentence that begins with `it`: `compiles for the target`.
    pub(crate) why: &'static str,
    /// What to do instead, if the command is refused.
    pub(crate) remedy: Option<&'static str>,
    /// Whether the command has a `--target` flag.
    pub(crate) target_flag: bool,
}

/// A subcommand: one row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// Cargo's built-in aliases, which a user's alias may redefine.
    pub(crate) aliases: &'static [&'static str],
    /// Whether the command is built into cargo, so that no alias can shadow it. Otherwise it is a
    /// program `cargo-NAME`.
    pub(crate) builtin: bool,
    /// The flags it has.
    pub(crate) phase: Phase,
    /// Whether the first positional argument ends the flags: all following arguments are a
    /// program's.
    pub(crate) word_ends_flags: bool,
    /// Whether cargo refuses a second `--target`.
    pub(crate) one_target: bool,
    /// Whether it accepts `--locked` wherever it compiles.
    pub(crate) accepts_locked: bool,
    pub(crate) rule: Rule,
    /// Its own subcommands that run elsewhere.
    pub(crate) nested: &'static [Nested],
    /// The flags that change where it runs. The first exception that applies decides.
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
    /// The exception's name in the documentation.
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "the table of the documentation is checked by a test"
        )
    )]
    pub(crate) shown: &'static str,
    pub(crate) rule: Rule,
}

/// The rule of any subcommand with `--help`.
pub(crate) const HELP: Rule = Rule {
    place: Placement::Host,
    why: "only prints its help",
    remedy: None,
    target_flag: false,
};

/// The rule of a plugin with `--version`.
pub(crate) const VERSION: Rule = Rule {
    why: "only prints its version",
    ..HELP
};

/// The rule of a command line without a subcommand: `--list`, `--version`, `--explain`, or nothing.
pub(crate) const ITSELF: Rule = Rule {
    why: "only prints information about cargo",
    ..HELP
};

impl Command {
    /// The nested subcommand with this name.
    pub(crate) fn nested(&self, name: &str) -> Option<&'static Nested> {
        self.nested
            .iter()
            .find(|nested| nested.names.contains(&name))
    }

    /// The rule for the nested subcommand and the flags.
    pub(crate) fn rule(&self, nested: Option<&Nested>, has: impl Fn(Flag) -> bool) -> Rule {
        if has(Flag::Help) {
            return HELP;
        }
        if !self.builtin && has(Flag::Version) {
            return VERSION;
        }
        let base = nested.map_or(self.rule, |nested| nested.rule);
        let exception = self.exceptions.iter().find(|exception| {
            has(exception.with)
                && !exception.without.is_some_and(&has)
                && exception.applies_to(base.place)
        });
        exception.map_or(base, |exception| exception.rule)
    }
}

impl Exception {
    /// Whether the exception changes anything for a command that runs at `base`. `--no-run` changes
    /// nothing for a command that starts no programs.
    fn applies_to(&self, base: Placement) -> bool {
        match (base, self.rule.place) {
            (Placement::Environment { runs_programs, .. }, Placement::Environment { .. }) => {
                runs_programs
            }
            (Placement::Host, Placement::Environment { .. }) => false,
            _ => true,
        }
    }
}
