//! What ends together with its owner, however the owner ends: scripts that watch a pipe.
//!
//! The owner holds the writing end of the standard input of what it starts. When the owner closes
//! it, or dies by any means, the kernel closes the pipe, the watcher reads its end, and everything
//! is ended from inside. No helper, no daemon and no signal handler is involved.

use crate::error::{Result, utf8};
use crate::invocation::Invocation;

use std::path::Path;

/// For a process namespace of its own, in a container or a sandbox: runs the command (`"$@"`) and
/// returns its exact status; when standard input ends, everything in the namespace is killed.
///
/// The command runs in the foreground, since a shell has background jobs ignore `SIGINT`, and in a
/// subshell, so that the shell's remarks on signals stay out of its standard error. The killing is
/// repeated, because the first round may come before the command is started. Outside of a namespace
/// it would reach every process of the user, so it refuses to run there: only in one is its process
/// id 1, or 2 behind the sandbox's own first process.
pub(crate) const IN_NAMESPACE: &str = r#"[ $$ -le 2 ] || { echo 'cross: no process namespace of its own' >&2; exit 125; }
exec 3<&0 4>&2 </dev/null 2>/dev/null
{ read -r _ <&3; while :; do kill -9 -1; sleep 1; done; } >/dev/null 4>&- &
exec 3<&-
(exec "$@" 2>&4 4>&-)
exit"#;

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
/// What an unprivileged `mmdebstrap` leaves belongs to subordinate users, whom only its helper
/// can remove.
const REMOVING: &str = r#"exec 3<&0 4>&2 </dev/null 2>/dev/null
count=$1; shift
leave() { while [ "$count" -gt 0 ]; do
  rm -rf --one-file-system -- "$1" || {
    mmdebstrap --unshare-helper rm -rf --one-file-system -- "$1"; rm -rf --one-file-system -- "$1"; }
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
    wrapped(sh, invocation)
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
    use crate::cancel::Cancel;
    use crate::invocation::Variables;
    use crate::process;
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
        let sleeper = std::fs::read_to_string(&pid).unwrap();
        let alive = Path::new("/proc").join(sleeper.trim()).join("exe").exists();
        assert!(!alive, "the grandchild is gone");
    }
}
