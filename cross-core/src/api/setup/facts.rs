//! The facts about this machine that a set-up depends on, gathered once, from files and the
//! engines' versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_engine::os::{self, kernel_text};
use cross_engine::process::clock;
use cross_engine::{Cancel, Engine, EngineKind, Host, probe};

use super::limits::Limits;
use super::podman::{DROP_IN, PodmanConfig, PodmanMachine, Shortfall};
use super::subids;
use super::verified::Verified;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::hash::short_hash;

/// Programs that a set-up may have to install.
const PROGRAMS: [&str; 9] = [
    "bwrap",
    "crun",
    "docker",
    "dockerd",
    "mmdebstrap",
    "newuidmap",
    "podman",
    "runc",
    "sshd",
];
/// Directories of daemons and their tools, which are not on an unprivileged user's `PATH`.
const SYSTEM_DIRS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// Package lists older than this are fetched again before an installation.
const LISTS_OLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The facts about this machine.
#[derive(Clone, Debug)]
pub(crate) struct MachineFacts {
    pub(super) uid: u32,
    pub(super) user: String,
    pub(super) system: System,
    pub(super) programs: BTreeMap<&'static str, PathBuf>,
    /// The answer of each engine that was probed.
    pub(super) engines: BTreeMap<EngineKind, Answer>,
    /// Whether the keys that sign Debian's packages are installed: Ubuntu has them in a package.
    pub(super) debian_keyring: bool,
    pub(super) passwd: String,
    pub(super) subuid: Option<String>,
    pub(super) subgid: Option<String>,
    pub(super) podman: PodmanFacts,
    pub(super) systemd: bool,
    /// The value of `DOCKER_HOST`, if it names a daemon.
    pub(super) docker_host: Option<String>,
    /// Whether the local daemon's socket exists and refuses this user.
    pub(super) docker_forbidden: bool,
    pub(super) lists_old: bool,
    pub(super) verified: Verified,
    pub(super) cache: PathBuf,
}

/// The answer of an engine that was probed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It can be used. The identity changes with its version, path and configuration.
    Usable { identity: String },
    /// It cannot be used.
    Unusable {
        /// The engine's name and the reason.
        reason: String,
        help: String,
        /// Whether its program is installed.
        installed: bool,
    },
}

/// The distribution, from its `os-release`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct System {
    /// Its identifier, such as `debian`.
    pub(super) name: String,
    /// It and the distributions that it is derived from.
    pub(super) family: BTreeSet<String>,
}

/// The facts about podman on this machine.
#[derive(Clone, Debug)]
pub(crate) struct PodmanFacts {
    pub(super) machine: PodmanMachine,
    /// Its configuration.
    pub(super) config: PodmanConfig,
    /// Its configuration without our file.
    pub(super) config_of_others: PodmanConfig,
    /// The only file that it reads, if `CONTAINERS_CONF` names one.
    pub(super) only_file: Option<PathBuf>,
}

impl MachineFacts {
    /// Gathers the facts, and probes `engines`.
    pub(crate) fn gather(
        engines: &BTreeSet<EngineKind>,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<Self> {
        let found = |name| Some((name, find(name, host)?));
        let programs: BTreeMap<_, _> = PROGRAMS.into_iter().filter_map(found).collect();
        // A podman that is yet to be installed may depend on crun.
        let crun = programs.contains_key("crun") || !programs.contains_key("podman");
        let podman = PodmanFacts::gather(host, crun);
        let mut answers = BTreeMap::new();
        for kind in engines {
            let answer = match probe(*kind, host, cancel).map_engine_error()?.into_result() {
                Ok(engine) => Answer::Usable {
                    identity: identity(&engine, &podman, host),
                },
                Err(unusable) => Answer::Unusable {
                    reason: unusable.to_string(),
                    help: unusable.help,
                    installed: unusable.installed,
                },
            };
            answers.insert(*kind, answer);
        }
        let passwd = read("/etc/passwd").unwrap_or_default();
        let docker_host = host
            .variable("DOCKER_HOST")
            .filter(|value| !value.is_empty());
        Ok(MachineFacts {
            uid: host.uid,
            user: user_name(&passwd, host.uid),
            system: System::read(&read("/etc/os-release").unwrap_or_default()),
            podman,
            programs,
            engines: answers,
            debian_keyring: Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists(),
            passwd,
            subuid: read("/etc/subuid"),
            subgid: read("/etc/subgid"),
            systemd: Path::new("/run/systemd/system").exists(),
            docker_host: docker_host.map(|value| value.to_string_lossy().into_owned()),
            docker_forbidden: os::connect(Path::new("/var/run/docker.sock"))
                .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied),
            lists_old: lists_old(Path::new("/var/lib/apt/lists")),
            verified: Verified::read(host),
            cache: host.cache.clone(),
        })
    }

    pub(super) fn is_usable(&self, kind: EngineKind) -> bool {
        matches!(self.engines.get(&kind), Some(Answer::Usable { .. }))
    }

    pub(super) fn has(&self, program: &str) -> bool {
        self.programs.contains_key(program)
    }

    pub(super) fn has_user(&self, name: &str) -> bool {
        self.passwd
            .lines()
            .any(|line| line.split(':').next() == Some(name))
    }

    /// Whether the user has ranges of subordinate user and group ids.
    pub(super) fn has_subids(&self, user: &str, uid: Option<u32>) -> bool {
        let has = |text: &Option<String>| {
            text.as_deref()
                .is_some_and(|text| subids::has_range(text, user, uid))
        };
        has(&self.subuid) && has(&self.subgid)
    }

    /// Whether this user can have more than one id in a user namespace. Root always can.
    pub(crate) fn caller_has_subids(&self) -> bool {
        self.uid == 0 || self.has("newuidmap") && self.has_subids(&self.user, Some(self.uid))
    }

    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// The settings that podman's configuration lacks for containers to start on this machine.
    pub(crate) fn podman_shortfall(&self) -> Shortfall {
        self.podman.machine.shortfall(&self.podman.config)
    }
}

impl System {
    /// Reads the text of an `os-release` file, whose values may be quoted.
    pub(super) fn read(text: &str) -> Self {
        let value = |key: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            value
                .unwrap_or_default()
                .trim_matches(['"', '\''])
                .to_owned()
        };
        let name = match value("ID") {
            id if id.is_empty() => "unknown".to_owned(),
            id => id,
        };
        let mut family: BTreeSet<_> = value("ID_LIKE")
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        family.insert(name.clone());
        System { name, family }
    }

    /// Whether packages have Debian's names and `apt-get` installs them.
    pub(super) fn is_debian_like(&self) -> bool {
        self.family.contains("debian") || self.family.contains("ubuntu")
    }
}

impl PodmanFacts {
    fn gather(host: &Host, crun: bool) -> Self {
        let process = |file: &str| kernel_text(&format!("self/{file}"));
        let controllers = read("/sys/fs/cgroup/unified/cgroup.controllers");
        let only_file = host
            .variable("CONTAINERS_CONF")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from);
        let files = match &only_file {
            Some(file) => vec![file.clone()],
            None => podman_files(host),
        };
        let texts: Vec<_> = files
            .iter()
            .filter_map(|file| Some((file, read(file)?)))
            .collect();
        let all = texts.iter().map(|(_, text)| text.as_str());
        let others = texts.iter().filter(|(file, _)| *file != Path::new(DROP_IN));
        PodmanFacts {
            machine: PodmanMachine {
                as_root: host.uid == 0,
                limits: Limits::read(&process("limits"), &process("status"), &process("uid_map")),
                hybrid_cgroups: controllers.is_some_and(|names| !names.trim().is_empty()),
                crun,
            },
            config: PodmanConfig::merged(all),
            config_of_others: PodmanConfig::merged(others.map(|(_, text)| text.as_str())),
            only_file,
        }
    }
}

/// A hash of everything that decides whether an engine can run something.
fn identity(engine: &Engine, podman: &PodmanFacts, host: &Host) -> String {
    let configuration = match engine.kind {
        EngineKind::Podman => format!("{podman:?}"),
        _ => format!("{:?}", host.variable("DOCKER_HOST")),
    };
    short_hash(&format!("{engine:?} {configuration}"), 64)
}

/// Podman's configuration files, in the order in which it reads them.
fn podman_files(host: &Host) -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/usr/share/containers/containers.conf")];
    let mut dirs = vec![PathBuf::from("/etc/containers")];
    dirs.extend(
        host.user_settings()
            .filter(|_| host.uid != 0)
            .map(|dir| dir.join("containers")),
    );
    for dir in dirs {
        files.push(dir.join("containers.conf"));
        let entries = fs::read_dir(dir.join("containers.conf.d"))
            .into_iter()
            .flatten();
        let mut parts: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        parts.retain(|part| part.extension().is_some_and(|end| end == "conf"));
        parts.sort();
        files.extend(parts);
    }
    files
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Finds a program on `PATH` or in the directories of daemons.
fn find(name: &str, host: &Host) -> Option<PathBuf> {
    let system = || {
        SYSTEM_DIRS
            .iter()
            .find_map(|dir| host.find_program(Path::new(dir).join(name)))
    };
    // A user's programs have to be on the user's PATH. A daemon and its tools need not be.
    host.find_program(name).or_else(system)
}

/// The name of the user with this id, or the id if there is none.
fn user_name(passwd: &str, uid: u32) -> String {
    let id = uid.to_string();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    named.unwrap_or(id)
}

/// Whether apt's package lists are missing or old. The lists have the mirror's time of
/// modification, so the time of the directory that they are downloaded to is used.
fn lists_old(lists: &Path) -> bool {
    let mut entries = fs::read_dir(lists).into_iter().flatten().flatten();
    if !entries.any(|entry| entry.file_name().to_string_lossy().contains("_Packages")) {
        return true;
    }
    let modified = lists
        .join("partial")
        .metadata()
        .and_then(|meta| meta.modified());
    let Ok(since) = modified.map(|time| time.duration_since(std::time::UNIX_EPOCH)) else {
        return true;
    };
    clock::unix_time().saturating_sub(since.unwrap_or_default()) > LISTS_OLD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_derivatives_are_recognised() {
        let system = |text| System::read(text);
        assert!(
            system("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n").is_debian_like()
        );
        assert!(system("ID=ubuntu\nID_LIKE=debian\n").is_debian_like());
        assert!(system("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").is_debian_like());
        let fedora = system("ID=fedora\nVERSION_ID=41\n");
        assert!(!fedora.is_debian_like());
        assert_eq!(fedora.name, "fedora");
        assert_eq!(system("").name, "unknown");
    }

    #[test]
    fn a_users_name_is_found_by_id() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\ndev:x:1001:1001::/home/dev:/bin/sh\n";
        assert_eq!(user_name(passwd, 1001), "dev");
        assert_eq!(user_name(passwd, 100), "100");
    }

    #[cfg(unix)]
    #[test]
    fn lists_are_old_where_there_are_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(lists_old(&dir.path().join("nowhere")));
        fs::create_dir(dir.path().join("partial")).unwrap();
        assert!(lists_old(dir.path()));
        fs::write(dir.path().join("d_main_binary-amd64_Packages.lz4"), "").unwrap();
        assert!(!lists_old(dir.path()));
        let long_ago = std::time::UNIX_EPOCH + Duration::from_secs(1);
        let partial = fs::File::open(dir.path().join("partial")).unwrap();
        partial.set_modified(long_ago).unwrap();
        assert!(lists_old(dir.path()));
    }
}
