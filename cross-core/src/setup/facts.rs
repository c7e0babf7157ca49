//! What is true of this machine: gathered once, by reading files and asking the engines for their
//! versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_engine::{Cancel, Engine, EngineKind, Host, clock, probe};
use sha2::{Digest as _, Sha256};

use super::podman::{DROP_IN, PodmanConfig, PodmanMachine, Shortfall};
use super::subids;
use super::verified::Verified;
use crate::error::{EngineContext as _, Result};

/// Programs a set-up may have to install.
const PROGRAMS: [&str; 8] = [
    "bwrap",
    "crun",
    "docker",
    "dockerd",
    "mmdebstrap",
    "newuidmap",
    "podman",
    "runc",
];
/// Where daemons and their tools are, which a plain user's `PATH` does not name.
const SYSTEM_DIRS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// Package lists older than this are fetched again before something is installed.
const LISTS_OLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The bit of `CAP_SYS_RESOURCE` in a capability mask.
const CAP_SYS_RESOURCE: u64 = 1 << 24;
/// The user ids of a process that is in no user namespace but the machine's own.
const ALL_IDS: [&str; 3] = ["0", "0", "4294967295"];

/// What is true of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(super) uid: u32,
    pub(super) user: String,
    pub(super) system: System,
    pub(super) programs: BTreeMap<&'static str, PathBuf>,
    /// What each engine that was asked answered.
    pub(super) engines: BTreeMap<EngineKind, Answer>,
    /// Whether the keys that sign Debian's packages are here: Ubuntu has them in a package.
    pub(super) debian_keyring: bool,
    pub(super) passwd: String,
    pub(super) subuid: Option<String>,
    pub(super) subgid: Option<String>,
    pub(super) podman: PodmanFacts,
    pub(super) systemd: bool,
    /// Another daemon than this machine's own, where `DOCKER_HOST` names one.
    pub(super) docker_host: Option<String>,
    /// Whether the local daemon's socket is there, and refuses this user.
    pub(super) docker_forbidden: bool,
    pub(super) lists_old: bool,
    pub(super) verified: Verified,
    pub(super) cache: PathBuf,
}

/// What an engine answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// That it serves, and what it is: another version, place or configuration is another identity.
    Serves { identity: String },
    /// That it cannot serve.
    Cannot {
        /// Its name and why.
        reason: String,
        help: String,
        /// Whether its program is here.
        installed: bool,
    },
}

/// The distribution, from its `os-release`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct System {
    /// Its identifier, such as `debian`.
    pub(super) name: String,
    /// It and those it descends from.
    pub(super) family: BTreeSet<String>,
}

/// What this process may use at most, and whether it may raise that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Open files.
    pub(super) nofile: u64,
    /// Processes.
    pub(super) nproc: u64,
    /// Whether it has `CAP_SYS_RESOURCE` in the machine's own user namespace.
    pub(super) may_raise: bool,
}

/// What is true of podman here.
#[derive(Clone, Debug)]
pub(crate) struct PodmanFacts {
    pub(super) machine: PodmanMachine,
    /// What its configuration says.
    pub(super) config: PodmanConfig,
    /// What it says without our file.
    pub(super) others: PodmanConfig,
    /// The only file it reads, where `CONTAINERS_CONF` names one.
    pub(super) only_file: Option<PathBuf>,
}

impl Facts {
    /// Looks at everything, and asks `engines`.
    pub(crate) fn gather(
        engines: &BTreeSet<EngineKind>,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<Self> {
        let found = |name| Some((name, find(name, host)?));
        let programs: BTreeMap<_, _> = PROGRAMS.into_iter().filter_map(found).collect();
        // A podman that is yet to be installed may bring crun.
        let crun = programs.contains_key("crun") || !programs.contains_key("podman");
        let podman = PodmanFacts::gather(host, crun);
        let mut answers = BTreeMap::new();
        for kind in engines {
            let answer = match probe(*kind, host, cancel).engine()?.into_result() {
                Ok(engine) => Answer::Serves {
                    identity: identity(&engine, &podman, host),
                },
                Err(unusable) => Answer::Cannot {
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
        Ok(Facts {
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
            docker_forbidden: UnixStream::connect("/var/run/docker.sock")
                .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied),
            lists_old: lists_old(Path::new("/var/lib/apt/lists")),
            verified: Verified::read(host),
            cache: host.cache.clone(),
        })
    }

    pub(super) fn serves(&self, kind: EngineKind) -> bool {
        matches!(self.engines.get(&kind), Some(Answer::Serves { .. }))
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

    /// Whether this user can have more than one id in a user namespace: root always can.
    pub(crate) fn caller_has_subids(&self) -> bool {
        self.uid == 0 || self.has("newuidmap") && self.has_subids(&self.user, Some(self.uid))
    }

    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// What podman's configuration lacks here for containers to start.
    pub(crate) fn podman_shortfall(&self) -> Shortfall {
        self.podman.machine.lacks(&self.podman.config)
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

    /// Whether packages have Debian's names and are installed by `apt-get`.
    pub(super) fn is_debian_like(&self) -> bool {
        self.family.contains("debian") || self.family.contains("ubuntu")
    }
}

impl Limits {
    /// Reads the texts of `limits`, `status` and `uid_map` of a process in `/proc`.
    pub(super) fn read(limits: &str, status: &str, uid_map: &str) -> Self {
        let hard = |name: &str| {
            let mut lines = limits.lines();
            let values = lines.find_map(|line| line.strip_prefix(name))?;
            values.split_whitespace().nth(1)?.parse().ok()
        };
        let capabilities = status.lines().find_map(|line| {
            let mask = line.strip_prefix("CapEff:")?;
            u64::from_str_radix(mask.trim(), 16).ok()
        });
        let capable = capabilities.unwrap_or_default() & CAP_SYS_RESOURCE != 0;
        let own = uid_map.split_whitespace().eq(ALL_IDS);
        Limits {
            // `unlimited` is not a number.
            nofile: hard("Max open files").unwrap_or(u64::MAX),
            nproc: hard("Max processes").unwrap_or(u64::MAX),
            may_raise: capable && own,
        }
    }
}

impl PodmanFacts {
    fn gather(host: &Host, crun: bool) -> Self {
        let process = |file: &str| read(Path::new("/proc/self").join(file)).unwrap_or_default();
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
            others: PodmanConfig::merged(others.map(|(_, text)| text.as_str())),
            only_file,
        }
    }
}

/// What an engine is, in one word that changes with everything that decides whether it runs things.
fn identity(engine: &Engine, podman: &PodmanFacts, host: &Host) -> String {
    let configuration = match engine.kind {
        EngineKind::Podman => format!("{podman:?}"),
        _ => format!("{:?}", host.variable("DOCKER_HOST")),
    };
    format!(
        "{:x}",
        Sha256::digest(format!("{engine:?} {configuration}"))
    )
}

/// The files of podman's configuration in the order in which it reads them.
fn podman_files(host: &Host) -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/usr/share/containers/containers.conf")];
    let home = host
        .variable("HOME")
        .map(|home| Path::new(home).join(".config"));
    let own = host.variable("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
    let mut dirs = vec![PathBuf::from("/etc/containers")];
    dirs.extend(
        own.filter(|_| host.uid != 0)
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

/// A program on `PATH` or where daemons are.
fn find(name: &str, host: &Host) -> Option<PathBuf> {
    let system = || {
        SYSTEM_DIRS
            .iter()
            .find_map(|dir| host.find_program(Path::new(dir).join(name)))
    };
    // What a user calls has to be on the user's PATH; a daemon and its tools need not be.
    host.find_program(name).or_else(system)
}

/// The name of the user with this id, else the id.
fn user_name(passwd: &str, uid: u32) -> String {
    let id = uid.to_string();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    named.unwrap_or(id)
}

/// Whether apt's package lists are missing or old. Their own times are the mirror's, so that of the
/// directory they arrive in is taken.
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
    fn debian_and_its_descendants_are_recognised() {
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
    fn limits_are_read_from_the_kernels_words() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             96365                96366                processes \n\
                      Max open files            1024                 20000                files     \n\
                      Max pending signals       96365                96365                signals   \n";
        let (full, restricted) = ("CapEff:\t000001ffffffffff\n", "CapEff:\t000001fffeffffff\n");
        let own = "         0          0 4294967295\n";
        let read = Limits::read(limits, restricted, own);
        assert_eq!(
            (read.nofile, read.nproc, read.may_raise),
            (20_000, 96_366, false)
        );
        assert!(Limits::read(limits, full, own).may_raise);
        // Root of a user namespace has the capability, but not over limits.
        assert!(!Limits::read(limits, full, "0 100000 65536").may_raise);
        let unlimited =
            "Max open files            unlimited            unlimited            files\n";
        assert_eq!(Limits::read(unlimited, full, own).nofile, u64::MAX);
    }

    #[test]
    fn users_are_named_by_their_id() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\ndev:x:1001:1001::/home/dev:/bin/sh\n";
        assert_eq!(user_name(passwd, 1001), "dev");
        assert_eq!(user_name(passwd, 100), "100");
    }

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
