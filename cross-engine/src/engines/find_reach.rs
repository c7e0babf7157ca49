//! Where an engine sees the caller's files, found out once and remembered.

use serde::{Deserialize, Serialize};

use crate::engines::engine::{Engine, EngineKind};
use crate::engines::probe_cache::{FileStamp, ProbeCache};
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::reach::answer::Reach;
use crate::reach::probe::{self, Cli, Client, ReachPreference};

/// What is remembered of an engine outside of the caller's container.
#[derive(Serialize, Deserialize)]
struct Found {
    reach: Reach,
}

impl Engine {
    /// Finds out where the engine sees the caller's files: see [`Engine::reach`]. `preference` is
    /// what the caller knows already.
    ///
    /// Starts at most read-only commands of the engine's client, and none if the caller does not
    /// run in a container. The answer is remembered in the cache for as long as the daemon, the
    /// container and its mounts are the same.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfReach`](crate::ErrorKind::OutOfReach) if the preference contradicts what
    /// is found. The errors of the client's process.
    pub fn find_reach(
        mut self,
        preference: ReachPreference,
        host: &Host,
        cancel: &Cancel,
    ) -> Result<Self> {
        let Some(cli) = cli_of(self.kind) else {
            return Ok(self);
        };
        let client = Client {
            cli,
            program: &self.program,
            host,
            service: self.service.as_deref(),
        };
        let Some((key, files)) = probe::dependencies(&client, preference) else {
            self.reach = probe::find(&client, preference, cancel)?;
            return Ok(self);
        };
        let cache = ProbeCache::in_cache(&host.cache);
        let name = format!("reach-{}", self.kind);
        if let Some(found) = cache.get::<Found>(&name, &key) {
            return Ok(self.with_found(found));
        }
        let asked_at = clock::unix_time();
        let stamps = files.into_iter().chain([self.program.clone()]);
        let stamps = stamps.map(FileStamp::of).collect();
        let found = Found {
            reach: probe::find(&client, preference, cancel)?,
        };
        if matches!(found.reach, Reach::Nested(_)) {
            cache.insert(&name, &key, stamps, asked_at, &found);
        }
        Ok(self.with_found(found))
    }

    fn with_found(mut self, found: Found) -> Self {
        self.reach = found.reach;
        self
    }
}

/// The way in which the client of an engine finds a daemon; `None` for an engine without a client.
pub(crate) fn cli_of(kind: EngineKind) -> Option<Cli> {
    match kind {
        EngineKind::Docker => Some(Cli::Docker),
        EngineKind::Nerdctl => Some(Cli::Nerdctl),
        EngineKind::Podman => Some(Cli::Podman),
        EngineKind::Sandbox | EngineKind::Host => None,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::engines::engine::EnginePreference;
    use crate::engines::probe::{RootSource, SelectedEngine, select};
    use crate::process::error::ErrorKind;
    use crate::process::executable;
    use crate::process::invocation::Variables;

    /// A client called `name` that records its calls and runs the script `answer` for each.
    fn client(dir: &Path, name: &str, answer: &str) -> Host {
        let program = dir.join(name);
        let script = format!(
            "#!/bin/sh\necho \"$*\" >>{}/calls\n{answer}\n",
            dir.display()
        );
        executable::create(&program, &script);
        let path = format!("{}:/usr/bin:/bin", dir.display());
        let variables = [
            ("PATH", path),
            (
                "DOCKER_HOST",
                format!("unix://{}/docker.sock", dir.display()),
            ),
        ];
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Host::new(Variables::from(variables), dir.join("cache"))
    }

    fn selected(preference: &str, host: &Host) -> Result<SelectedEngine> {
        let preference = EnginePreference::from(preference);
        select(&preference, RootSource::Image, host, &Cancel::new())
    }

    #[test]
    fn nerdctl_is_asked_in_its_own_words() {
        let dir = tempfile::tempdir().unwrap();
        let answer = "case \"$3\" in *Server*) exit 1;; *Client*) echo '1.7.6|linux/amd64|';; esac";
        let host = client(dir.path(), "nerdctl", answer);
        let engine = selected("nerdctl", &host).unwrap().engine;
        assert_eq!(engine.kind, EngineKind::Nerdctl);
        assert_eq!(engine.version, "1.7.6");
        let engine = engine.find_reach(ReachPreference::default(), &host, &Cancel::new());
        assert_eq!(engine.unwrap().reach, Reach::Shared);
        let calls = fs::read_to_string(dir.path().join("calls")).unwrap();
        let verbs: Vec<_> = calls
            .lines()
            .filter_map(|call| call.split(' ').next())
            .collect();
        assert_eq!(
            verbs,
            ["version"],
            "nothing else is asked outside of a container"
        );
    }

    #[test]
    fn a_program_is_the_engine_whose_answers_it_gives() {
        let dir = tempfile::tempdir().unwrap();
        let docker = "case \"$1 $3\" in --version*) echo 'boxes 3.2';; \
                      version*Server*) echo '24.0.1|linux/arm64|Engine containerd ';; *) exit 1;; esac";
        let host = client(dir.path(), "boxes", docker);
        let engine = selected("boxes", &host).unwrap().engine;
        assert_eq!(engine.kind, EngineKind::Docker);
        assert_eq!(
            (engine.version.as_str(), engine.architecture.as_str()),
            ("24.0.1", "arm64")
        );
        let nerdctl = "case \"$1 $3\" in --version*) echo 'finch version v1.1';; \
                       version*Server*) exit 1;; version*Client*) echo '1.7|linux/amd64|';; esac";
        let host = client(dir.path(), "finch", nerdctl);
        assert_eq!(
            selected("finch", &host).unwrap().engine.kind,
            EngineKind::Nerdctl
        );
        let host = client(dir.path(), "editor", "echo 'editor 1.0'");
        let error = selected("editor", &host).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
        assert!(error.to_string().contains("editor 1.0"), "{error}");
        assert!(error.help().unwrap().contains("compatible with docker"));
    }

    /// As distributions and container desktops install them.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_command_of_another_name_is_the_engine_that_it_wraps() {
        let dir = tempfile::tempdir().unwrap();
        let emulates = "echo 'Emulate Docker CLI using podman.' >&2; ";
        let podman = "case \"$1 $3\" in --version*) echo 'NAME version 4.3.1';; \
                      version*Components*) echo \"can't evaluate field Components\" >&2; exit 125;; \
                      version*Client*) echo '4.3.1|linux/amd64|';; \
                      info*) echo '4.3.1|linux/arm64|true|6.1.0-far';; *) exit 1;; esac";
        let nerdctl = "case \"$1 $3\" in --version*) echo 'nerdctl version 1.7.6';; \
                       version*Server*) echo 'template: no such field' >&2; exit 1;; \
                       version*Client*) echo '1.7.6|linux/amd64|';; *) exit 1;; esac";
        let kind = |name: &str, preference: &str, answer: &str| {
            // A service answers for itself, and this client has none.
            let mut host = client(dir.path(), name, answer);
            host.variables.remove(std::ffi::OsStr::new("DOCKER_HOST"));
            let engine = selected(preference, &host).unwrap().engine;
            assert_eq!(engine.program, dir.path().join(name));
            engine.kind
        };
        let path = |name: &str| dir.path().join(name).display().to_string();
        let of_podman = podman.replace("NAME", "podman");
        let wrapper = format!("{emulates}{of_podman}");
        for preference in ["docker".to_owned(), path("docker")] {
            assert_eq!(kind("docker", &preference, &wrapper), EngineKind::Podman);
            assert_eq!(kind("docker", &preference, nerdctl), EngineKind::Nerdctl);
        }
        let named = path("podman");
        assert_eq!(kind("podman", &named, &of_podman), EngineKind::Podman);
        // A client of a service says what the service is.
        let of_remote = podman.replace("NAME", "podman-remote");
        for preference in ["podman-remote".to_owned(), path("podman-remote")] {
            assert_eq!(
                kind("podman-remote", &preference, &of_remote),
                EngineKind::Podman
            );
            let host = client(dir.path(), "podman-remote", &of_remote);
            let engine = selected(&preference, &host).unwrap().engine;
            assert_eq!(
                (engine.architecture.as_str(), engine.own_kernel),
                ("arm64", true)
            );
        }
        // Nobody has named nerdctl.
        let empty = tempfile::tempdir().unwrap();
        let mut host = client(empty.path(), "docker", nerdctl);
        let only = ("PATH".into(), empty.path().into());
        host.variables.extend([only]);
        let error = selected("auto", &host).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoEngine);
        assert!(
            error.to_string().contains("used only if it is named"),
            "{error}"
        );
    }

    /// Answers of real daemons, with the release of this machine's kernel where they have the same.
    #[cfg(target_os = "linux")]
    #[test]
    fn docker_says_whether_its_runs_have_this_kernel() {
        let ours = crate::os::kernel_text("sys/kernel/osrelease");
        let ours = ours.trim();
        let engine = |answer: &str| {
            let dir = tempfile::tempdir().unwrap();
            let host = client(dir.path(), "docker", &format!("echo '{answer}'"));
            let engine = selected("docker", &host).unwrap().engine;
            (engine.own_kernel, engine.rootless)
        };
        let desktop = "27.3.1|linux/amd64|Engine containerd runc docker-init |6.10.11-linuxkit|\
                       Docker Desktop 4.35.1 (173168)";
        assert_eq!(engine(desktop), (true, true), "root there is the caller");
        let colima = "27.1.1|linux/amd64|Engine containerd runc docker-init |6.8.0-39-generic|\
                      Docker Engine - Community";
        assert_eq!(engine(colima), (true, false));
        let here = format!("20.10.24+dfsg1|linux/amd64|Engine containerd runc |{ours}|");
        assert_eq!(engine(&here), (false, false));
        let rootless = format!("27.3.1|linux/amd64|Engine rootlesskit |{ours}|");
        assert_eq!(engine(&rootless), (false, true));
        // What is like docker may say nothing of it.
        assert_eq!(engine("24.0.1|linux/amd64|Engine ||"), (false, false));
        assert_eq!(engine("24.0.1|linux/amd64|Engine "), (false, false));
    }

    /// The answers of a machine of podman's on Apple silicon.
    #[test]
    fn podmans_server_says_what_its_client_cannot_know() {
        let dir = tempfile::tempdir().unwrap();
        let answer = "case $3 in *.Host.Kernel*) echo '5.2.3|linux/arm64|false|6.10.3-200.fc40';; \
                      *) exit 1;; esac";
        let mut host = client(dir.path(), "podman", answer);
        let machine = ("CONTAINER_HOST".into(), "unix:///m/podman.sock".into());
        host.variables.extend([machine]);
        let engine = selected("podman", &host).unwrap().engine;
        assert_eq!(engine.architecture, "arm64");
        assert!(!engine.rootless, "it is rootful, whoever the caller is");
        assert!(engine.own_kernel);
    }

    /// Its name and the variables say nothing of the service that it passes commands to.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_podman_is_remote_whose_answers_come_from_a_service() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = crate::os::kernel_text("sys/kernel/osrelease");
        let socket = dir.path().join("podman.sock");
        let reach = |kernel: &str, socket: &str| {
            let answer = format!(
                "case $1 in version) echo '4.3.1|linux/amd64|service';; \
                 info) echo '4.3.1|linux/arm64|false|{kernel}||{socket}';; *) exit 1;; esac"
            );
            let host = client(dir.path(), "podman", &answer);
            let engine = selected("podman", &host).unwrap().engine;
            assert_eq!(
                (engine.architecture.as_str(), engine.rootless),
                ("arm64", false)
            );
            let found = engine.find_reach(ReachPreference::default(), &host, &Cancel::new());
            found.unwrap().reach
        };
        let is_remote = |reach: Reach| matches!(reach, Reach::Remote(_));
        let socket = format!("unix://{}", socket.display());
        assert!(is_remote(reach(kernel.trim(), "tcp:10.0.0.1:8080")));
        assert!(is_remote(reach(kernel.trim(), "")));
        assert!(is_remote(reach(kernel.trim(), &socket)), "it is not here");
        fs::write(dir.path().join("podman.sock"), "").unwrap();
        assert_eq!(reach(kernel.trim(), &socket), Reach::Shared);
        assert!(is_remote(reach("6.1.0-far", &socket)));
    }

    #[test]
    fn an_address_of_another_machine_is_remote_unless_the_caller_knows_better() {
        let dir = tempfile::tempdir().unwrap();
        let answer =
            "case \"$1\" in version) echo '24.0|linux/amd64|';; *) echo gone >&2; exit 1;; esac";
        let mut host = client(dir.path(), "docker", answer);
        let far = ("DOCKER_HOST".into(), "tcp://me:s3cret@far:2375".into());
        host.variables.extend([far]);
        let engine = selected("docker", &host).unwrap().engine;
        let reach = |preference: ReachPreference| {
            let found = engine.clone().find_reach(preference, &host, &Cancel::new());
            found.map(|engine| engine.reach)
        };
        let Ok(Reach::Remote(remote)) = reach(ReachPreference::default()) else {
            panic!("it is on another machine");
        };
        assert_eq!(remote.address.as_deref(), Some("tcp://me@far:2375"));
        let preference = ReachPreference::default().remote(Some(false));
        assert_eq!(reach(preference).unwrap(), Reach::Shared);
        let preference = ReachPreference::default().nested(Some(true));
        let error = reach(preference).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfReach);
        assert!(
            error
                .help()
                .unwrap()
                .contains("CROSS_CONTAINER_IN_CONTAINER")
        );
    }

    #[test]
    fn a_daemon_elsewhere_that_does_not_answer_is_named_with_what_names_it() {
        let dir = tempfile::tempdir().unwrap();
        for (text, remedy) in [
            ("error during connect: no such host", "`DOCKER_HOST` names"),
            (
                "Cannot connect to the Docker daemon at x",
                "`DOCKER_HOST` names",
            ),
            ("context \"far\": context not found", "`DOCKER_HOST` names"),
            ("me@far: Permission denied (publickey)", "authorized_keys"),
            (
                "ssh: unable to authenticate, attempted none",
                "CONTAINER_SSHKEY",
            ),
        ] {
            let answer = format!("echo '{text}' >&2; exit 1");
            let mut host = client(dir.path(), "docker", &answer);
            let far = ("DOCKER_HOST".into(), "tcp://me:s3cret@far:2375".into());
            host.variables.extend([far]);
            let error = selected("docker", &host).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EngineUnusable);
            let help = error.help().unwrap();
            assert!(help.contains(remedy) && !help.contains("s3cret"), "{help}");
        }
        let answer = "echo 'context not found' >&2; exit 1";
        let mut host = client(dir.path(), "docker", answer);
        host.variables.remove(std::ffi::OsStr::new("DOCKER_HOST"));
        host.variables
            .extend([("DOCKER_CONTEXT".into(), "renamed".into())]);
        let error = selected("docker", &host).unwrap_err();
        let help = error.help().unwrap();
        assert!(
            help.contains("`DOCKER_CONTEXT` names the context `renamed`"),
            "{help}"
        );
    }

    /// The client knows neither the architecture of its service nor its rights, and its own answer,
    /// which was remembered, says nothing of the service.
    #[test]
    fn podmans_service_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let answer = "case \"$1 $CONTAINER_HOST\" in 'version ') echo '4.3|linux/amd64|';; \
                      'info '*refused) echo 'unable to connect to Podman' >&2; exit 125;; \
                      'info '*) echo '5.0|linux/arm64|true';; *) exit 1;; esac";
        let mut host = client(dir.path(), "podman", answer);
        let here = selected("podman", &host).unwrap().engine;
        assert_eq!(
            (here.version.as_str(), here.architecture.as_str()),
            ("4.3", "amd64")
        );
        let far = |address: &str| [("CONTAINER_HOST".into(), address.into())];
        host.variables.extend(far("ssh://me@far/podman.sock"));
        let there = selected("podman", &host).unwrap().engine;
        assert_eq!(
            (there.version.as_str(), there.architecture.as_str()),
            ("5.0", "arm64")
        );
        assert!(there.rootless);
        host.variables.extend(far("tcp://refused"));
        let error = selected("podman", &host).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
        assert!(
            error.help().unwrap().contains("`CONTAINER_HOST` names"),
            "{error}"
        );
    }
}
