use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::{Limits, PodmanFacts, System};
use super::super::podman::{PodmanConfig, PodmanMachine};
use super::super::rights::{Rights, divide};
use super::super::verified::Verified;
use super::*;

fn cannot(kind: EngineKind, installed: bool) -> Answer {
    Answer::Cannot {
        reason: format!("{kind}: it is silent"),
        help: "speak to it".into(),
        installed,
    }
}

fn serves(kind: EngineKind) -> Answer {
    Answer::Serves {
        identity: format!("{kind} 1"),
    }
}

/// A fresh Debian of root's with nothing installed.
fn fresh() -> Facts {
    Facts {
        uid: 0,
        user: "root".into(),
        system: System::read("ID=debian\n"),
        programs: BTreeMap::new(),
        engines: EngineKind::ALL
            .map(|kind| (kind, cannot(kind, false)))
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
            others: PodmanConfig::default(),
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

/// The same with everything, and everything verified.
fn ready() -> Facts {
    let programs = [
        "bwrap",
        "docker",
        "dockerd",
        "mmdebstrap",
        "newuidmap",
        "podman",
        "runc",
    ];
    let known = |verified: Verified, kind: EngineKind| verified.with(kind, format!("{kind} 1"));
    Facts {
        programs: programs
            .map(|name| (name, PathBuf::from("/usr/bin").join(name)))
            .into(),
        engines: EngineKind::ALL.map(|kind| (kind, serves(kind))).into(),
        verified: EngineKind::ALL.into_iter().fold(Verified::default(), known),
        ..fresh()
    }
}

/// A machine that refuses podman's limits and its runtime, without systemd.
fn restricted(mut facts: Facts) -> Facts {
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

fn wanted(engines: &[EngineKind]) -> Wanted {
    Wanted {
        engines: engines.iter().copied().collect(),
        test_user: false,
    }
}

fn summaries(engines: &[EngineKind], facts: &Facts) -> Vec<String> {
    let (actions, manual) = plan(&wanted(engines), facts);
    assert_eq!(manual, Vec::<String>::new());
    actions.iter().map(Action::summary).collect()
}

#[test]
fn a_fresh_root_needs_two_small_packages_for_the_sandbox() {
    assert_eq!(
        summaries(&[EngineKind::Sandbox], &fresh()),
        ["install bubblewrap, mmdebstrap", "verify sandbox"]
    );
    let (actions, _) = plan(&wanted(&[EngineKind::Sandbox]), &fresh());
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
fn ubuntu_needs_the_keys_of_debian_too() {
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
    let answer = Answer::Serves {
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
    let (actions, _) = plan(&wanted(&EngineKind::ALL), &restricted(fresh()));
    let refreshes = actions
        .iter()
        .filter(|action| matches!(action.deed, Deed::Install { refresh: true, .. }));
    assert_eq!(refreshes.count(), 1);
}

#[test]
fn what_podman_needs_is_written_only_where_it_is_needed() {
    let podman = [EngineKind::Podman];
    let facts = restricted(ready());
    let (actions, _) = plan(&wanted(&podman), &facts);
    let Deed::Write { text, .. } = &actions[0].deed else {
        panic!("{actions:?}");
    };
    assert!(actions[0].why.contains("CAP_SYS_RESOURCE"));
    let mut written = facts.clone();
    written.podman.config = PodmanConfig::merged([text.as_str()]);
    assert!(summaries(&podman, &written).is_empty());
    // Half of it in our file: the new text has both halves.
    let half = "[engine]\nruntime = \"runc\"\n";
    written.podman.config = PodmanConfig::merged([half]);
    let (again, _) = plan(&wanted(&podman), &written);
    assert_eq!(again[0].deed, actions[0].deed);
    // A file that podman does not read is not written.
    written.podman.only_file = Some("/my/containers.conf".into());
    let (none, manual) = plan(&wanted(&podman), &written);
    assert!(none.is_empty(), "{none:?}");
    assert!(manual[0].contains("`/my/containers.conf`") && manual[0].contains("nofile=20000"));
}

#[test]
fn the_daemon_is_started_by_what_there_is() {
    let silent = |systemd| {
        let mut facts = ready();
        facts.systemd = systemd;
        facts
            .engines
            .insert(EngineKind::Docker, cannot(EngineKind::Docker, true));
        plan(&wanted(&[EngineKind::Docker]), &facts)
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
fn what_is_the_users_decision_is_left_to_the_user() {
    let mut facts = ready();
    facts.engines = EngineKind::ALL
        .map(|kind| (kind, cannot(kind, true)))
        .into();
    facts.docker_forbidden = true;
    facts.user = "dev".into();
    let (actions, manual) = plan(&wanted(&EngineKind::ALL), &facts);
    assert!(actions.is_empty(), "{actions:?}");
    assert_eq!(manual[0], "sandbox: it is silent; speak to it");
    assert!(manual[1].contains("usermod --append --groups docker dev"));
    assert_eq!(manual[2], "podman: it is silent; speak to it");
    facts.docker_host = Some("tcp://far:2375".into());
    let (actions, manual) = plan(&wanted(&[EngineKind::Docker]), &facts);
    assert!(actions.is_empty() && manual[0].contains("`tcp://far:2375`"));
}

#[test]
fn a_plain_user_gets_ids_and_the_test_user_other_ones() {
    let mut facts = ready();
    facts.uid = 1001;
    facts.user = "dev".into();
    facts.subgid = None;
    let both = Wanted {
        test_user: true,
        ..wanted(&[EngineKind::Sandbox])
    };
    let (actions, _) = plan(&both, &facts);
    assert_eq!(
        actions.iter().map(Action::summary).collect::<Vec<_>>(),
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
}

#[test]
fn without_rights_the_plan_is_a_list_for_the_user() {
    let mut facts = fresh();
    facts.uid = 1001;
    facts.user = "dev".into();
    let divided = |rights, facts: &Facts| {
        let (actions, manual) = plan(&wanted(&[EngineKind::Sandbox]), facts);
        divide(actions, manual, &rights, facts)
    };
    let (actions, manual) = divided(Rights::None, &facts);
    assert_eq!(
        actions.iter().map(Action::summary).collect::<Vec<_>>(),
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
fn another_system_is_not_touched() {
    let mut facts = restricted(fresh());
    facts.system = System::read("ID=fedora\n");
    let (actions, manual) = plan(&wanted(&EngineKind::ALL), &facts);
    let (actions, manual) = divide(actions, manual, &Rights::Root, &facts);
    let kinds: BTreeSet<_> = actions.iter().map(Action::needs_root).collect();
    assert_eq!(kinds, BTreeSet::from([false]));
    assert_eq!(
        manual[0],
        "install with this system's (fedora) package manager what Debian calls bubblewrap, mmdebstrap, runc: \
         the engines need what these packages provide"
    );
    assert!(!manual.iter().any(|item| item.contains("apt-get")));
}
