//! The host as an engine: commands run as they are, without isolation.

use crate::engines::engine::{Engine, EngineKind, SHELL};
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::script::{self, joined};
use crate::spec::run_spec::{Root, RunSpec};

const JOBSERVER_CLIENT: &str = include_str!("host_engine/jobserver_client.sh");

/// Returns the host as an engine. Nothing has to be probed: programs are found by name when they
/// are needed.
pub(crate) fn engine(host: &Host, architecture: &str) -> Engine {
    Engine {
        kind: EngineKind::Host,
        program: SHELL.into(),
        version: system_name(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()),
        rootless: true,
        own_kernel: false,
        architecture: architecture.to_owned(),
        user: (host.uid, host.gid),
        reach: Default::default(),
        service: None,
        isolation: Default::default(),
    }
}

/// The system's name in `/etc/os-release`.
fn system_name(release: &str) -> String {
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map(|name| name.trim_matches(['"', '\'']));
    name.unwrap_or(std::env::consts::OS).to_owned()
}

/// Returns the command of `spec` as it is. Its lifeline is added when it runs.
pub(crate) fn invocation(spec: &RunSpec) -> Result<Invocation> {
    if spec.root != Root::Host {
        return Err(Error::new(
            ErrorKind::Environment,
            "the host cannot run a root file system",
        )
        .with_help("use the sandbox, docker or podman for an environment"));
    }
    if spec.memory.is_some() {
        return Err(Error::new(
            ErrorKind::EngineUnusable,
            "the engine host cannot limit memory",
        )
        .with_help("use docker or podman, or remove `memory`"));
    }
    let mut words = spec.command.iter().cloned();
    let mut run = match &spec.jobserver {
        None => Invocation::new(words.next().unwrap_or_default()),
        Some(dir) => script::command(joined([JOBSERVER_CLIENT])).arg(utf8(dir)?),
    }
    .args(words)
    .cwd(&spec.cwd);
    run.env.clone_from(&spec.env);
    Ok(run)
}

/// The error for a script that would enter the host.
pub(crate) fn no_shim() -> Error {
    Error::new(
        ErrorKind::EngineUnusable,
        "a program of the host can be started without a script",
    )
    .with_help("start it by its path")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::invocation::EnvValue;

    #[test]
    fn what_is_shown_is_the_command_as_it_is() {
        let plain = |value: &str| EnvValue::Plain(value.to_owned());
        let shown = invocation(&RunSpec::new(Root::Host, "/w", ["cargo", "build"]).env([
            ("CC".to_owned(), plain("gcc")),
            ("OUT_DIR".to_owned(), EnvValue::Unset),
        ]))
        .unwrap();
        assert_eq!(
            shown.to_string(),
            "cd /w && env -u OUT_DIR CC=gcc cargo build"
        );
    }

    #[test]
    fn a_memory_limit_is_refused() {
        let limited = RunSpec::new(Root::Host, "/w", ["true"]).memory(Some(1 << 30));
        let error = invocation(&limited).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
    }

    #[cfg(unix)]
    #[test]
    fn the_system_is_called_what_it_calls_itself() {
        let release = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
        assert_eq!(system_name(release), "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(system_name("ID=x\n"), "linux");
    }
}
