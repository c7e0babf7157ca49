//! What ends together with its owner, however the owner ends: scripts that watch a pipe.
//!
//! The owner holds the writing end of the standard input of what it starts. When the owner closes
//! it, or dies by any means, the kernel closes the pipe, the watcher reads its end, and everything
//! is ended from inside. No helper, no daemon and no signal handler is involved.

use crate::error::{Result, utf8};
use crate::invocation::Invocation;

use std::path::Path;

/// The first process of a container: starts the command (`"$@"`), returns its status, and ends when
/// standard input does. When the first process ends, the kernel ends all others.
///
/// The first process of a container ignores signals it has no handler for, hence the `trap`.
pub(crate) const IN_CONTAINER: &str = r#"trap 'exit 143' TERM
exec 3<&0 </dev/null
"$@" 3<&- & run=$!
{ cat <&3 >/dev/null 2>&1; kill -TERM $$; } >/dev/null 2>&1 &
exec 3<&-
wait "$run""#;

/// The same for a command of the host, which has no process namespace that would end with it: at the
/// end of standard input its process group gets `TERM`, then the command `KILL`; what it leaves is
/// removed, and whatever remains of the group is killed. `$1` is the number of paths to remove;
/// they follow, then the command.
const ON_HOST: &str = r#"count=$1 stop=; shift
trap 'stop=1' TERM INT HUP
exec 3<&0 </dev/null
( shift "$count"; trap - TERM INT HUP; exec "$@" 3<&- ) & run=$!
(
  trap '' TERM INT HUP
  cat <&3
  kill -TERM 0
  sleep 3
  kill -KILL "$run"
) >/dev/null 2>&1 & watch=$!
exec 3<&-
wait "$run"; status=$?
if [ -z "$stop" ]; then kill -KILL "$watch"; exit "$status"; fi
wait "$run"
while [ "$count" -gt 0 ]; do rm -rf -- "$1"; shift; count=$((count-1)); done
kill -KILL 0"#;

/// `invocation`, a command of the host, so that it and everything it starts in its process group
/// ends with its owner.
///
/// # Errors
///
/// When its program's path is not UTF-8.
pub fn supervised(invocation: Invocation) -> Result<Invocation> {
    supervised_leaving(invocation, &[])
}

/// [`supervised`]; `leavings` are removed when it has to be ended early.
pub(crate) fn supervised_leaving(invocation: Invocation, leavings: &[&Path]) -> Result<Invocation> {
    let mut sh = Invocation::new("sh")
        .args(["-c", ON_HOST, "cross"])
        .arg(leavings.len().to_string());
    for path in leavings {
        sh = sh.arg(utf8(path)?);
    }
    sh = sh.arg(utf8(&invocation.program)?).args(invocation.args);
    sh.env = invocation.env;
    sh.base = invocation.base;
    sh.cwd = invocation.cwd;
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
