//! Process groups, signals and parents.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _, parent_id};
use std::process::{Command, ExitStatus};
use std::thread;

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};

/// Whether every host has a POSIX shell, `sh`.
pub(crate) const HAS_SHELL: bool = true;

/// Makes the process that `command` starts the leader of a process group: what a terminal sends to
/// the caller's does not reach it.
pub(crate) fn lead_group(command: &mut Command) {
    command.process_group(0);
}

/// Kills the process group of `leader`. It may be gone already, which is as well.
pub(crate) fn kill_group(leader: u32) {
    if let Some(group) = pid(leader) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Reaps the child `id` when it exits, without waiting for it here.
pub(crate) fn reap(id: u32) {
    if let Some(id) = pid(id) {
        thread::spawn(move || waitpid(Some(id), WaitOptions::empty()));
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// The signal that ended a process.
pub(crate) fn signal_of(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// The command line of the parent process, its program first. Empty if the system does not show it.
pub fn parent_command_line() -> Vec<String> {
    let line = std::fs::read(format!("/proc/{}/cmdline", parent_id())).unwrap_or_default();
    let words = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty());
    words
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}
