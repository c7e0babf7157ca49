//! The host as an engine: commands run as they are, without isolation, and end with their owner all the same.

use crate::engines::engine::{Engine, Kind, SHELL};
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::spec::run_spec::{Root, RunSpec};

/// Opens the pipe of the job server in the directory `$1` for the command, under a number that every
/// cargo and every make understands: see [`jobserver`](crate::run::jobserver).
const CLIENT: &str = "\
command exec 8<>\"$1/tokens\" || { echo 'cross: the job server cannot be opened' >&2; exit 125; }
export CARGO_MAKEFLAGS='-j --jobserver-fds=8,8 --jobserver-auth=8,8'
shift
exec \"$@\"";

/// The host as it is now. Nothing has to be asked: what runs there is found by name when it is needed.
pub(crate) fn engine(host: &Host, architecture: &str) -> Engine {
    Engine {
        kind: Kind::Host,
        program: SHELL.into(),
        version: system(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()),
        rootless: true,
        architecture: architecture.to_owned(),
        user: (host.uid, host.gid),
        floor: Default::default(),
    }
}

/// What the system calls itself in `/etc/os-release`.
fn system(release: &str) -> String {
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map(|name| name.trim_matches(['"', '\'']));
    name.unwrap_or(std::env::consts::OS).to_owned()
}

/// The command of `spec`, as it is: what it hangs on is added when it runs.
pub(crate) fn invocation(spec: &RunSpec) -> Result<Invocation> {
    if spec.root != Root::Host {
        return Err(
            Error::new(ErrorKind::Environment, "the host runs no root file systems")
                .with_help("use the sandbox, docker or podman for an environment"),
        );
    }
    if spec.memory.is_some() {
        return Err(Error::new(
            ErrorKind::EngineUnusable,
            "the host cannot obey a limit of memory",
        )
        .with_help("name docker or podman as the engine, or take the limit out"));
    }
    let mut words = spec.command.iter().cloned();
    let mut run = match &spec.jobserver {
        None => Invocation::new(words.next().unwrap_or_default()),
        Some(dir) => Invocation::new(SHELL).args(["-c", CLIENT, "cross", utf8(dir)?]),
    }
    .args(words)
    .cwd(&spec.cwd);
    run.env.clone_from(&spec.env);
    Ok(run)
}

/// Why there is no script that enters the host.
pub(crate) fn no_shim() -> Error {
    Error::new(
        ErrorKind::EngineUnusable,
        "a program of the host needs no script to be started",
    )
    .with_help("start it by its path")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::invocation::Value;

    #[test]
    fn what_is_shown_is_the_command_as_it_is() {
        let plain = |value: &str| Value::Plain(value.to_owned());
        let shown = invocation(&RunSpec::new(Root::Host, "/w", ["cargo", "build"]).env([
            ("CC".to_owned(), plain("gcc")),
            ("OUT_DIR".to_owned(), Value::Unset),
        ]))
        .unwrap();
        assert_eq!(
            shown.to_string(),
            "cd /w && env -u OUT_DIR CC=gcc cargo build"
        );
    }

    #[test]
    fn a_limit_of_memory_is_refused_not_lost() {
        let limited = RunSpec::new(Root::Host, "/w", ["true"]).memory(Some(1 << 30));
        let error = invocation(&limited).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
    }

    #[test]
    fn the_system_is_called_what_it_calls_itself() {
        let release = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
        assert_eq!(system(release), "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(system("ID=x\n"), "linux");
    }
}
