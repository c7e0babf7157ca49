//! What ends together with its owner, however the owner ends: scripts that watch a pipe.
//!
//! The owner holds the writing end of the standard input of what it starts. When the owner closes
//! it, or dies by any means, the kernel closes the pipe, the watcher reads its end, and everything
//! is ended from inside. No helper, no daemon and no signal handler is involved.

use crate::process::error::{Result, utf8};
use crate::process::invocation::{Invocation, quoted};

use std::path::Path;

/// Refuses to go on outside of a process namespace of our own, where killing everything would reach
/// every process of the user. In one of our own the shell is the first process, or the second behind
/// the sandbox's. In a container others may come before it, which its image or its options start and
/// which do not become the shell: then the first of them was given all our words, and with them the name
/// in `$2`, which is this run's and no other's.
const OWN: &str = r#"own() {
  [ $$ -le "$1" ] && return
  while IFS= read -r cross_line || [ -n "$cross_line" ]; do
    case "$cross_line" in *"$2"*) return;; esac
  done </proc/1/cmdline
  echo 'cross: no process namespace of its own (is one shared by an option `--pid`?)' >&2
  exit 125
}
"#;

/// Hangs everything in the namespace on standard input: when it ends, all is killed. That is repeated,
/// because the first round may come before the command is started.
const HANG_ON_STDIN: &str = "\
exec 3<&0 4>&2 </dev/null 2>/dev/null
{ read -r _ <&3; while :; do kill -9 -1; sleep 1; done; } >/dev/null 4>&- &
exec 3<&-
";

/// Where a run sees the directory of its lifeline, if that is not standard input.
pub(crate) const HELD_AT: &str = "/run/cross-lifeline";

/// Hangs everything in the namespace on the FIFO `life`, and leaves standard input to the command.
///
/// Opening a FIFO for reading waits for a writer, who may be dead: it is opened for both first. Then a
/// line is read that only a living owner on the same kernel has put there. By the line written to
/// `begun` the owner knows that what follows is the command's doing. A terminal's Ctrl-C reaches the
/// shell as well as the command: what becomes of it is the command's to say, so the shell lives on.
const HANG_ON_FIFO: &str = "\
exec 4>&2 2>/dev/null
life=/run/cross-lifeline/life
exec 5<>$life 3<$life 6<>/run/cross-lifeline/begun 5>&-
read -r _ <&3 || { echo 'cross: the process that started this is gone, or not on this machine' >&4; exit 125; }
{ read -r _ <&3; while :; do kill -9 -1; sleep 1; done; } </dev/null >/dev/null 4>&- 6>&- &
echo >&6
exec 3<&- 6>&-
trap : INT QUIT
";

/// Where a run sees the directory of its job server.
pub(crate) const JOBS_AT: &str = "/run/cross-jobs";

/// Opens the pipe of the job server for the command, under a number that every cargo and every make
/// understands: see [`jobserver`](crate::run::jobserver). `command` keeps a shell from ending by itself.
const CLIENT: &str = "\
command exec 8<>/run/cross-jobs/tokens || { echo 'cross: the job server cannot be opened' >&2; exit 125; }
export CARGO_MAKEFLAGS='-j --jobserver-fds=8,8 --jobserver-auth=8,8'
";

/// Runs the command and returns its exact status. It runs in the foreground, since a shell has
/// background jobs ignore `SIGINT`, and in a subshell, so that the shell's remarks on signals stay out
/// of its standard error. Of what was open before, the command gets its standard streams and the job server.
const RUN: &str = r#"(exec "$@" 2>&4 3>&- 4>&- 5>&- 6>&- 7>&- 9>&-)
exit"#;

/// The line of a shell by which a sandbox has no more processes and threads than a container: those of its own
/// user namespace are counted since Linux 5.14, before that all of the user's. Shells call it `-p` or
/// `-u`. Root is not limited by it.
pub(crate) const LIMIT: &str = "{ ulimit -p 16384 || ulimit -u 16384; } 2>/dev/null\n";

/// What a command in a process namespace hangs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hang {
    /// On standard input.
    Stdin,
    /// On the FIFO in the directory that is mounted at [`HELD_AT`].
    Fifo,
}

/// The words that put a command, whose words follow, on its lifeline in a process namespace, and make it
/// a client of its job server if it has one. The shell is the process `number` there, if no others come
/// before it; `name` is the run's alone.
pub(crate) fn in_namespace(number: u8, name: &str, hang: Hang, jobs: bool) -> [String; 4] {
    let hang = match hang {
        Hang::Stdin => HANG_ON_STDIN,
        Hang::Fifo => HANG_ON_FIFO,
    };
    let name = if name.is_empty() { "cross" } else { name };
    let client = if jobs { CLIENT } else { "" };
    // A container's engine limits the number itself.
    let limit = if number == 2 { LIMIT } else { "" };
    shell(format!(
        "{OWN}own {number} {}\n{limit}{client}{hang}{RUN}",
        quoted(name)
    ))
}

/// The words that make a command, whose words follow, a client of its job server and nothing else.
pub(crate) fn at_jobserver() -> [String; 4] {
    shell(format!("{CLIENT}exec \"$@\""))
}

fn shell(script: String) -> [String; 4] {
    ["sh".to_owned(), "-c".to_owned(), script, "cross".to_owned()]
}

/// For a command of the host, whose process group ends with its owner: `TERM` when standard input
/// ends, so that it can tidy up, and `KILL` three seconds later.
const GRACEFUL: &str = r#"exec 3<&0 4>&2 </dev/null 2>/dev/null
trap stop=1 TERM
{ read -r _ <&3; trap '' TERM; kill -TERM 0; sleep 3; kill -KILL 0; } >/dev/null 4>&- &
exec 3<&-
(exec "$@" 2>&4 4>&-)
status=$?
[ -z "$stop" ] || kill -KILL 0
kill -KILL $!
exit $status"#;

/// For a command of the host that fills directories: it is killed at once when standard input ends,
/// and unless it succeeded the directories are removed. `$1` is their number; they follow, then
/// the command. Its own tidying would take longer than anyone waits.
///
/// The directories are moved aside first, so that their names are free however long a disk takes to
/// forget what was in them. What an unprivileged `mmdebstrap` or podman leaves belongs to subordinate
/// users, whom only a helper can remove; what was killed may still hold something for a moment.
const REMOVING: &str = r#"exec 3<&0 4>&2 </dev/null 2>/dev/null
count=$1; shift
leave() { while [ "$count" -gt 0 ]; do
  aside=$1.removing.$$; mv -- "$1" "$aside" || aside=$1
  for try in 1 2 3 4 5; do
    rm -rf --one-file-system -- "$aside" && break
    mmdebstrap --unshare-helper rm -rf --one-file-system -- "$aside"
    rm -rf --one-file-system -- "$aside" && break
    sleep .2
  done
  shift; count=$((count-1)); done; }
(shift "$count"; exec setsid "$@" 2>&4 3<&- 4>&-) & run=$!
{ read -r _ <&3; while kill -KILL -$run || kill -KILL $run; do sleep .1; done; } >/dev/null 4>&- &
watch=$!
exec 3<&-
wait $run
status=$?
kill -KILL $watch
[ $status = 0 ] || leave "$@"
exit $status"#;

/// Waits beside a run, outside of it, where what runs cannot reach it: it tidies up when the caller is dead
/// (a line on standard input says that it ended as it should).
///
/// A container's own lifeline is among what runs in it, which can stop it or hold it open. Where a run reads the
/// caller's terminal, the engine's processes have to be in the terminal's foreground group: a hang-up or
/// Ctrl-C that ends the caller ends them, too, and what they had half made would stay. This one is not in
/// that group. What a dead client asked of a daemon may come a little later: it looks several times.
const WATCH: &str = r#"trap '' HUP INT TERM
read -r _ && exit
for round in 1 2 3 4 5; do tidy "$@"; sleep 1; done"#;

/// A run's processes are known by its name in their words: bubblewrap, which can be caught in a moment in which
/// it waits for its parent for ever, and a container's client, which would go on to start it. podman ends a container by its `conmon`, which must live.
const TIDY_NAMED: &str = r#"tidy() {
  for file in $(grep -slF -e "$1" /proc/[0-9]*/cmdline); do
    pid=${file#/proc/}; pid=${pid%/cmdline}
    [ "$pid" = $$ ] || grep -qx conmon "/proc/$pid/comm" || kill -KILL "$pid"
  done
  [ -z "$2" ] || { "$2" kill "$1"; "$2" rm --force "$1"; }
}"#;

/// The command that tidies up after the run `name` on an engine, should its caller die. `client` is the
/// container CLI, if it is one.
///
/// # Errors
///
/// When the client's path is not UTF-8.
pub(crate) fn watch(name: &str, client: Option<&Path>) -> Result<Invocation> {
    let script = format!("{TIDY_NAMED}\n{WATCH}");
    let sh = Invocation::new("sh").args(["-c", &script, "cross", name]);
    Ok(match client {
        Some(client) => sh.arg(utf8(client)?),
        None => sh,
    })
}

/// The host's processes of one run that no namespace holds together are known by a variable that all of
/// them have, whatever sessions they make: `$1` is the variable with its value, which is no other's. What
/// starts others while it looks is found by the second look.
const TIDY_MARKED: &str = r#"tidy() {
  for look in 1 2; do
    for file in $(grep -slF -e "$1" /proc/[0-9]*/environ); do
      pid=${file#/proc/}; pid=${pid%/environ}
      kill -KILL "$pid"
    done
  done
}"#;

/// Like [`GRACEFUL`], with the variable `$1` for what has left the process group. Only the command has it, so
/// that those who look are not found.
const HANG_MARKED: &str = r#"exec 3<&0 4>&2 </dev/null 2>/dev/null
mark=$1; shift
trap stop=1 TERM
{ read -r _ <&3; trap '' TERM; kill -TERM 0; sleep 3; tidy "$mark"; kill -KILL 0; } >/dev/null 4>&- &
exec 3<&-
(export "$mark"; exec "$@" 2>&4 4>&-)
status=$?
[ -z "$stop" ] || { tidy "$mark"; kill -KILL 0; }
kill -KILL $!
exit $status"#;

/// `invocation`, a command of the host, so that it and everything it starts ends with its owner, even what has
/// left its process group. `mark` is a variable with its value, as for [`watch_marked`].
///
/// # Errors
///
/// When its program's path is not UTF-8.
pub(crate) fn supervised_marked(invocation: Invocation, mark: &str) -> Result<Invocation> {
    let script = format!("{TIDY_MARKED}\n{HANG_MARKED}");
    let sh = Invocation::new("sh").args(["-c", &script, "cross", mark]);
    wrapped(sh, invocation)
}

/// The command that waits beside a run of the host whose processes have the variable `mark`, and kills them
/// should their owner die.
pub(crate) fn watch_marked(mark: &str) -> Invocation {
    let script = format!("{TIDY_MARKED}\n{WATCH}");
    Invocation::new("sh").args(["-c", &script, "cross", mark])
}

/// The command that kills them now.
pub(crate) fn tidy_marked(mark: &str) -> Invocation {
    let script = format!("{TIDY_MARKED}\ntidy \"$1\"");
    Invocation::new("sh").args(["-c", &script, "cross", mark])
}

/// `invocation`, a command of the host, so that it and everything it starts in its process group
/// ends with its owner.
///
/// # Errors
///
/// When its program's path is not UTF-8.
pub fn supervised(invocation: Invocation) -> Result<Invocation> {
    let sh = Invocation::new("sh").args(["-c", GRACEFUL, "cross"]);
    wrapped(sh, invocation)
}

/// The same for one that fills the directories `leavings`: when it fails or has to be ended early,
/// they are removed.
pub(crate) fn supervised_leaving(invocation: Invocation, leavings: &[&Path]) -> Result<Invocation> {
    let mut sh = Invocation::new("sh")
        .args(["-c", REMOVING, "cross"])
        .arg(leavings.len().to_string());
    for path in leavings {
        sh = sh.arg(utf8(path)?);
    }
    Ok(wrapped(sh, invocation)?.tidying())
}

fn wrapped(sh: Invocation, inner: Invocation) -> Result<Invocation> {
    let mut sh = sh.arg(utf8(&inner.program)?).args(inner.args);
    sh.env = inner.env;
    sh.base = inner.base;
    sh.cwd = inner.cwd;
    Ok(sh.lifeline())
}

#[cfg(test)]
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
        let dir = tempfile::tempdir().unwrap();
        let half = dir.path().join("half made");
        let pid = dir.path().join("pid");
        let script = "mkdir \"$1\"; sleep 67 & echo $! > \"$2\"; wait";
        let run = supervised_leaving(
            Invocation::new("sh")
                .args(["-c", script, "x"])
                .args([half.to_str().unwrap(), pid.to_str().unwrap()]),
            &[&half],
        )
        .unwrap();
        let cancel = Cancel::new().with_deadline(Duration::from_millis(500));
        process::output(&run, &caller(), &cancel).unwrap_err();
        assert!(!half.exists(), "the half-made directory is removed");
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "only the pid is left: {left:?}");
        let sleeper = std::fs::read_to_string(&pid).unwrap();
        let alive = Path::new("/proc").join(sleeper.trim()).join("exe").exists();
        assert!(!alive, "the grandchild is gone");
    }
}
