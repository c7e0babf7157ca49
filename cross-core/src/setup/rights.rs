//! How commands that need root's rights are run, and what becomes of them where they cannot be.

use cross_engine::{Cancel, EngineKind, Host, Invocation, process};
use serde::Serialize;

use super::action::{Action, Deed, InstallCommands};
use super::facts::Facts;
use crate::error::{EngineContext as _, Result};

/// How commands that need root's rights are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rights {
    /// Directly: the caller is root.
    Root,
    /// Through `sudo --non-interactive`, which asks for no password here.
    Sudo,
    /// Not at all: what needs them has to be done by hand.
    None,
}

impl Rights {
    /// The rights of the caller. `sudo` is asked only when something needs them, because it logs
    /// what it refuses.
    pub(super) fn of(needed: bool, facts: &Facts, host: &Host, cancel: &Cancel) -> Result<Self> {
        if facts.uid == 0 {
            return Ok(Rights::Root);
        }
        if !needed || host.find_program("sudo").is_none() {
            return Ok(Rights::None);
        }
        let ask = Rights::Sudo.run(Invocation::new("true"));
        let said = process::output(&ask, &host.variables, cancel).engine()?;
        Ok(if said.exit.success() {
            Rights::Sudo
        } else {
            Rights::None
        })
    }

    /// `invocation` as it is run with these rights.
    pub(super) fn run(self, invocation: Invocation) -> Invocation {
        if self != Rights::Sudo {
            return invocation;
        }
        let mut sudo = Invocation::new("sudo").arg("--non-interactive");
        // `sudo` drops the caller's variables; those that belong to the command go by `env`.
        if !invocation.env.is_empty() {
            let inner = invocation.variables(&Default::default());
            let pairs = inner.iter().map(|(name, value)| {
                format!("{}={}", name.to_string_lossy(), value.to_string_lossy())
            });
            sudo = sudo.arg("env").args(pairs);
        }
        sudo.arg(invocation.program.to_string_lossy())
            .args(invocation.args)
    }

    fn arm(self, deed: Deed) -> Deed {
        match deed {
            Deed::Run { commands } => Deed::Run {
                commands: commands.into_iter().map(|one| self.run(one)).collect(),
            },
            Deed::Install {
                packages,
                refresh,
                commands,
            } => Deed::Install {
                packages,
                refresh,
                commands: Box::new(InstallCommands {
                    update: self.run(commands.update),
                    download: self.run(commands.download),
                    install: self.run(commands.install),
                }),
            },
            Deed::StartDocker { command, log } => Deed::StartDocker {
                command: self.run(command),
                log,
            },
            other @ (Deed::Write { .. } | Deed::Verify { .. }) => other,
        }
    }
}

/// Gives each action the rights it needs, or turns it into something to do by hand.
pub(super) fn divide(
    actions: Vec<Action>,
    mut manual: Vec<String>,
    rights: &Rights,
    facts: &Facts,
) -> (Vec<Action>, Vec<String>) {
    let allowed = *rights != Rights::None && facts.system.is_debian_like();
    let mut kept = Vec::new();
    for Action { why, deed } in actions {
        let action = Action::new(why, rights.arm(deed));
        if allowed || !action.needs_root() {
            kept.push(action);
        } else {
            manual.push(by_hand(&action, facts));
        }
    }
    (kept, manual)
}

fn by_hand(action: &Action, facts: &Facts) -> String {
    match &action.deed {
        Deed::Install { packages, .. } if !facts.system.is_debian_like() => format!(
            "install with this system's ({}) package manager what Debian calls {}: {}",
            facts.system.name,
            packages.join(", "),
            action.why
        ),
        _ => format!("as root, {action}"),
    }
}

/// The remedy for a docker whose daemon answers, but not to this user. Membership of the group is as
/// good as root's rights, so it is the user's decision and never done here.
pub(super) fn docker_group(facts: &Facts) -> String {
    format!(
        "{}: this user may not use the daemon; as root, run `usermod --append --groups docker {}` and log in \
         again (whoever is in that group is as good as root)",
        EngineKind::Docker,
        facts.user
    )
}
