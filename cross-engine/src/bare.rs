//! The host as an engine: commands run as they are, without isolation, and end with their owner all the same.

use crate::cancel::Cancel;
use crate::engine::{Engine, Kind};
use crate::error::{Error, ErrorKind, Result, utf8};
use crate::held::Watcher;
use crate::host::Host;
use crate::invocation::{Invocation, Value};
use crate::lifeline;
use crate::process::{self, Coupling, Exit, Sink, Stdin};
use crate::run::{Root, RunSpec, Stdio};

/// What owns a run: every system that can run this has one.
pub(crate) const SHELL: &str = "sh";

/// The variable by which the processes of one run are known: there is no namespace to hold them together, and
/// who reads the caller's terminal cannot even be a process group.
const RUN: &str = "__CROSS_CORE_RUN";

/// Opens the pipe of the job server in the directory `$1` for the command, under a number that every
/// cargo and every make understands: see [`jobserver`](crate::jobserver).
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

/// Runs `spec`, whose processes are known by `name`.
///
/// What reads nothing ends with its owner by the pipe that is its standard input. Where that is the program's,
/// somebody watches beside it. Either finds what there is to end by the variable that all its processes have.
pub(crate) fn run(
    spec: &RunSpec,
    name: &str,
    host: &Host,
    cancel: &Cancel,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let shown = invocation(spec)?;
    let reads = spec.has_stdin();
    let coupling = Coupling {
        stdin: if reads { Stdin::Inherit } else { Stdin::Null },
        output_inherited: spec.stdio == Stdio::Inherit,
        lifeline: None,
    };
    let mark = format!("{RUN}={name}");
    if !reads {
        let owned = lifeline::supervised_marked(shown, &mark)?;
        return process::run_coupled(&owned, &host.variables, cancel, coupling, sink);
    }
    let marked = shown.env_value(RUN, Value::Plain(name.to_owned()));
    let _watcher = Watcher::start(&lifeline::watch_marked(&mark), &host.variables)?;
    let ended = process::run_coupled(&marked, &host.variables, cancel, coupling, sink);
    if ended.is_err() {
        let tidy = lifeline::tidy_marked(&mark);
        // What there is to say is why it ended.
        process::output(&tidy, &host.variables, &Cancel::new()).ok();
    }
    ended
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
    use std::ops::ControlFlow;
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::invocation::Variables;

    fn host(cache: &Path) -> Host {
        let caller = Variables::from([
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("OUTER".into(), "1".into()),
            ("KEPT".into(), "2".into()),
        ]);
        Host::new(caller, cache)
    }

    fn spec(script: &str) -> RunSpec {
        RunSpec::new(Root::Host, "/", ["sh", "-c", script])
    }

    fn run_it(spec: &RunSpec, cancel: &Cancel, cache: &Path) -> (Result<Exit>, Vec<String>) {
        let host = host(cache);
        let mut lines = Vec::new();
        let exit = engine(&host, "amd64").run(spec, &host, cancel, &mut |_, line| {
            lines.push(line.to_owned());
            ControlFlow::Continue(())
        });
        (exit, lines)
    }

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
    fn a_run_has_the_callers_variables_with_the_specifications_on_top() {
        let cache = tempfile::tempdir().unwrap();
        let spec = spec("echo ${OUTER-none} $KEPT $OURS; exit 7").env([
            ("OUTER".to_owned(), Value::Unset),
            ("OURS".to_owned(), Value::Plain("3".to_owned())),
        ]);
        let (exit, lines) = run_it(&spec, &Cancel::new(), cache.path());
        assert_eq!(exit.unwrap().code, Some(7));
        assert_eq!(lines, ["none 2 3"]);
    }

    #[test]
    fn a_client_opens_the_job_server_where_it_is() {
        let cache = tempfile::tempdir().unwrap();
        let host = host(cache.path());
        let server = crate::Jobserver::new(&host, 3).unwrap();
        let script = "echo $CARGO_MAKEFLAGS $(dd bs=1 count=1 <&8 2>/dev/null)";
        let spec = spec(script).jobserver(Some(server.directory().to_owned()));
        let (exit, lines) = run_it(&spec, &Cancel::new(), cache.path());
        assert!(exit.unwrap().success());
        assert_eq!(lines, ["-j --jobserver-fds=8,8 --jobserver-auth=8,8 +"]);
    }

    /// With and without standard input, since these are owned in different ways.
    #[test]
    fn what_is_cancelled_leaves_no_process() {
        let dir = tempfile::tempdir().unwrap();
        for stdin in [false, true] {
            let pid = dir.path().join(format!("pid-{stdin}"));
            // In a session of its own, and deaf.
            let deaf = "trap '' TERM INT HUP; echo $$ > \"$0\"; sleep 67; sleep 67";
            let script = format!(
                "trap '' TERM; setsid sh -c '{}' '{}' & wait",
                deaf.replace('\'', r"'\''"),
                pid.display()
            );
            let cancel = Cancel::new().with_deadline(Duration::from_millis(500));
            let (exit, _) = run_it(&spec(&script).stdin(stdin), &cancel, dir.path());
            assert_eq!(exit.unwrap_err().kind(), ErrorKind::Deadline);
            let sleeper = std::fs::read_to_string(&pid).unwrap();
            let alive = Path::new("/proc").join(sleeper.trim()).join("exe").exists();
            assert!(!alive, "the grandchild is gone (stdin: {stdin})");
        }
    }

    #[test]
    fn the_system_is_called_what_it_calls_itself() {
        let release = "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";
        assert_eq!(system(release), "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(system("ID=x\n"), "linux");
    }
}
