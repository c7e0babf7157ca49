//! One row of the table of subcommands, and how it answers for one command line.

use cross_engine::Network;
use serde::Serialize;

use super::flags::{Flag, Phase};

/// Where a subcommand runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Placement {
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

impl Placement {
    /// The network it gets where the configuration names none. In an environment that is none but a
    /// loopback of its own: dependencies are fetched before, and what runs programs compiles in the
    /// same step. `None` on the host, whose network is not ours to arrange.
    pub fn network(self) -> Option<Network> {
        match self {
            Placement::Environment { .. } => Some(Network::None),
            Placement::Host | Placement::Refused => None,
        }
    }
}

/// Where something runs, and why there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) place: Placement,
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

/// What any subcommand does with `--help`.
pub(crate) const HELP: Rule = Rule {
    place: Placement::Host,
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
    fn matters(&self, base: Placement) -> bool {
        match (base, self.rule.place) {
            (Placement::Environment { runs_programs, .. }, Placement::Environment { .. }) => {
                runs_programs
            }
            (Placement::Host, Placement::Environment { .. }) => false,
            _ => true,
        }
    }
}
