//! From facts to actions: pure.

use std::path::PathBuf;

use cross_engine::{EngineKind, Invocation};

use super::action::{Action, Deed, InstallCommands};
use super::facts::{Answer, Facts};
use super::podman::DROP_IN;
use super::rights::docker_group;
use super::{TEST_USER, Wanted, subids};

/// How long `apt-get` waits for another that runs.
const APT_LOCK: &str = "DPkg::Lock::Timeout=120";

/// Packages to install. The container engines come with what they recommend (their network and
/// storage helpers, which differ between releases); the rest comes alone.
#[derive(Default)]
struct Packages {
    alone: Vec<&'static str>,
    with_recommended: Vec<&'static str>,
}

/// What has to be done, and what only the user can do.
pub(super) fn plan(wanted: &Wanted, facts: &Facts) -> (Vec<Action>, Vec<String>) {
    let mut actions = installs(&packages(wanted, facts), facts);
    let mut manual = Vec::new();
    actions.extend(users(wanted, facts));
    for kind in &wanted.engines {
        let (done, by_hand) = engine(*kind, facts);
        actions.extend(done);
        manual.extend(by_hand);
    }
    // Last, when everything an engine needs is there.
    actions.sort_by_key(|action| matches!(action.deed, Deed::Verify { .. }));
    (actions, manual)
}

fn packages(wanted: &Wanted, facts: &Facts) -> Packages {
    let mut packages = Packages::default();
    let mut need = |there: bool, package, recommended: bool| {
        let list = match recommended {
            true => &mut packages.with_recommended,
            false => &mut packages.alone,
        };
        if !there && !list.contains(&package) {
            list.push(package);
        }
    };
    let plain_user = facts.uid != 0 || wanted.test_user;
    for kind in &wanted.engines {
        match kind {
            EngineKind::Sandbox => {
                need(facts.has("bwrap"), "bubblewrap", false);
                need(facts.has("mmdebstrap"), "mmdebstrap", false);
                need(facts.debian_keyring, "debian-archive-keyring", false);
            }
            // A daemon that answers needs nothing of this machine.
            EngineKind::Docker if facts.serves(*kind) => {}
            EngineKind::Docker => {
                let local = facts.docker_host.is_none();
                need(facts.has("dockerd") || !local, "docker.io", true);
                // Where the daemon is there, the command is in a package of its own.
                let client = if facts.has("dockerd") {
                    "docker-cli"
                } else {
                    "docker.io"
                };
                need(facts.has("docker"), client, true);
            }
            EngineKind::Podman => {
                need(facts.has("podman"), "podman", true);
                let named = facts.podman.config.runtime.as_deref() == Some("runc");
                let needed = named || facts.podman.machine.hybrid_cgroups;
                need(facts.has("runc") || !needed, "runc", false);
            }
            _ => {}
        }
        if *kind != EngineKind::Docker && plain_user {
            need(facts.has("newuidmap"), "uidmap", false);
        }
    }
    packages
}

fn installs(packages: &Packages, facts: &Facts) -> Vec<Action> {
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

fn install(why: &str, packages: &[&str], recommended: bool, refresh: bool) -> Action {
    let apt = || {
        let apt = Invocation::new("apt-get").args(["--option", APT_LOCK]);
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C")
    };
    let take = |extra: &[&str]| {
        let mut take = apt().args(["install", "--yes"]).args(extra.iter().copied());
        if !recommended {
            take = take.arg("--no-install-recommends");
        }
        take.args(packages.iter().copied())
    };
    Action::new(
        why,
        Deed::Install {
            packages: packages.iter().map(ToString::to_string).collect(),
            refresh,
            commands: Box::new(InstallCommands {
                update: apt().arg("update"),
                download: take(&["--download-only"]),
                install: take(&[]),
            }),
        },
    )
}

/// The users: the test user, and ranges of ids for those who make environments without root.
fn users(wanted: &Wanted, facts: &Facts) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut lacking = Vec::new();
    if wanted.test_user {
        if !facts.has_user(TEST_USER) {
            // Without the ids that `useradd` may or may not give, so that they are given once, below.
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
            actions.push(Action::new(
                "tests that root runs need a plain user",
                Deed::Run { commands },
            ));
        }
        if !facts.has_subids(TEST_USER, None) {
            lacking.push(TEST_USER);
        }
    }
    let rootless = [EngineKind::Sandbox, EngineKind::Podman]
        .iter()
        .any(|kind| wanted.engines.contains(kind));
    if facts.uid != 0 && rootless && !facts.has_subids(&facts.user, Some(facts.uid)) {
        lacking.push(&facts.user);
    }
    if !lacking.is_empty() {
        actions.push(subordinate_ids(&lacking, facts));
    }
    actions
}

fn subordinate_ids(users: &[&str], facts: &Facts) -> Action {
    let files = [
        ("/etc/subuid", &facts.subuid),
        ("/etc/subgid", &facts.subgid),
    ];
    let texts = files.map(|(_, text)| text.as_deref().unwrap_or_default());
    // `usermod` does not make the files.
    let missing = files.into_iter().filter(|(_, text)| text.is_none());
    let touch = missing.map(|(path, _)| Invocation::new("touch").arg(path));
    let mut commands: Vec<_> = touch.collect();
    for (taken, user) in (0..).zip(users) {
        let range = subids::free_range(texts, taken);
        let give = ["--add-subuids", &range, "--add-subgids", &range, user];
        commands.push(Invocation::new("usermod").args(give));
    }
    let why = format!(
        "{} needs subordinate ids to make environments without root",
        users.join(" and ")
    );
    Action::new(why, Deed::Run { commands })
}

fn engine(kind: EngineKind, facts: &Facts) -> (Vec<Action>, Vec<String>) {
    let (mut actions, manual) = match kind {
        EngineKind::Podman => podman_config(facts),
        EngineKind::Docker => docker_daemon(facts),
        _ => Default::default(),
    };
    let known = match facts.engines.get(&kind) {
        // Docker's daemon is started; that a sandbox or podman refuses to answer is for the user.
        Some(Answer::Cannot {
            reason,
            help,
            installed: true,
        }) if kind != EngineKind::Docker => {
            return (actions, vec![format!("{reason}; {help}")]);
        }
        // A sandbox's answer comes from inside one.
        Some(Answer::Serves { .. }) if kind == EngineKind::Sandbox => true,
        Some(Answer::Serves { identity }) => facts.verified.knows(kind, identity),
        _ => false,
    };
    if manual.is_empty() && (!known || !actions.is_empty()) {
        let why = match kind {
            EngineKind::Sandbox => "run a command in a sandbox",
            _ => "import a root file system of one program, run it, and remove both",
        };
        actions.push(Action::new(why, Deed::Verify { engine: kind }));
    }
    (actions, manual)
}

fn podman_config(facts: &Facts) -> (Vec<Action>, Vec<String>) {
    let podman = &facts.podman;
    if podman.machine.lacks(&podman.config).is_none() {
        return Default::default();
    }
    // What our file says already has to stay in it.
    let all = podman.machine.lacks(&podman.others);
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
    let write = Action::new(all.why(), Deed::Write { path, text });
    (vec![write], Vec::new())
}

fn docker_daemon(facts: &Facts) -> (Vec<Action>, Vec<String>) {
    let Some(Answer::Cannot { reason, .. }) = facts.engines.get(&EngineKind::Docker) else {
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
    let start = Action::new(why, Deed::StartDocker { command, log });
    (vec![start], Vec::new())
}

#[cfg(test)]
mod tests;
