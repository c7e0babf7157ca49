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

const SANDBOX: [Pattern; 3] = [
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

const LIMITS_CAUSE: &str = "this user may not raise the limits that are set for containers";
const LIMITS_HELP: &str = "set `default_ulimits` under `[containers]` in a file of /etc/containers/containers.conf.d \
    to no more than `ulimit -Hn` and `ulimit -Hu` allow";
const SUBIDS_HELP: &str =
    "install uidmap, and give the user a range in /etc/subuid and /etc/subgid";

/// Messages of containers that do not start. The texts are those of podman 4 and 5, runc and crun.
const START: [Pattern; 13] = [
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
        EngineKind::Podman => &START,
        EngineKind::Host => &[],
    };
    match find(patterns, &text) {
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
        EngineKind::Docker | EngineKind::Podman => &START,
        EngineKind::Host => &[],
    };
    let message = stderr.trim();
    if message.is_empty() {
        return Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} could not start the command ({exit}) and gave no reason"),
        );
    }
    match find(patterns, message) {
        Some(pattern) => Error::new(
            ErrorKind::EngineCannotStart,
            format!(
                "{kind} cannot start: {} ({})",
                pattern.cause,
                last_line(message)
            ),
        )
        .with_help(pattern.help),
        None => Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} cannot start: {}", last_line(message)),
        ),
    }
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

pub(crate) fn last_line(text: &str) -> &str {
    text.trim().lines().last().unwrap_or_default().trim()
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
