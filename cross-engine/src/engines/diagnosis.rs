//! The meaning of an engine's messages, where the cause is known.

use crate::engines::engine::EngineKind;
use crate::process::error::{Error, ErrorKind};
use crate::process::{Exit, Output};

/// Why an engine cannot be used, and the remedy.
pub(crate) struct Diagnosis {
    pub(crate) reason: String,
    pub(crate) help: String,
}

/// A text that an engine prints for a known cause, and the remedy.
struct Pattern {
    text: &'static str,
    cause: &'static str,
    help: &'static str,
}

const NAMESPACES_HELP: &str = "allow unprivileged user namespaces (on Ubuntu 23.10 and later an AppArmor \
    profile for bwrap; in a container, run it with `--security-opt seccomp=unconfined`), or use docker or podman";

const SANDBOX: [Pattern; 8] = [
    Pattern {
        text: "namespaces exceeded",
        cause: "the system refuses user namespaces, of which this user may create no more",
        help: "allow more user namespaces: raise /proc/sys/user/max_user_namespaces and the other `max_*_namespaces` there (`sysctl`; 0 forbids \
               them), or use docker or podman",
    },
    Pattern {
        text: "Failed RTM_NEWADDR",
        cause: "the system refuses a network of its own to user namespaces",
        help: NAMESPACES_HELP,
    },
    Pattern {
        text: "Can't mount proc",
        cause: "the system refuses a new /proc, as containers do",
        help: "run the container with `--security-opt systempaths=unconfined` (docker) or `--security-opt unmask=ALL` \
               (podman), or use docker or podman on its host",
    },
    Pattern {
        text: "unknown option",
        cause: "this bubblewrap is too old",
        help: "install bubblewrap 0.4 or newer, or use docker or podman",
    },
    Pattern {
        text: "Unexpected capabilities",
        cause: "the caller has capabilities without being root, which bubblewrap refuses",
        help: "start the program without file or ambient capabilities (`getpcaps $$` shows them)",
    },
    Pattern {
        text: "setting up uid map: Permission denied",
        cause: "the system refuses user namespaces to unconfined programs",
        help: NAMESPACES_HELP,
    },
    Pattern {
        text: "No permissions to creat",
        cause: "the system refuses user namespaces",
        help: NAMESPACES_HELP,
    },
    Pattern {
        text: "Creating new namespace failed",
        cause: "the system refuses user namespaces",
        help: NAMESPACES_HELP,
    },
];

const PASSWORD_CAUSE: &str = "the ssh host asks for a password, or does not know the key";
const HOST_KEY_CAUSE: &str = "the key of the ssh host is not known";
const HOST_KEY_HELP: &str =
    "connect once by hand (`ssh HOST true`), which asks whether the key is right";

/// What the reason of a diagnosis says if nothing of an engine answers.
pub(crate) const SILENT: &str = "does not answer";

/// Messages of ssh, by which clients reach a daemon on another machine.
const SSH: [Pattern; 5] = [
    Pattern {
        text: "Permission denied (",
        cause: PASSWORD_CAUSE,
        help: "add your key to the host's authorized_keys or to your ssh-agent: an engine's client cannot ask for a password",
    },
    // Podman has a client of its own, which reads neither ssh's configuration nor its default keys.
    Pattern {
        text: "ssh: unable to authenticate",
        cause: PASSWORD_CAUSE,
        help: "name the key in `CONTAINER_SSHKEY` or add it to your ssh-agent, and add it to the host's authorized_keys: \
            podman reads no `~/.ssh/config`",
    },
    Pattern {
        text: "Host key verification failed",
        cause: HOST_KEY_CAUSE,
        help: HOST_KEY_HELP,
    },
    Pattern {
        text: "knownhosts: key",
        cause: HOST_KEY_CAUSE,
        help: HOST_KEY_HELP,
    },
    Pattern {
        text: "Could not resolve hostname",
        cause: "the ssh host has no address",
        help: "correct the host in `DOCKER_HOST`, `CONTAINER_HOST` or the context",
    },
];

const DOCKER: [Pattern; 3] = [
    Pattern {
        text: "permission denied while trying to connect",
        cause: "this user may not use the docker daemon",
        help: "add the user to the `docker` group, or use podman or the sandbox, which need no group",
    },
    Pattern {
        text: "Cannot connect to the Docker daemon",
        cause: "the docker daemon does not answer",
        help: "start the docker daemon (`systemctl start docker`, or `dockerd` where there is no systemd)",
    },
    Pattern {
        text: "failed to connect to the docker API",
        cause: "the docker daemon does not answer",
        help: "start the docker daemon (`systemctl start docker`, or `dockerd` where there is no systemd)",
    },
];

const NERDCTL: [Pattern; 2] = [
    Pattern {
        text: "cannot access containerd socket",
        cause: "containerd does not answer, or this user may not use it",
        help: "start containerd, or name its socket in CONTAINERD_ADDRESS; a plain user needs rootless containerd \
            (`containerd-rootless-setuptool.sh install`)",
    },
    Pattern {
        text: "rootless containerd not running",
        cause: "this user's containerd does not run",
        help: "start it (`containerd-rootless-setuptool.sh install`)",
    },
];

const LIMITS_CAUSE: &str = "this user may not raise the limits that are set for containers";
const LIMITS_HELP: &str = "set `default_ulimits` under `[containers]` in a file of /etc/containers/containers.conf.d \
    to no more than `ulimit -Hn` and `ulimit -Hu` allow";
const SUBIDS_HELP: &str =
    "install uidmap, and give the user a range in /etc/subuid and /etc/subgid";

const UNSEEN_CAUSE: &str = "the engine does not see a directory or file of this machine";
const UNSEEN_HELP: &str = "if the engine runs elsewhere, say so with `CROSS_REMOTE=1`; if it shares some directories only, \
    share the ones in the message, or move the project and the cache (`CROSS_CACHE_DIR`) into a shared one; docs/reach.md \
    describes how files reach an engine";

/// Messages of engines that do not find the source of a mount.
const UNSEEN: [&str; 3] = [
    "bind source path does not exist",
    "error: statfs /",
    "failed to stat \"/",
];

/// Messages of containers that do not start. The texts are those of podman 4 and 5, runc and crun.
const START: [Pattern; 20] = [
    Pattern {
        text: "could not find bridge",
        cause: "the docker daemon's network is gone",
        help: "restart the docker daemon, which makes its bridge again, or set `network = \"host\"`",
    },
    Pattern {
        text: "iptables",
        cause: "the engine cannot set up its network",
        help: "restart the engine's daemon, which makes its rules again, or set `network = \"host\"`",
    },
    Pattern {
        text: "not shared from the host",
        cause: "the engine's machine does not see this directory",
        help: "share it in the settings of Docker Desktop (Resources, File sharing), or move the project to a directory \
               that is shared",
    },
    Pattern {
        text: "bind source path does not exist",
        cause: "the engine's machine does not have this directory",
        help: "use an engine on this machine: DOCKER_HOST or the docker context names another one",
    },
    Pattern {
        text: "exec format error",
        cause: "the image is for another architecture, and the kernel has no interpreter for it",
        help: "name a platform that this machine can run in `image.toolchain`, or register QEMU with the kernel \
               (binfmt_misc)",
    },
    Pattern {
        text: "unknown flag",
        cause: "the engine does not know an option",
        help: "correct `CROSS_CONTAINER_OPTS`, or update the engine",
    },
    Pattern {
        text: "executable file not found",
        cause: "the image has no such program",
        help: "use an image with a shell (`/bin/sh`), as the images of distributions have",
    },
    // This message is the lifeline's own, from inside the container.
    Pattern {
        text: "cross: no process namespace of its own",
        cause: "the container would share its process namespace with others, whose processes could not be told apart",
        help: "remove `--pid` from the container's options, and `pidns` from containers.conf",
    },
    // crun, then runc (7 is RLIMIT_NOFILE, 6 is RLIMIT_NPROC); docker's runc says the same.
    Pattern {
        text: "setrlimit `RLIMIT_",
        cause: LIMITS_CAUSE,
        help: LIMITS_HELP,
    },
    Pattern {
        text: "error setting rlimit",
        cause: LIMITS_CAUSE,
        help: LIMITS_HELP,
    },
    Pattern {
        text: "cgroups in hybrid mode not supported",
        cause: "both cgroup versions are in use on this machine, which crun does not support",
        help: "install runc and set `runtime = \"runc\"` under `[engine]` in a file of /etc/containers/containers.conf.d",
    },
    Pattern {
        text: "cgroup",
        cause: "the container's control group cannot be created",
        help: "set `cgroup_manager = \"cgroupfs\"` under `[engine]` in containers.conf where there is no systemd",
    },
    Pattern {
        text: "no subuid ranges found",
        cause: "this user has no subordinate user ids",
        help: SUBIDS_HELP,
    },
    Pattern {
        text: "insufficient UIDs or GIDs",
        cause: "this user has no subordinate user ids, or too few",
        help: SUBIDS_HELP,
    },
    Pattern {
        text: "default OCI runtime",
        cause: "the runtime that podman's configuration names is not installed",
        help: "install it, or fix `runtime` under `[engine]` in containers.conf",
    },
    Pattern {
        text: "/dev/net/tun",
        cause: "this user's containers cannot have a network",
        help: "let this user open /dev/net/tun, or set `network = \"none\"` or `\"host\"`",
    },
    Pattern {
        text: "newuidmap",
        cause: "this user has no subordinate user ids",
        help: SUBIDS_HELP,
    },
    Pattern {
        text: "No such image",
        cause: "the image is gone from the engine's store",
        help: "build the environment again",
    },
    Pattern {
        text: "image not known",
        cause: "the image is gone from the engine's store",
        help: "build the environment again",
    },
    Pattern {
        text: "no space left on device",
        cause: "the disk is full",
        help: "free some space where the engine keeps its images and containers",
    },
];

/// The diagnosis of a failed probe.
pub(crate) fn of_probe(kind: EngineKind, output: &Output) -> Diagnosis {
    let text = text_of(output);
    let patterns: &[Pattern] = match kind {
        EngineKind::Sandbox => &SANDBOX,
        EngineKind::Docker => &DOCKER,
        EngineKind::Nerdctl => &NERDCTL,
        EngineKind::Podman => &START,
        EngineKind::Host => &[],
    };
    let of_ssh = find(&SSH, &text).filter(|_| kind != EngineKind::Sandbox);
    match of_ssh.or_else(|| find(patterns, &text)) {
        Some(pattern) => Diagnosis {
            reason: format!("{} ({})", pattern.cause, last_line(&text)),
            help: pattern.help.to_owned(),
        },
        None => Diagnosis {
            reason: format!("it does not answer: {}", last_line(&text)),
            help: format!(
                "`{} --version` has to succeed for this user, in this shell; another engine is \
                 chosen with `engine` or `CROSS_CONTAINER_ENGINE`",
                kind.program()
            ),
        },
    }
}

/// The beginnings and ends of the docker client's own messages.
const DOCKER_CLIENT: [&str; 4] = [
    "docker: ",
    "docker run --help",
    "unknown flag: ",
    "Error response from daemon",
];

/// The error for an engine that could not start the command; `None` if the message is not the
/// engine's but the command's own.
///
/// Docker and podman use the exit codes 125 to 127 for their own failures, but commands may use
/// them, too.
pub(crate) fn of_start(kind: EngineKind, exit: Exit, stderr: &str) -> Option<Error> {
    let code = exit.code.filter(|code| *code != 0)?;
    let is_engines = match kind {
        EngineKind::Sandbox => stderr.lines().any(|line| line.starts_with("bwrap: ")),
        EngineKind::Docker => {
            code == 125 && DOCKER_CLIENT.iter().any(|pattern| stderr.contains(pattern))
                || stderr.contains("OCI runtime")
        }
        EngineKind::Podman => (125..=127).contains(&code) && stderr.contains("Error: "),
        // Its messages are those of its logger, on a terminal and otherwise.
        EngineKind::Nerdctl => {
            let is_fatal =
                |line: &str| line.starts_with("FATA[") || line.contains("level=fatal msg=");
            code == 1 && stderr.lines().any(is_fatal)
        }
        EngineKind::Host => false,
    };
    is_engines.then(|| cannot_start(kind, exit, stderr))
}

/// The error for an engine that exited before the command was reached, whatever it printed; `None`
/// if it was ended by a signal. Its message may have gone to the caller's own standard error.
pub(crate) fn of_no_start(kind: EngineKind, exit: Exit, stderr: &str) -> Option<Error> {
    exit.code
        .filter(|code| *code != 0)
        .map(|_| cannot_start(kind, exit, stderr))
}

fn cannot_start(kind: EngineKind, exit: Exit, stderr: &str) -> Error {
    let patterns: &[Pattern] = match kind {
        EngineKind::Sandbox => &SANDBOX,
        EngineKind::Docker | EngineKind::Podman | EngineKind::Nerdctl => &START,
        EngineKind::Host => &[],
    };
    let message = stderr.trim();
    if message.is_empty() {
        return Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} could not start the command ({exit}) and gave no reason"),
        );
    }
    let is_unseen = |line: &&str| UNSEEN.iter().any(|text| line.to_lowercase().contains(text));
    if let Some(line) = message
        .lines()
        .find(is_unseen)
        .filter(|_| kind != EngineKind::Sandbox)
    {
        let message = format!("{kind} cannot start: {UNSEEN_CAUSE} ({})", line.trim());
        return Error::new(ErrorKind::OutOfReach, message).with_help(UNSEEN_HELP);
    }
    let said = telling_line(message);
    match find(patterns, message) {
        Some(pattern) => Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} cannot start: {} ({said})", pattern.cause),
        )
        .with_help(pattern.help),
        None => Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} cannot start: {said}"),
        )
        .with_help(match kind {
            EngineKind::Sandbox => {
                "`bwrap --ro-bind / / --unshare-all true` has to succeed for this user; if it does, \
                 the plan shows the whole command to try"
                    .to_owned()
            }
            _ => format!(
                "`{} run --rm IMAGE true` has to succeed for this user; if it does, the plan shows the \
                 whole command to try",
                kind.program()
            ),
        }),
    }
}

/// The line of a message that says most: the last one that is not a reference to the help.
fn telling_line(message: &str) -> &str {
    let is_reference = |line: &str| {
        let line = line.trim();
        line.is_empty() || line.contains(" run --help'") || line.contains("for more information")
    };
    let mut lines = message.lines().rev();
    let line = lines.find(|line| !is_reference(line));
    line.unwrap_or(last_line(message)).trim()
}

/// Whether a container CLI says that it does not have an image.
pub(crate) fn says_no_image(stderr: &str) -> bool {
    ["no such image", "image not known"]
        .iter()
        .any(|pattern| stderr.to_lowercase().contains(pattern))
}

/// Removes the colours that an image builder adds to its output.
pub(crate) fn strip_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
        text
    })
}

fn find<'a>(patterns: &'a [Pattern], text: &str) -> Option<&'a Pattern> {
    let text = text.to_lowercase();
    patterns
        .iter()
        .find(|pattern| text.contains(&pattern.text.to_lowercase()))
}

fn text_of(output: &Output) -> String {
    let text = format!("{}{}", output.stderr, output.stdout);
    if text.trim().is_empty() {
        format!("nothing was printed, {}", output.exit)
    } else {
        text
    }
}

/// The last line of a message, without docker's advice to read its help.
pub(crate) fn last_line(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_advice = |line: &&str| line.starts_with("Run '") || line.starts_with("See '");
    let mut last = lines.clone().rev().find(|line| !is_advice(line));
    last = last.or_else(|| lines.next_back());
    last.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_no_part_of_what_is_said() {
        let line = "\u{1b}[91mE\u{1b}[0m\u{1b}[91m: Unable to correct problems\u{1b}[0m";
        assert_eq!(strip_colours(line), "E: Unable to correct problems");
        assert_eq!(strip_colours("plain"), "plain");
    }

    /// Messages of podman 4.3 with crun 1.8 and runc 1.1, docker 20.10 to 28 and bubblewrap 0.8 on
    /// a machine with restrictions.
    #[test]
    fn real_refusals_are_understood() {
        let start = |kind, code, stderr: &str| {
            let code = Some(code);
            let error = of_start(kind, Exit { code, signal: None }, stderr).unwrap();
            (
                error.to_string(),
                error.help().unwrap_or_default().to_owned(),
            )
        };
        let limits = [
            "Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied",
            "Error: runc: runc create failed: unable to start container process: error during container init: \
             error setting rlimits for ready process: error setting rlimit type 7: operation not permitted: \
             OCI permission denied",
        ];
        for stderr in limits {
            let (message, help) = start(EngineKind::Podman, 126, stderr);
            assert!(message.contains("may not raise the limits") && message.contains(stderr));
            assert!(help.contains("default_ulimits"), "{help}");
        }
        let (message, help) = start(
            EngineKind::Podman,
            126,
            "Error: OCI runtime error: crun: cgroups in hybrid mode not supported, drop all controllers from cgroupv2",
        );
        assert!(message.contains("both cgroup versions"), "{message}");
        assert!(help.contains("runtime = \"runc\""), "{help}");
        let (message, help) = start(
            EngineKind::Podman,
            126,
            "Error: OCI runtime error: runc: runc create failed: systemd not running on this host, cannot use systemd \
             cgroups manager",
        );
        assert!(message.contains("control group"), "{message}");
        assert!(help.contains("cgroupfs"), "{help}");
        let (message, _) = start(
            EngineKind::Podman,
            125,
            "Error: default OCI runtime \"nosuch\" not found: invalid argument",
        );
        assert!(message.contains("is not installed"), "{message}");
        let (message, help) = start(
            EngineKind::Podman,
            126,
            "time=\"2026-11-22T21:53:38Z\" level=error msg=\"cannot find UID/GID for user u: no subuid ranges found for \
             user \\\"u\\\" in /etc/subuid - check rootless mode in man pages.\"\nError: /usr/bin/slirp4netns failed: \
             \"open(\\\"/dev/net/tun\\\"): Permission denied\\n\"",
        );
        assert!(message.contains("no subordinate user ids"), "{message}");
        assert!(help.contains("/etc/subuid"), "{help}");
    }

    #[test]
    fn a_reference_to_the_help_of_docker_is_not_the_reason() {
        let stderr = "docker: Error response from daemon: failed to create endpoint x on network bridge: adding \
                      interface veth1 to bridge docker0 failed: could not find bridge docker0\n\nRun 'docker run \
                      --help' for more information\n";
        let exit = Exit {
            code: Some(125),
            signal: None,
        };
        let error = of_start(EngineKind::Docker, exit, stderr).unwrap();
        assert!(
            error.to_string().contains("could not find bridge docker0"),
            "{error}"
        );
        assert!(error.help().unwrap().contains("restart the docker daemon"));
        let unknown =
            "docker: Error response from daemon: the moon is full\nSee 'docker run --help'.\n";
        let error = of_start(EngineKind::Docker, exit, unknown).unwrap();
        assert!(error.to_string().ends_with("the moon is full"), "{error}");
        assert!(error.help().unwrap().contains("docker run --rm"));
    }

    #[test]
    fn real_answers_of_engines_that_cannot_serve_are_understood() {
        let probe = |kind, stderr: &str| {
            of_probe(
                kind,
                &Output {
                    exit: Exit {
                        code: Some(1),
                        signal: None,
                    },
                    stdout: String::new(),
                    stderr: stderr.to_owned(),
                },
            )
        };
        let asleep = probe(
            EngineKind::Docker,
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
        );
        assert!(asleep.reason.contains("does not answer") && asleep.help.contains("dockerd"));
        let forbidden = probe(
            EngineKind::Docker,
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: \
             Get \"http://%2Fvar%2Frun%2Fdocker.sock/v1.50/version\": dial unix /var/run/docker.sock: connect: \
             permission denied\n",
        );
        assert!(
            forbidden.help.contains("`docker` group"),
            "{}",
            forbidden.help
        );
        let refused = probe(
            EngineKind::Sandbox,
            "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)\n",
        );
        assert!(refused.reason.contains("refuses user namespaces"));
        assert!(refused.help.contains("max_user_namespaces"));
    }

    #[test]
    fn the_engines_words_are_told_from_the_commands() {
        let code = |code| Exit {
            code: Some(code),
            signal: None,
        };
        assert!(of_start(EngineKind::Docker, code(1), "cgroup in a test's own output").is_none());
        let error = of_start(
            EngineKind::Podman,
            code(126),
            "Error: runc: rlimits: error setting rlimits: operation not permitted",
        )
        .unwrap();
        assert_eq!(error.kind(), ErrorKind::EngineCannotStart);
        assert!(error.help().unwrap().contains("default_ulimits"));
    }
}
