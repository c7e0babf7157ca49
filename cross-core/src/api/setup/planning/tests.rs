use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{PodmanFacts, System};
use super::super::limits::Limits;
use super::super::podman::{PodmanConfig, PodmanMachine};
use super::super::rights::{Rights, divide};
use super::super::verified::Verified;
use super::*;

fn unusable(kind: EngineKind, installed: bool) -> Answer {
    Answer::Unusable {
        reason: format!("{kind}: it is silent"),
        help: "speak to it".into(),
        installed,
    }
}

fn usable(kind: EngineKind) -> Answer {
    Answer::Usable {
        identity: format!("{kind} 1"),
    }
}

/// A fresh Debian with nothing installed, as root.
fn fresh() -> MachineFacts {
    MachineFacts {
        uid: 0,
        user: "root".into(),
        system: System::read("ID=debian\n"),
        programs: BTreeMap::new(),
        engines: EngineKind::ALL
            .map(|kind| (kind, unusable(kind, false)))
            .into(),
        debian_keyring: true,
        passwd: "root:x:0:0:root:/root:/bin/bash\n".into(),
        subuid: Some(String::new()),
        subgid: Some(String::new()),
        podman: PodmanFacts {
            machine: PodmanMachine {
                as_root: true,
                limits: Limits {
                    nofile: 1 << 20,
                    nproc: 1 << 20,
                    may_raise: true,
                },
                hybrid_cgroups: false,
                crun: false,
            },
            config: PodmanConfig::default(),
            config_of_others: PodmanConfig::default(),
            only_file: None,
        },
        systemd: true,
        docker_host: None,
        docker_forbidden: false,
        lists_old: true,
        verified: Verified::default(),
        cache: PathBuf::from("/cache"),
    }
}

/// The same with everything installed and verified.
fn ready() -> MachineFacts {
    let programs = [
        "bwrap",
        "docker",
        "dockerd",
        "mmdebstrap",
        "newuidmap",
        "podman",
        "runc",
        "sshd",
    ];
    let known = |verified: Verified, kind: EngineKind| verified.with(kind, format!("{kind} 1"));
    MachineFacts {
        programs: programs
            .map(|name| (name, PathBuf::from("/usr/bin").join(name)))
            .into(),
        engines: EngineKind::ALL.map(|kind| (kind, usable(kind))).into(),
        verified: EngineKind::ALL.into_iter().fold(Verified::default(), known),
        ..fresh()
    }
}

/// A machine that refuses podman's limits and its runtime, without systemd.
fn restricted(mut facts: MachineFacts) -> MachineFacts {
    facts.systemd = false;
    facts.podman.machine = PodmanMachine {
        as_root: true,
        limits: Limits {
            nofile: 20_000,
            nproc: 96_365,
            may_raise: false,
        },
        hybrid_cgroups: true,
        crun: true,
    };
    facts
}

fn requirements(engines: &[EngineKind]) -> Requirements {
    Requirements {
        engines: engines.iter().copied().collect(),
        test_user: false,
    }
}

fn summaries(engines: &[EngineKind], facts: &MachineFacts) -> Vec<String> {
    let (actions, manual) = plan(&requirements(engines), facts);
    assert_eq!(manual, Vec::<String>::new());
    actions.iter().map(SetupStep::summary).collect()
}

#[test]
fn a_fresh_machine_needs_two_packages_for_the_sandbox() {
    assert_eq!(
        summaries(&[EngineKind::Sandbox], &fresh()),
        ["install bubblewrap, mmdebstrap", "verify sandbox"]
    );
    let (actions, _) = plan(&requirements(&[EngineKind::Sandbox]), &fresh());
    assert_eq!(
        actions[0].to_string(),
        "install bubblewrap, mmdebstrap: the engines need what these packages provide\n   \
         $ DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get --option 'DPkg::Lock::Timeout=120' update\n   \
         $ DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get --option 'DPkg::Lock::Timeout=120' install --yes \
         --download-only --no-install-recommends bubblewrap mmdebstrap\n   \
         $ DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get --option 'DPkg::Lock::Timeout=120' install --yes \
         --no-install-recommends bubblewrap mmdebstrap"
    );
}

#[test]
fn ubuntu_needs_debians_keys_too() {
    let mut facts = fresh();
    facts.debian_keyring = false;
    assert_eq!(
        summaries(&[EngineKind::Sandbox], &facts)[0],
        "install bubblewrap, mmdebstrap, debian-archive-keyring"
    );
}

#[test]
fn a_ready_machine_needs_nothing() {
    assert!(summaries(&EngineKind::ALL, &ready()).is_empty());
    let mut another_version = ready();
    let answer = Answer::Usable {
        identity: "docker 2".into(),
    };
    another_version.engines.insert(EngineKind::Docker, answer);
    assert_eq!(
        summaries(&EngineKind::ALL, &another_version),
        ["verify docker"]
    );
}

#[test]
fn all_engines_on_a_restricted_machine() {
    assert_eq!(
        summaries(&EngineKind::ALL, &restricted(fresh())),
        [
            "install bubblewrap, mmdebstrap, runc",
            "install docker.io, podman",
            "start the docker daemon",
            "write `/etc/containers/containers.conf.d/50-cross-core.conf`",
            "verify sandbox",
            "verify docker",
            "verify podman",
        ]
    );
    // The lists are fetched once.
    let (actions, _) = plan(&requirements(&EngineKind::ALL), &restricted(fresh()));
    let refreshes = actions
        .iter()
        .filter(|action| matches!(action.action, SetupAction::Install { refresh: true, .. }));
    assert_eq!(refreshes.count(), 1);
}

#[test]
fn podmans_configuration_is_written_only_if_it_is_needed() {
    let podman = [EngineKind::Podman];
    let facts = restricted(ready());
    let (actions, _) = plan(&requirements(&podman), &facts);
    let SetupAction::Write { text, .. } = &actions[0].action else {
        panic!("{actions:?}");
    };
    assert!(actions[0].why.contains("CAP_SYS_RESOURCE"));
    let mut written = facts.clone();
    written.podman.config = PodmanConfig::merged([text.as_str()]);
    assert!(summaries(&podman, &written).is_empty());
    // Our file has half of the settings: the new text has both halves.
    let half = "[engine]\nruntime = \"runc\"\n";
    written.podman.config = PodmanConfig::merged([half]);
    let (again, _) = plan(&requirements(&podman), &written);
    assert_eq!(again[0].action, actions[0].action);
    // Our file is not written if podman would not read it.
    written.podman.only_file = Some("/my/containers.conf".into());
    let (none, manual) = plan(&requirements(&podman), &written);
    assert!(none.is_empty(), "{none:?}");
    assert!(manual[0].contains("`/my/containers.conf`") && manual[0].contains("nofile=20000"));
}

#[cfg(unix)]
#[test]
fn the_daemon_is_started_by_systemd_or_directly() {
    let silent = |systemd| {
        let mut facts = ready();
        facts.systemd = systemd;
        facts
            .engines
            .insert(EngineKind::Docker, unusable(EngineKind::Docker, true));
        plan(&requirements(&[EngineKind::Docker]), &facts)
            .0
            .remove(0)
            .to_string()
    };
    assert!(silent(true).ends_with("$ systemctl start docker"));
    let detached = silent(false);
    assert!(
        detached.ends_with("$ /usr/bin/dockerd   (left running, log in `/cache/dockerd.log`)"),
        "{detached}"
    );
}

#[test]
fn decisions_about_security_are_left_to_the_user() {
    let mut facts = ready();
    facts.engines = EngineKind::ALL
        .map(|kind| (kind, unusable(kind, true)))
        .into();
    facts.docker_forbidden = true;
    facts.user = "dev".into();
    let (actions, manual) = plan(&requirements(&EngineKind::ALL), &facts);
    assert!(actions.is_empty(), "{actions:?}");
    assert_eq!(manual[0], "sandbox: it is silent; speak to it");
    assert!(manual[1].contains("usermod --append --groups docker dev"));
    assert_eq!(manual[2], "podman: it is silent; speak to it");
    facts.docker_host = Some("tcp://far:2375".into());
    let (actions, manual) = plan(&requirements(&[EngineKind::Docker]), &facts);
    assert!(actions.is_empty() && manual[0].contains("`tcp://far:2375`"));
}

#[test]
fn an_unprivileged_user_and_the_test_user_get_different_ids() {
    let mut facts = ready();
    facts.uid = 1001;
    facts.user = "dev".into();
    facts.subgid = None;
    let both = Requirements {
        test_user: true,
        ..requirements(&[EngineKind::Sandbox])
    };
    let (actions, _) = plan(&both, &facts);
    assert_eq!(
        actions.iter().map(SetupStep::summary).collect::<Vec<_>>(),
        [
            "run `useradd --create-home --shell /bin/sh --key SUB_UID_COUNT=0 --key SUB_GID_COUNT=0 cross-test`",
            "run `touch /etc/subgid`, then \
             run `usermod --add-subuids 100000-165535 --add-subgids 100000-165535 cross-test`, then \
             run `usermod --add-subuids 165536-231071 --add-subgids 165536-231071 dev`",
        ]
    );
    let ids = "dev:100000:65536\ncross-test:165536:65536\n".to_owned();
    facts.subuid = Some(ids.clone());
    facts.subgid = Some(ids);
    facts.passwd = "cross-test:x:1002:1002::/home/cross-test:/bin/sh\n".into();
    assert!(plan(&both, &facts).0.is_empty());
    facts.programs.remove("sshd");
    let (actions, _) = plan(&both, &facts);
    assert_eq!(actions[0].summary(), "install openssh-server");
}

#[test]
fn without_root_the_plan_is_a_list_for_the_user() {
    let mut facts = fresh();
    facts.uid = 1001;
    facts.user = "dev".into();
    let divided = |rights, facts: &MachineFacts| {
        let (actions, manual) = plan(&requirements(&[EngineKind::Sandbox]), facts);
        divide(actions, manual, rights, facts)
    };
    let (actions, manual) = divided(Rights::None, &facts);
    assert_eq!(
        actions.iter().map(SetupStep::summary).collect::<Vec<_>>(),
        ["verify sandbox"]
    );
    assert!(manual[0].starts_with("as root, install bubblewrap, mmdebstrap, uidmap: "));
    assert!(manual[0].contains("apt-get"), "{}", manual[0]);
    let (actions, manual) = divided(Rights::Sudo, &facts);
    assert!(manual.is_empty());
    assert!(
        actions[0].to_string().contains(
            "$ sudo --non-interactive env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get --option"
        ),
        "{}",
        actions[0]
    );
    assert!(
        actions[1]
            .to_string()
            .contains("`sudo --non-interactive usermod ")
    );
}

#[test]
fn an_unsupported_system_is_not_changed() {
    let mut facts = restricted(fresh());
    facts.system = System::read("ID=fedora\n");
    let (actions, manual) = plan(&requirements(&EngineKind::ALL), &facts);
    let (actions, manual) = divide(actions, manual, Rights::Root, &facts);
    let kinds: BTreeSet<_> = actions.iter().map(SetupStep::needs_root).collect();
    assert_eq!(kinds, BTreeSet::from([false]));
    assert_eq!(
        manual[0],
        "install with this system's (fedora) package manager what Debian calls bubblewrap, mmdebstrap, runc: \
         the engines need what these packages provide"
    );
    assert!(!manual.iter().any(|item| item.contains("apt-get")));
}
