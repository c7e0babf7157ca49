//! Scripts of a reused container: its first process, and the wrapper around each command.
//!
//! A container that serves one command ends with it, and the kernel ends the rest. In a reused
//! container the processes of each command have to be found: each has a variable of its own in its
//! environment. One that hides even that becomes an orphan of the first process, which ends its
//! orphans while no command runs.

use crate::process::lifeline::{Lifeline, NO_CORE_FILES};
use crate::process::script::{self, joined};
use crate::process::shell_text::quoted;

const KEEPER: &str = include_str!("script/keeper.sh");
const OWN_PROCESSES: &str = include_str!("script/own_processes.sh");
const HANG_ON_STDIN: &str = include_str!("script/hang_on_stdin.sh");
const HANG_ON_FIFO: &str = include_str!("script/hang_on_fifo.sh");
const WATCH: &str = include_str!("script/watch.sh");
const BEGUN: &str = include_str!("script/begun.sh");
const JOBSERVER_CLIENT: &str = include_str!("script/jobserver_client.sh");
const RUN_COMMAND: &str = include_str!("script/run_command.sh");

/// The mount point of the directory that a reused container shares with the commands that enter it.
pub(crate) const SHARED_AT: &str = "/run/cross-reused";
/// What the first process prints when the container can be entered.
pub(crate) const READY: &str = "ready";
/// The variable that marks the processes of a command.
const MARK: &str = "CROSS_WARM_RUN";

/// The arguments of the first process, after the shell's own name.
pub(super) fn keeper(idle_seconds: u64, ends_with_stdin: bool) -> [String; 5] {
    debug_assert!(KEEPER.contains(READY), "it prints the word");
    [
        "-c".to_owned(),
        joined([KEEPER]),
        "cross".to_owned(),
        idle_seconds.max(1).to_string(),
        u8::from(ends_with_stdin).to_string(),
    ]
}

/// The words that wrap a command that enters a reused container. No other run has the `name`; its
/// directory in [`SHARED_AT`] has the same, if it has one.
pub(super) fn entering(name: &str, lifeline: Option<Lifeline>, has_jobserver: bool) -> [String; 4] {
    debug_assert!(
        OWN_PROCESSES.contains(MARK) && RUN_COMMAND.contains(MARK),
        "both use one mark"
    );
    let name = quoted(name);
    let variables = format!("cross_mark={name} cross_met={SHARED_AT}/{name}");
    let client = if has_jobserver { JOBSERVER_CLIENT } else { "" };
    let (hang, begun) = match lifeline {
        Some(Lifeline::Fifo) => (HANG_ON_FIFO, BEGUN),
        Some(Lifeline::Stdin) | None => (HANG_ON_STDIN, ""),
    };
    script::words(joined([
        &variables,
        OWN_PROCESSES,
        NO_CORE_FILES,
        client,
        hang,
        WATCH,
        begun,
        RUN_COMMAND,
    ]))
}
