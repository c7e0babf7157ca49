//! How commands that need root are run, and what is left to the user if they cannot be.

use cross_engine::{Cancel, EngineKind, Host, Invocation, process};
use serde::Serialize;

use super::action::{InstallCommands, SetupAction, SetupStep};
use super::facts::MachineFacts;
use crate::model::error::{MapEngineError as _, Result};

/// How commands that need root are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rights {
    /// Directly: the caller is root.
    Root,
    /// Through `sudo --non-interactive`, which needs no password on this machine.
    Sudo,
    /// Not at all: the user has to run them by hand.
    None,
}

impl Rights {
    /// Probes the caller's rights. `sudo` is run only if `needs_root`, because it logs what it
    /// refuses.
    pub(super) fn probe(
        needs_root: bool,
        facts: &MachineFacts,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<Self> {
        if facts.uid == 0 {
            return Ok(Rights::Root);
        }
        if !needs_root || host.find_program("sudo").is_none() {
            return Ok(Rights::None);
        }
        let command = Rights::Sudo.apply(Invocation::new("true"));
        let output = process::output(&command, &host.variables, cancel).map_engine_error()?;
        Ok(if output.exit.success() {
            Rights::Sudo
        } else {
            Rights::None
        })
    }

    /// The command that runs `invocation` with these rights.
    pub(super) fn apply(self, invocation: Invocation) -> Invocation {
        if self != Rights::Sudo {
            return invocation;
        }
        let mut sudo = Invocation::new("sudo").arg("--non-interactive");
        // `sudo` drops the caller's variables. `env` sets those of the command.
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

    fn apply_to_action(self, action: SetupAction) -> SetupAction {
        match action {
            SetupAction::Run { commands } => SetupAction::Run {
                commands: commands
                    .into_iter()
                    .map(|command| self.apply(command))
                    .collect(),
            },
            SetupAction::Install {
                packages,
                refresh,
                commands,
            } => SetupAction::Install {
                packages,
                refresh,
                commands: Box::new(InstallCommands {
                    update: self.apply(commands.update),
                    download: self.apply(commands.download),
                    install: self.apply(commands.install),
                }),
            },
            SetupAction::StartDocker { command, log } => SetupAction::StartDocker {
                command: self.apply(command),
                log,
            },
            other @ (SetupAction::Write { .. } | SetupAction::Verify { .. }) => other,
        }
    }
}

/// Applies `rights` to each step. A step that cannot be run becomes an instruction for the user.
pub(super) fn divide(
    steps: Vec<SetupStep>,
    mut manual: Vec<String>,
    rights: Rights,
    facts: &MachineFacts,
) -> (Vec<SetupStep>, Vec<String>) {
    let can_be_root = rights != Rights::None && facts.system.is_debian_like();
    let mut kept = Vec::new();
    for SetupStep { why, action } in steps {
        let step = SetupStep::new(why, rights.apply_to_action(action));
        if can_be_root || !step.needs_root() {
            kept.push(step);
        } else {
            manual.push(by_hand(&step, facts));
        }
    }
    (kept, manual)
}

/// The instruction to do a step by hand.
fn by_hand(step: &SetupStep, facts: &MachineFacts) -> String {
    match &step.action {
        SetupAction::Install { packages, .. } if !facts.system.is_debian_like() => format!(
            "install with this system's ({}) package manager what Debian calls {}: {}",
            facts.system.name,
            packages.join(", "),
            step.why
        ),
        _ => format!("as root, {step}"),
    }
}

/// The remedy for a docker daemon that this user may not use. Members of its group have root's
/// rights, so joining it is left to the user.
pub(super) fn docker_group(facts: &MachineFacts) -> String {
    format!(
        "{}: this user may not use the daemon; as root, run `usermod --append --groups docker {}` and log in \
         again (whoever is in that group is as good as root)",
        EngineKind::Docker,
        facts.user
    )
}
