//! What an engine's or a tool's own words mean, where the cause is known.

use crate::engines::engine::Kind;
use crate::process::error::{Error, ErrorKind};
use crate::process::{Exit, Output};

/// A reason in the tool's words and the remedy for it.
pub(crate) struct Diagnosis {
    pub(crate) reason: String,
    pub(crate) help: String,
}

/// A piece of text that betrays a cause, and what to do about it.
struct Sign {
    text: &'static str,
    cause: &'static str,
    help: &'static str,
}

const NAMESPACES_HELP: &str = "allow unprivileged user namespaces (on Ubuntu 23.10 and later an AppArmor \
    profile for bwrap; in a container, run it with `--security-opt seccomp=unconfined`), or use docker or podman";

const SANDBOX: [Sign; 3] = [
    Sign {
        text: "setting up uid map: Permission denied",
        cause: "the system refuses user namespaces to unconfined programs",
        help: NAMESPACES_HELP,
    },
    Sign {
        text: "No permissions to creat",
        cause: "the system refuses user namespaces",
        help: NAMESPACES_HELP,
    },
    Sign {
        text: "Creating new namespace failed",
        cause: "the system refuses user namespaces",
        help: NAMESPACES_HELP,
    },
];

const DOCKER: [Sign; 3] = [
    Sign {
        text: "permission denied while trying to connect",
        cause: "this user may not use the docker daemon",
        help: "add the user to the `docker` group, or use podman or the sandbox, which need no group",
    },
    Sign {
        text: "Cannot connect to the Docker daemon",
        cause: "the docker daemon does not answer",
        help: "start the docker daemon (`systemctl start docker`, or `dockerd` where there is no systemd)",
    },
    Sign {
        text: "failed to connect to the docker API",
        cause: "the docker daemon does not answer",
        help: "start the docker daemon (`systemctl start docker`, or `dockerd` where there is no systemd)",
    },
];

const LIMITS_CAUSE: &str = "this user may not raise the limits that are set for containers";
const LIMITS_HELP: &str = "set `default_ulimits` under `[containers]` in a file of /etc/containers/containers.conf.d \
    to no more than `ulimit -Hn` and `ulimit -Hu` allow";
pub(crate) const SUBIDS_HELP: &str =
    "install uidmap, and give the user a range in /etc/subuid and /etc/subgid";

/// Refusals of the container's start. The texts are those of podman 4 and 5, runc and crun.
const START: [Sign; 13] = [
    // Our own words, from the lifeline in the container.
    Sign {
        text: "cross: no process namespace of its own",
        cause: "the container would share its processes with others, which could then not be told apart",
        help: "take `--pid` out of the container's options, and `pidns` out of containers.conf",
    },
    // crun, then runc (7 is RLIMIT_NOFILE, 6 is RLIMIT_NPROC); docker's runc says the same.
    Sign {
        text: "setrlimit `RLIMIT_",
        cause: LIMITS_CAUSE,
        help: LIMITS_HELP,
    },
    Sign {
        text: "error setting rlimit",
        cause: LIMITS_CAUSE,
        help: LIMITS_HELP,
    },
    Sign {
        text: "cgroups in hybrid mode not supported",
        cause: "both cgroup versions are in use on this machine, which crun refuses",
        help: "install runc and set `runtime = \"runc\"` under `[engine]` in a file of /etc/containers/containers.conf.d",
    },
    Sign {
        text: "cgroup",
        cause: "the container's control group cannot be made",
        help: "set `cgroup_manager = \"cgroupfs\"` under `[engine]` in containers.conf where there is no systemd",
    },
    Sign {
        text: "no subuid ranges found",
        cause: "this user has no subordinate user ids",
        help: SUBIDS_HELP,
    },
    Sign {
        text: "insufficient UIDs or GIDs",
        cause: "this user has no subordinate user ids, or too few",
        help: SUBIDS_HELP,
    },
    Sign {
        text: "default OCI runtime",
        cause: "the runtime that podman's configuration names is not installed",
        help: "install it, or mend `runtime` under `[engine]` in containers.conf",
    },
    Sign {
        text: "/dev/net/tun",
        cause: "this user's containers cannot have a network",
        help: "let this user open /dev/net/tun, or set `network = \"none\"` or `\"host\"`",
    },
    Sign {
        text: "newuidmap",
        cause: "this user has no subordinate user ids",
        help: SUBIDS_HELP,
    },
    Sign {
        text: "No such image",
        cause: "the image is gone from the engine's store",
        help: "make the environment again",
    },
    Sign {
        text: "image not known",
        cause: "the image is gone from the engine's store",
        help: "make the environment again",
    },
    Sign {
        text: "no space left on device",
        cause: "the disk is full",
        help: "free some space where the engine keeps its images and containers",
    },
];

/// What a failed probe means.
pub(crate) fn of_probe(kind: Kind, said: &Output) -> Diagnosis {
    let text = told(said);
    let signs: &[Sign] = match kind {
        Kind::Sandbox => &SANDBOX,
        Kind::Docker => &DOCKER,
        Kind::Podman => &START,
        Kind::Host => &[],
    };
    match find(signs, &text) {
        Some(sign) => Diagnosis {
            reason: format!("{} ({})", sign.cause, last_line(&text)),
            help: sign.help.to_owned(),
        },
        None => Diagnosis {
            reason: format!("it does not answer: {}", last_line(&text)),
            help: format!("run `{} --version` and mend what it says", kind.program()),
        },
    }
}

/// What the docker client's own messages begin or end with.
const DOCKERS_OWN: [&str; 4] = [
    "docker: ",
    "docker run --help",
    "unknown flag: ",
    "Error response from daemon",
];

/// The error for an engine that could not start a container, from what it said; `None` when the
/// words are not the engine's, so that they are the command's own.
///
/// Docker and podman use the exit codes 125 to 127 for their own failures, but so may the command.
pub(crate) fn of_start(kind: Kind, exit: Exit, said: &str) -> Option<Error> {
    let code = exit.code.filter(|code| *code != 0)?;
    let engine_spoke = match kind {
        Kind::Sandbox => said.lines().any(|line| line.starts_with("bwrap: ")),
        Kind::Docker => {
            code == 125 && DOCKERS_OWN.iter().any(|sign| said.contains(sign))
                || said.contains("OCI runtime")
        }
        Kind::Podman => (125..=127).contains(&code) && said.contains("Error: "),
        Kind::Host => false,
    };
    engine_spoke.then(|| refusal(kind, exit, said))
}

/// The error for an engine that ended without having reached the command, whatever it said; `None`
/// where it was ended by a signal, which is nobody's failure. It may have said why to the caller's
/// own standard error.
pub(crate) fn of_no_start(kind: Kind, exit: Exit, said: &str) -> Option<Error> {
    exit.code
        .filter(|code| *code != 0)
        .map(|_| refusal(kind, exit, said))
}

fn refusal(kind: Kind, exit: Exit, said: &str) -> Error {
    let signs: &[Sign] = match kind {
        Kind::Sandbox => &SANDBOX,
        Kind::Docker | Kind::Podman => &START,
        Kind::Host => &[],
    };
    let words = said.trim();
    if words.is_empty() {
        return Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} could not start what was asked of it ({exit}), and has said why"),
        );
    }
    match find(signs, words) {
        Some(sign) => Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} cannot start: {} ({})", sign.cause, last_line(words)),
        )
        .with_help(sign.help),
        None => Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} cannot start: {}", last_line(words)),
        ),
    }
}

/// Whether a container CLI says that it does not hold an image.
pub(crate) fn says_no_image(said: &str) -> bool {
    ["no such image", "image not known"]
        .iter()
        .any(|sign| said.to_lowercase().contains(sign))
}

/// A line without the colours that an image builder gives to what it quotes.
pub(crate) fn uncoloured(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        text.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
        text
    })
}

fn find<'a>(signs: &'a [Sign], text: &str) -> Option<&'a Sign> {
    let text = text.to_lowercase();
    signs
        .iter()
        .find(|sign| text.contains(&sign.text.to_lowercase()))
}

fn told(said: &Output) -> String {
    let text = format!("{}{}", said.stderr, said.stdout);
    if text.trim().is_empty() {
        format!("nothing was printed, {}", said.exit)
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
        assert_eq!(uncoloured(line), "E: Unable to correct problems");
        assert_eq!(uncoloured("plain"), "plain");
    }

    /// What podman 4.3 with crun 1.8 and runc 1.1, docker 20.10 to 28 and bubblewrap 0.8 said on a
    /// machine that refuses them something.
    #[test]
    fn real_refusals_are_understood() {
        let start = |kind, code, said: &str| {
            let code = Some(code);
            let error = of_start(kind, Exit { code, signal: None }, said).unwrap();
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
        for said in limits {
            let (message, help) = start(Kind::Podman, 126, said);
            assert!(message.contains("may not raise the limits") && message.contains(said));
            assert!(help.contains("default_ulimits"), "{help}");
        }
        let (message, help) = start(
            Kind::Podman,
            126,
            "Error: OCI runtime error: crun: cgroups in hybrid mode not supported, drop all controllers from cgroupv2",
        );
        assert!(message.contains("both cgroup versions"), "{message}");
        assert!(help.contains("runtime = \"runc\""), "{help}");
        let (message, help) = start(
            Kind::Podman,
            126,
            "Error: OCI runtime error: runc: runc create failed: systemd not running on this host, cannot use systemd \
             cgroups manager",
        );
        assert!(message.contains("control group"), "{message}");
        assert!(help.contains("cgroupfs"), "{help}");
        let (message, _) = start(
            Kind::Podman,
            125,
            "Error: default OCI runtime \"nosuch\" not found: invalid argument",
        );
        assert!(message.contains("is not installed"), "{message}");
        let (message, help) = start(
            Kind::Podman,
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
        let probe = |kind, said: &str| {
            of_probe(
                kind,
                &Output {
                    exit: Exit {
                        code: Some(1),
                        signal: None,
                    },
                    stdout: String::new(),
                    stderr: said.to_owned(),
                },
            )
        };
        let asleep = probe(
            Kind::Docker,
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
        );
        assert!(asleep.reason.contains("does not answer") && asleep.help.contains("dockerd"));
        let forbidden = probe(
            Kind::Docker,
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
            Kind::Sandbox,
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
        assert!(of_start(Kind::Docker, code(1), "cgroup in a test's own output").is_none());
        let error = of_start(
            Kind::Podman,
            code(126),
            "Error: runc: rlimits: error setting rlimits: operation not permitted",
        )
        .unwrap();
        assert_eq!(error.kind(), ErrorKind::EngineCannotStart);
        assert!(error.help().unwrap().contains("default_ulimits"));
    }
}
