//! What runs in a kept container: its first process, and what stands around each command.
//!
//! A container that serves one command ends with it, and the kernel ends the rest. Here the rest has to be
//! known: every process of a command has a variable of its own in its environment, by which it is found
//! wherever it went. What hides even that is an orphan of the first process, which ends those when nobody
//! is at work.

use crate::process::invocation::quoted;
use crate::process::lifeline::Hang;

/// Where a kept container sees the directory in which it meets those who enter it.
pub(crate) const MET_AT: &str = "/run/cross-warm";
/// What it says when it can be entered.
pub(crate) const READY: &str = "ready";
/// The variable by which the processes of a command are known.
const MARK: &str = "CROSS_WARM_RUN";

/// The first process. It hangs on standard input where `$2` says so, and ends when nobody has been at work
/// for `$1` seconds.
///
/// Whoever comes or goes sends `USR1`. Between that it sleeps: a container that is kept costs no processor
/// time. A process whose parent is outside was put here by the engine; one whose parent is this one, and
/// that it did not start, was left behind. `wait` is what a signal interrupts, so it waits for the sleep.
const KEEPER: &str = r#"exec 3<&0 </dev/null 2>/dev/null
trap 'exit 0' TERM INT
trap 'used=1' USR1
idle=$1 hangs=$2 watch= timer=
quiet() {
  orphans=
  for dir in /proc/[0-9]*; do
    pid=${dir#/proc/} parent=
    case $pid in 1|$$|"$timer"|"$watch") continue;; esac
    while read -r key value; do
      case $key in PPid:) parent=$value; break;; esac
    done <"$dir/status"
    case $parent in 0) return 1;; 1|$$) orphans="$orphans $pid";; esac
  done
}
if [ "$hangs" = 1 ]; then { read -r _ <&3; kill -TERM $$; } >/dev/null & watch=$!; fi
exec 3<&-
echo ready
exec >/dev/null
rest=$idle
while :; do
  used=
  sleep "$rest" & timer=$!
  if wait $timer && [ -z "$used" ]; then
    if ! quiet; then rest=$idle
    elif [ "$rest" = "$idle" ]; then exit 0
    else [ -z "$orphans" ] || kill -KILL $orphans; rest=$idle; fi
  else kill $timer; rest=1; fi
done"#;

/// Kills what has the mark, and says whether there was anything. A shell's own environment is what it was
/// started with, so this one does not have it.
const OURS: &str = r#"cross_ours() {
  cross_found=1
  for cross_it in $(grep -slF -e "CROSS_WARM_RUN=$cross_mark" /proc/[0-9]*/environ); do
    cross_it=${cross_it#/proc/}
    kill -KILL "${cross_it%/environ}" && cross_found=0
  done
  return $cross_found
}
cross_watch() {
  read -r _ <&3
  cross_n=0
  while cross_n=$((cross_n+1)); do
    cross_ours
    [ $cross_n -lt 30 ] || kill -KILL 0
    sleep .1 || sleep 1
  done
}
kill -USR1 1 2>/dev/null
"#;

const HANG_ON_STDIN: &str = "exec 3<&0 4>&2 </dev/null 2>/dev/null\n";

/// As for any run whose standard input is the program's: see [`lifeline`](crate::process::lifeline).
const HANG_ON_FIFO: &str = "\
exec 4>&2 2>/dev/null
exec 5<>$cross_met/life 3<$cross_met/life 6<>$cross_met/begun 5>&-
read -r _ <&3 || { echo 'cross: the process that started this is gone, or not on this machine' >&4; exit 125; }
";

const WATCH: &str = "cross_watch </dev/null >/dev/null 4>&- 6>&- 8>&- &
cross_watch=$!
exec 3<&-
";

/// A terminal's Ctrl-C reaches the shell as well as the command, whose it is.
const BEGUN: &str = "\
echo >&6
exec 6>&-
trap : INT QUIT
";

const CLIENT: &str = "\
command exec 8<>$cross_met/tokens || { echo 'cross: the job server cannot be opened' >&2; exit 125; }
export CARGO_MAKEFLAGS='-j --jobserver-fds=8,8 --jobserver-auth=8,8'
";

/// Runs the command, and ends what it left behind.
const RUN: &str = r#"(export CROSS_WARM_RUN="$cross_mark"; exec "$@" 2>&4 4>&-)
cross_status=$?
kill -KILL $cross_watch
for cross_n in 1 2 3 4 5 6 7 8 9; do cross_ours || break; done
kill -USR1 1
exit $cross_status"#;

/// The words of the first process, after the shell's own name.
pub(super) fn keeper(idle_seconds: u64, hangs: bool) -> [String; 5] {
    debug_assert!(KEEPER.contains(READY), "it says so");
    [
        "-c".to_owned(),
        KEEPER.to_owned(),
        "cross".to_owned(),
        idle_seconds.max(1).to_string(),
        u8::from(hangs).to_string(),
    ]
}

/// The words before a command that enters a kept container. `name` is the run's alone, and that of its
/// directory in [`MET_AT`] if it has one.
pub(super) fn entering(name: &str, hang: Option<Hang>, jobs: bool) -> [String; 4] {
    debug_assert!(OURS.contains(MARK) && RUN.contains(MARK), "one mark");
    let name = quoted(name);
    let client = if jobs { CLIENT } else { "" };
    let (hang, begun) = match hang {
        Some(Hang::Fifo) => (HANG_ON_FIFO, BEGUN),
        _ => (HANG_ON_STDIN, ""),
    };
    let script = format!(
        "cross_mark={name} cross_met={MET_AT}/{name}\n{OURS}{client}{hang}{WATCH}{begun}{RUN}"
    );
    ["sh".to_owned(), "-c".to_owned(), script, "cross".to_owned()]
}
