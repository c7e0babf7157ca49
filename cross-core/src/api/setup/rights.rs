//! How commands that need root's rights are run, and what becomes of them where they cannot be.

use cross_engine::{Cancel, Host, Invocation, Kind, process};
use serde::Serialize;

use super::action::{InstallCommands, SetupAction, SetupStep};
use super::facts::MachineFacts;
use crate::model::error::{MapEngineError as _, Result};

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
    pub(super) fn of(
        needed: bool,
        facts: &MachineFacts,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<Self> {
        if facts.uid == 0 {
            return Ok(Rights::Root);
        }
        if !needed || host.find_program("sudo").is_none() {
            return Ok(Rights::None);
        }
        let ask = Rights::Sudo.run(Invocation::new("true"));
        let said = process::output(&ask, &host.variables, cancel).map_engine_error()?;
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

    fn arm(self, deed: SetupAction) -> SetupAction {
        match deed {
            SetupAction::Run { commands } => SetupAction::Run {
                commands: commands.into_iter().map(|one| self.run(one)).collect(),
            },
            SetupAction::Install {
                packages,
                refresh,
                commands,
            } => SetupAction::Install {
                packages,
                refresh,
                commands: Box::new(InstallCommands {
                    update: self.run(commands.update),
                    download: self.run(commands.download),
                    install: self.run(commands.install),
                }),
            },
            SetupAction::StartDocker { command, log } => SetupAction::StartDocker {
                command: self.run(command),
                log,
            },
            other @ (SetupAction::Write { .. } | SetupAction::Verify { .. }) => other,
        }
    }
}

/// Gives each action the rights it needs, or turns it into something to do by hand.
pub(super) fn divide(
    actions: Vec<SetupStep>,
    mut manual: Vec<String>,
    rights: &Rights,
    facts: &MachineFacts,
) -> (Vec<SetupStep>, Vec<String>) {
    let allowed = *rights != Rights::None && facts.system.is_debian_like();
    let mut kept = Vec::new();
    for SetupStep { why, deed } in actions {
        let action = SetupStep::new(why, rights.arm(deed));
        if allowed || !action.needs_root() {
            kept.push(action);
        } else {
            manual.push(by_hand(&action, facts));
        }
    }
    (kept, manual)
}

fn by_hand(action: &SetupStep, facts: &MachineFacts) -> String {
    match &action.deed {
        SetupAction::Install { packages, .. } if !facts.system.is_debian_like() => format!(
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
pub(super) fn docker_group(facts: &MachineFacts) -> String {
    format!(
        "{}: this user may not use the daemon; as root, run `usermod --append --groups docker {}` and log in \
         again (whoever is in that group is as good as root)",
        Kind::Docker,
        facts.user
    )
}
