//! Scripts that end a command together with its owner, by any means the owner ends.
//!
//! The owner holds the write end of the command's standard input. When the owner closes it or dies,
//! the kernel closes the pipe, the script that reads the other end notices, and ends everything
//! from inside. This takes no helper program, no daemon and no signal handler.

use std::path::Path;

use crate::os::HAS_SHELL;
use crate::process::error::{Result, utf8};
use crate::process::invocation::Invocation;
use crate::process::script::{self, joined};
use crate::process::shell_text::quoted;

const OWN_NAMESPACE: &str = include_str!("lifeline/own_namespace.sh");
const HANG_ON_STDIN: &str = include_str!("lifeline/hang_on_stdin.sh");
const HANG_ON_FIFO: &str = include_str!("lifeline/hang_on_fifo.sh");
const JOBSERVER_CLIENT: &str = include_str!("lifeline/jobserver_client.sh");
const LIMIT_PROCESSES: &str = include_str!("lifeline/limit_processes.sh");
pub(crate) const NO_CORE_FILES: &str = include_str!("lifeline/no_core_files.sh");
const RUN_COMMAND: &str = include_str!("lifeline/run_command.sh");
const SUPERVISE: &str = include_str!("lifeline/supervise.sh");
const SUPERVISE_REMOVING: &str = include_str!("lifeline/supervise_removing.sh");
const SUPERVISE_MARKED: &str = include_str!("lifeline/supervise_marked.sh");
const WATCH: &str = include_str!("lifeline/watch.sh");
const TIDY_NAMED: &str = include_str!("lifeline/tidy_named.sh");
const TIDY_MARKED: &str = include_str!("lifeline/tidy_marked.sh");

/// The mount point of a lifeline's directory, where standard input is not the lifeline.
pub(crate) const LIFELINE_AT: &str = "/run/cross-lifeline";

/// The mount point of a job server's directory.
pub(crate) const JOBSERVER_AT: &str = "/run/cross-jobs";

/// What ends a command in a process namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifeline {
    /// The end of standard input.
    Stdin,
    /// The end of the FIFO in the directory that is mounted at [`LIFELINE_AT`].
    Fifo,
}

/// The words that wrap a command in a process namespace, so that it ends with its lifeline and is a
/// client of its job server if it has one. The shell is process `number` there, unless others come
/// before it. No other run has the `name`.
pub(crate) fn in_namespace(
    number: u8,
    name: &str,
    lifeline: Lifeline,
    has_jobserver: bool,
) -> [String; 4] {
    let hang = match lifeline {
        Lifeline::Stdin => HANG_ON_STDIN,
        Lifeline::Fifo => HANG_ON_FIFO,
    };
    let name = if name.is_empty() { "cross" } else { name };
    let own = format!("own {number} {}", quoted(name));
    // A container's engine has a limit of its own.
    let limit = if number == 2 { LIMIT_PROCESSES } else { "" };
    let client = if has_jobserver { JOBSERVER_CLIENT } else { "" };
    script::words(joined([
        OWN_NAMESPACE,
        &own,
        limit,
        NO_CORE_FILES,
        client,
        hang,
        RUN_COMMAND,
    ]))
}

/// The words that wrap a command to make it a client of its job server, and nothing else.
pub(crate) fn jobserver_client() -> [String; 4] {
    script::words(joined([JOBSERVER_CLIENT, "exec \"$@\""]))
}

/// The command that cleans up after the run `name` if its caller dies. `client` is the engine's
/// container CLI, if it has one.
///
/// # Errors
///
/// If the client's path is not UTF-8.
pub(crate) fn watch(name: &str, client: Option<&Path>) -> Result<Invocation> {
    let watch = script::command(joined([TIDY_NAMED, WATCH])).arg(name);
    Ok(match client {
        Some(client) => watch.arg(utf8(client)?),
        None => watch,
    })
}

/// Wraps a command of the host, so that it and everything it starts ends with its owner, even
/// processes that left its process group. They are found by `mark`, an assignment of a variable
/// that no other run has.
///
/// # Errors
///
/// If the program's path is not UTF-8.
pub(crate) fn supervised_marked(invocation: Invocation, mark: &str) -> Result<Invocation> {
    let sh = script::command(joined([TIDY_MARKED, SUPERVISE_MARKED])).arg(mark);
    wrapped(sh, invocation)
}

/// The command that waits beside a run of the host, and kills its processes, which have the
/// variable `mark`, if their owner dies.
pub(crate) fn watch_marked(mark: &str) -> Invocation {
    script::command(joined([TIDY_MARKED, WATCH])).arg(mark)
}

/// The command that kills these processes now.
pub(crate) fn tidy_marked(mark: &str) -> Invocation {
    script::command(joined([TIDY_MARKED, "tidy \"$1\""])).arg(mark)
}

/// Wraps a command of the host, so that it and its process group end with its owner.
///
/// # Errors
///
/// If the program's path is not UTF-8.
pub fn supervised(invocation: Invocation) -> Result<Invocation> {
    wrapped(script::command(joined([SUPERVISE])), invocation)
}

/// Wraps a command of the host that fills `directories`. They are removed if it fails or is ended
/// early.
pub(crate) fn supervised_removing(
    invocation: Invocation,
    directories: &[&Path],
) -> Result<Invocation> {
    let mut sh = script::command(joined([SUPERVISE_REMOVING])).arg(directories.len().to_string());
    for path in directories {
        sh = sh.arg(utf8(path)?);
    }
    let wrapped = wrapped(sh, invocation)?;
    Ok(match HAS_SHELL {
        true => wrapped.tidying(),
        false => wrapped,
    })
}

/// Wraps `inner` by the script `sh`. On a host without a shell it is not wrapped: its owner kills
/// it, with what it has started, unless the owner itself is killed.
fn wrapped(sh: Invocation, inner: Invocation) -> Result<Invocation> {
    if !HAS_SHELL {
        return Ok(inner);
    }
    let mut sh = sh.arg(utf8(&inner.program)?).args(inner.args);
    sh.env = inner.env;
    sh.base = inner.base;
    sh.cwd = inner.cwd;
    Ok(sh.lifeline())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::process;
    use crate::process::cancel::Cancel;
    use crate::process::invocation::Variables;
    use std::time::Duration;

    fn caller() -> Variables {
        Variables::from([("PATH".into(), "/usr/bin:/bin".into())])
    }

    #[test]
    fn a_supervised_command_returns_its_own_status_and_output() {
        let run = supervised(Invocation::new("sh").args([
            "-c",
            "echo \"$1\"; echo e >&2; exit 7",
            "x",
            "a b",
        ]))
        .unwrap();
        let got = process::output(&run, &caller(), &Cancel::new()).unwrap();
        assert_eq!(got.exit.code, Some(7));
        assert_eq!((got.stdout.as_str(), got.stderr.as_str()), ("a b\n", "e\n"));
    }

    #[test]
    fn what_is_ended_early_leaves_nothing() {
        ended_early_leaves_nothing(&caller());
    }

    /// macOS has no `setsid`, and its `sh` is bash.
    #[test]
    fn what_is_ended_early_leaves_nothing_where_there_is_no_setsid() {
        let programs = tempfile::tempdir().unwrap();
        let at = |name: &str| programs.path().join(name);
        for name in ["mkdir", "mv", "rm", "sleep"] {
            std::os::unix::fs::symlink(Path::new("/bin").join(name), at(name)).unwrap();
        }
        std::os::unix::fs::symlink("/bin/bash", at("sh")).unwrap();
        let path = ("PATH".into(), programs.path().into());
        ended_early_leaves_nothing(&Variables::from([path]));
    }

    fn ended_early_leaves_nothing(caller: &Variables) {
        let dir = tempfile::tempdir().unwrap();
        let half = dir.path().join("half made");
        let pid = dir.path().join("pid");
        let script = "mkdir \"$1\"; sleep 67 & echo $! > \"$2\"; wait";
        let run = supervised_removing(
            Invocation::new("sh")
                .args(["-c", script, "x"])
                .args([half.to_str().unwrap(), pid.to_str().unwrap()]),
            &[&half],
        )
        .unwrap();
        let cancel = Cancel::new().with_deadline(Duration::from_millis(500));
        process::output(&run, caller, &cancel).unwrap_err();
        assert!(!half.exists(), "the half-made directory is removed");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(
            left.len(),
            1,
            "only the pid is left, which was begun: {left:?}"
        );
        let sleeper = std::fs::read_to_string(&pid).unwrap();
        let alive = Path::new("/proc").join(sleeper.trim()).join("exe").exists();
        assert!(!alive, "the grandchild is gone");
    }
}
