//! Plans the steps of a set-up from facts alone.

use std::path::PathBuf;

use cross_engine::{EngineKind, Invocation};

use super::action::{InstallCommands, SetupAction, SetupStep};
use super::facts::{Answer, MachineFacts};
use super::podman::DROP_IN;
use super::rights::docker_group;
use super::{Requirements, TEST_USER, subids};

/// How long `apt-get` waits for the lock of another one.
const APT_LOCK: &str = "DPkg::Lock::Timeout=120";

/// The packages to install. Container engines are installed with the packages that they recommend
/// (network and storage helpers, which differ between releases). Other packages are installed
/// alone.
#[derive(Default)]
struct Packages {
    alone: Vec<&'static str>,
    with_recommended: Vec<&'static str>,
}

/// Returns the steps, and what has to be done by hand.
pub(super) fn plan(
    requirements: &Requirements,
    facts: &MachineFacts,
) -> (Vec<SetupStep>, Vec<String>) {
    let mut steps = installs(&packages(requirements, facts), facts);
    let mut manual = Vec::new();
    steps.extend(users(requirements, facts));
    for kind in &requirements.engines {
        let (of_engine, by_hand) = engine(*kind, facts);
        steps.extend(of_engine);
        manual.extend(by_hand);
    }
    // An engine is verified when everything that it needs is in place.
    steps.sort_by_key(|step| matches!(step.action, SetupAction::Verify { .. }));
    (steps, manual)
}

fn packages(requirements: &Requirements, facts: &MachineFacts) -> Packages {
    let mut packages = Packages::default();
    let mut need = |is_present: bool, package, recommended: bool| {
        let list = match recommended {
            true => &mut packages.with_recommended,
            false => &mut packages.alone,
        };
        if !is_present && !list.contains(&package) {
            list.push(package);
        }
    };
    let has_unprivileged_user = facts.uid != 0 || requirements.test_user;
    for kind in &requirements.engines {
        match kind {
            EngineKind::Sandbox => {
                need(facts.has("bwrap"), "bubblewrap", false);
                need(facts.has("mmdebstrap"), "mmdebstrap", false);
                need(facts.debian_keyring, "debian-archive-keyring", false);
            }
            // A daemon that answers needs no package.
            EngineKind::Docker if facts.is_usable(*kind) => {}
            EngineKind::Docker => {
                let local = facts.docker_host.is_none();
                need(facts.has("dockerd") || !local, "docker.io", true);
                // If the daemon is installed, its client is in a package of its own.
                let client = if facts.has("dockerd") {
                    "docker-cli"
                } else {
                    "docker.io"
                };
                need(facts.has("docker"), client, true);
            }
            EngineKind::Podman => {
                need(facts.has("podman"), "podman", true);
                let is_configured = facts.podman.config.runtime.as_deref() == Some("runc");
                let needs_runc = is_configured || facts.podman.machine.hybrid_cgroups;
                need(facts.has("runc") || !needs_runc, "runc", false);
            }
            _ => {}
        }
        if *kind != EngineKind::Docker && has_unprivileged_user {
            need(facts.has("newuidmap"), "uidmap", false);
        }
    }
    // The tests reach a daemon of this machine as one that is elsewhere.
    if requirements.test_user {
        need(facts.has("sshd"), "openssh-server", false);
    }
    packages
}

fn installs(packages: &Packages, facts: &MachineFacts) -> Vec<SetupStep> {
    let mut actions = Vec::new();
    if !packages.alone.is_empty() {
        let why = "the engines need what these packages provide";
        actions.push(install(why, &packages.alone, false, facts.lists_old));
    }
    if !packages.with_recommended.is_empty() {
        let why = "the engines themselves, with the helpers that the distribution recommends";
        let refresh = facts.lists_old && actions.is_empty();
        actions.push(install(why, &packages.with_recommended, true, refresh));
    }
    actions
}

fn install(why: &str, packages: &[&str], recommended: bool, refresh: bool) -> SetupStep {
    let apt = || {
        let apt = Invocation::new("apt-get").args(["--option", APT_LOCK]);
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C")
    };
    let install = |options: &[&str]| {
        let mut install = apt()
            .args(["install", "--yes"])
            .args(options.iter().copied());
        if !recommended {
            install = install.arg("--no-install-recommends");
        }
        install.args(packages.iter().copied())
    };
    SetupStep::new(
        why,
        SetupAction::Install {
            packages: packages.iter().map(ToString::to_string).collect(),
            refresh,
            commands: Box::new(InstallCommands {
                update: apt().arg("update"),
                download: install(&["--download-only"]),
                install: install(&[]),
            }),
        },
    )
}

/// Adds the test user, and assigns subordinate ids to users who make environments without root.
fn users(requirements: &Requirements, facts: &MachineFacts) -> Vec<SetupStep> {
    let mut actions = Vec::new();
    let mut lacking = Vec::new();
    if requirements.test_user {
        if !facts.has_user(TEST_USER) {
            // `useradd` may or may not assign subordinate ids. They are assigned below.
            let add = Invocation::new("useradd")
                .args(["--create-home", "--shell", "/bin/sh"])
                .args([
                    "--key",
                    "SUB_UID_COUNT=0",
                    "--key",
                    "SUB_GID_COUNT=0",
                    TEST_USER,
                ]);
            let commands = vec![add];
            actions.push(SetupStep::new(
                "tests that root runs need a plain user",
                SetupAction::Run { commands },
            ));
        }
        if !facts.has_subids(TEST_USER, None) {
            lacking.push(TEST_USER);
        }
    }
    let rootless = [EngineKind::Sandbox, EngineKind::Podman]
        .iter()
        .any(|kind| requirements.engines.contains(kind));
    if facts.uid != 0 && rootless && !facts.has_subids(&facts.user, Some(facts.uid)) {
        lacking.push(&facts.user);
    }
    if !lacking.is_empty() {
        actions.push(subordinate_ids(&lacking, facts));
    }
    actions
}

fn subordinate_ids(users: &[&str], facts: &MachineFacts) -> SetupStep {
    let files = [
        ("/etc/subuid", &facts.subuid),
        ("/etc/subgid", &facts.subgid),
    ];
    let texts = files.map(|(_, text)| text.as_deref().unwrap_or_default());
    // `usermod` does not create the files.
    let missing = files.into_iter().filter(|(_, text)| text.is_none());
    let touch = missing.map(|(path, _)| Invocation::new("touch").arg(path));
    let mut commands: Vec<_> = touch.collect();
    for (assigned, user) in (0..).zip(users) {
        let range = subids::free_range(texts, assigned);
        let args = ["--add-subuids", &range, "--add-subgids", &range, user];
        commands.push(Invocation::new("usermod").args(args));
    }
    let why = format!(
        "{} needs subordinate ids to make environments without root",
        users.join(" and ")
    );
    SetupStep::new(why, SetupAction::Run { commands })
}

fn engine(kind: EngineKind, facts: &MachineFacts) -> (Vec<SetupStep>, Vec<String>) {
    let (mut actions, manual) = match kind {
        EngineKind::Podman => podman_config(facts),
        EngineKind::Docker => docker_daemon(facts),
        _ => Default::default(),
    };
    let known = match facts.engines.get(&kind) {
        // Docker's daemon is started. If a sandbox or podman is installed and cannot be used, the
        // user has to find out why.
        Some(Answer::Unusable {
            reason,
            help,
            installed: true,
        }) if kind != EngineKind::Docker => {
            return (actions, vec![format!("{reason}; {help}")]);
        }
        // The probe has run a program in a sandbox.
        Some(Answer::Usable { .. }) if kind == EngineKind::Sandbox => true,
        Some(Answer::Usable { identity }) => facts.verified.contains(kind, identity),
        _ => false,
    };
    if manual.is_empty() && (!known || !actions.is_empty()) {
        let why = match kind {
            EngineKind::Sandbox => "run a command in a sandbox",
            _ => "import a root file system of one program, run it, and remove both",
        };
        actions.push(SetupStep::new(why, SetupAction::Verify { engine: kind }));
    }
    (actions, manual)
}

fn podman_config(facts: &MachineFacts) -> (Vec<SetupStep>, Vec<String>) {
    let podman = &facts.podman;
    if podman.machine.shortfall(&podman.config).is_none() {
        return Default::default();
    }
    // The new text of our file has to keep the settings of the old one.
    let all = podman.machine.shortfall(&podman.config_of_others);
    if let Some(file) = &podman.only_file {
        let by_hand = format!(
            "podman: {}; it reads only `{}` (by CONTAINERS_CONF): add to it\n{}",
            all.why(),
            file.display(),
            all.text()
        );
        return (Vec::new(), vec![by_hand]);
    }
    let path = PathBuf::from(DROP_IN);
    let text = all.text();
    let write = SetupStep::new(all.why(), SetupAction::Write { path, text });
    (vec![write], Vec::new())
}

fn docker_daemon(facts: &MachineFacts) -> (Vec<SetupStep>, Vec<String>) {
    let Some(Answer::Unusable { reason, .. }) = facts.engines.get(&EngineKind::Docker) else {
        return Default::default();
    };
    if let Some(address) = &facts.docker_host {
        let by_hand = format!(
            "{reason}; DOCKER_HOST names `{address}`: start that daemon, or unset the variable to use this \
             machine's own"
        );
        return (Vec::new(), vec![by_hand]);
    }
    if facts.docker_forbidden {
        return (Vec::new(), vec![docker_group(facts)]);
    }
    let (why, command, log) = if facts.systemd {
        let start = Invocation::new("systemctl").args(["start", "docker"]);
        ("it does not run", start, None)
    } else {
        let dockerd = facts.programs.get("dockerd").cloned();
        let dockerd = dockerd.unwrap_or_else(|| PathBuf::from("/usr/sbin/dockerd"));
        let log = facts.cache.join("dockerd.log");
        let why = "it does not run, and there is no systemd to start it";
        (why, Invocation::new(dockerd), Some(log))
    };
    let start = SetupStep::new(why, SetupAction::StartDocker { command, log });
    (vec![start], Vec::new())
}

#[cfg(test)]
mod tests;
