//! What an engine's or a tool's own words mean, where the cause is known.

use crate::engine::Kind;
use crate::error::{Error, ErrorKind};
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

/// Refusals of the container's start. The texts are those of podman 4 and 5, runc and crun.
const START: [Sign; 7] = [
    Sign {
        text: "setting rlimits",
        cause: "this user may not raise the limits that podman sets for containers",
        help: "set `default_ulimits` in containers.conf to what `ulimit -Hn` and `ulimit -Hu` allow",
    },
    Sign {
        text: "rlimit",
        cause: "this user may not raise the limits that podman sets for containers",
        help: "set `default_ulimits` in containers.conf to what `ulimit -Hn` and `ulimit -Hu` allow",
    },
    Sign {
        text: "cgroup",
        cause: "the container's control group cannot be made",
        help: "use `cgroup_manager = \"cgroupfs\"` and `runtime = \"runc\"` in containers.conf where there is no systemd",
    },
    Sign {
        text: "newuidmap",
        cause: "this user has no subordinate user ids",
        help: "install uidmap and give the user a range in /etc/subuid and /etc/subgid",
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

/// The error for an engine that could not start a container, from what it said; `None` when the
/// words are not the engine's, so that they are the command's own.
///
/// Docker and podman use the exit codes 125 to 127 for their own failures, but so may the command.
pub(crate) fn of_start(kind: Kind, exit: Exit, said: &str) -> Option<Error> {
    let code = exit.code.filter(|code| *code != 0)?;
    let engine_spoke = match kind {
        Kind::Sandbox => said.lines().any(|line| line.starts_with("bwrap: ")),
        Kind::Docker => code == 125 || said.contains("OCI runtime"),
        Kind::Podman => code == 125 || (code == 126 || code == 127) && said.contains("Error: "),
    };
    if !engine_spoke {
        return None;
    }
    let signs: &[Sign] = match kind {
        Kind::Sandbox => &SANDBOX,
        Kind::Docker | Kind::Podman => &START,
    };
    let words = said.trim();
    Some(match find(signs, words) {
        Some(sign) => Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} cannot start: {} ({})", sign.cause, last_line(words)),
        )
        .with_help(sign.help),
        None => Error::new(
            ErrorKind::EngineCannotStart,
            format!("{kind} cannot start: {}", last_line(words)),
        ),
    })
}

/// What a failed making of an environment means, from the last lines the maker printed.
pub(crate) fn of_making(what: &str, status: &str, said: &str) -> Error {
    if let Some(package) = between(said, "Unable to locate package ", "\n")
        .or_else(|| between(said, "Couldn't find any package by glob '", "'"))
        .or_else(|| between(said, "Version '", "' for"))
    {
        return Error::new(
            ErrorKind::PackageNotFound,
            format!("{what}: package `{}` is not in the suite", package.trim()),
        )
        .with_help("mend `packages` in Cross.toml, or choose a `suite` that has the package");
    }
    let unreachable = [
        "Temporary failure resolving",
        "Could not resolve",
        "Could not connect",
        "Unable to connect",
        "Connection failed",
        "Connection refused",
        "Failed to fetch",
        "manifest unknown",
        "dial tcp",
        "pull access denied",
        "TLS handshake",
    ];
    if unreachable.iter().any(|sign| said.contains(sign)) {
        return Error::new(
            ErrorKind::Unreachable,
            format!("{what}: a server cannot be reached: {}", telling_line(said)),
        )
        .with_help("check the network and the proxy variables (`http_proxy`, `https_proxy`), and try again");
    }
    if said.contains("newuidmap") || said.contains("/etc/subuid") || said.contains("unshare") {
        return Error::new(
            ErrorKind::Environment,
            format!(
                "{what}: mmdebstrap may not use user namespaces: {}",
                telling_line(said)
            ),
        )
        .with_help("install uidmap, and give the user a range in /etc/subuid and /etc/subgid");
    }
    let error = Error::new(
        ErrorKind::Environment,
        format!("{what} failed with {status}: {}", telling_line(said)),
    );
    if said.to_lowercase().contains("no space left on device") {
        return error.with_help("free some space in the cache directory");
    }
    error
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

fn last_line(text: &str) -> &str {
    text.trim().lines().last().unwrap_or_default().trim()
}

/// The last line that speaks of an error, else the last line.
fn telling_line(text: &str) -> &str {
    let is_telling = |line: &&str| line.starts_with("E: ") || line.to_lowercase().contains("error");
    text.trim()
        .lines()
        .rev()
        .find(is_telling)
        .unwrap_or(last_line(text))
        .trim()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(rest.split(after).next().unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_package_is_named() {
        let error = of_making(
            "making the environment",
            "exit status 1",
            "I: downloading\nE: Unable to locate package libnope-dev\nE: apt failed\n",
        );
        assert_eq!(error.kind(), ErrorKind::PackageNotFound);
        assert!(error.to_string().contains("`libnope-dev`"), "{error}");
    }

    #[test]
    fn an_unreachable_mirror_is_not_a_missing_package() {
        let said = "Err:1 http://mirror.invalid bookworm InRelease\n  Temporary failure resolving 'mirror.invalid'\n\
                    E: Failed to fetch http://mirror.invalid/InRelease";
        let error = of_making("making the environment", "exit status 1", said);
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.help().is_some());
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
