//! Process groups, signals and parents.

use std::os::windows::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};

/// Whether every host has a POSIX shell, `sh`.
pub(crate) const HAS_SHELL: bool = false;

const NEW_PROCESS_GROUP: u32 = 0x200;

/// Makes the process that `command` starts the leader of a process group: what a console sends to
/// the caller's does not reach it.
pub(crate) fn lead_group(command: &mut Command) {
    command.creation_flags(NEW_PROCESS_GROUP);
}

/// Kills `leader` and the processes that it and they have started. They may be gone already, which
/// is as well.
#[expect(
    clippy::disallowed_methods,
    reason = "Windows has a program for this, and no call that the standard library knows"
)]
pub(crate) fn kill_group(leader: u32) {
    let mut command = Command::new("taskkill");
    command.args(["/T", "/F", "/PID"]).arg(leader.to_string());
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Without it, the leader alone is killed, by who owns it.
    let _ = quiet.status();
}

/// Reaps the child `id` when it exits: Windows does so itself.
pub(crate) fn reap(_: u32) {}

/// The signal that ended a process: Windows has none.
pub(crate) fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

/// The command line of the parent process, which Windows does not show.
pub fn parent_command_line() -> Vec<String> {
    Vec::new()
}
