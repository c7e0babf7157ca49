//! What a child process inherits beside its standard streams: nothing, or files that are handed to it.
//!
//! A process may itself have inherited open files and directories, from a terminal, an editor or a build
//! system, without a mark that keeps them from its children. What runs in an environment must not reach
//! them. They are looked up when the command is made, and in the child, between fork and exec, the null
//! device is put in their places. Descriptors of the process's own are marked: the standard library opens
//! nothing else.

use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use command_fds::{CommandFdExt as _, FdMapping};
use serde::Serialize;

/// Where the kernel lists the descriptors of the process, and what it says of each.
const LISTED: &str = "/proc/self/fd";
const DESCRIBED: &str = "/proc/self/fdinfo";
/// The flag of a descriptor that no child inherits, as the kernel says it.
const CLOSE_ON_EXEC: u32 = 0o200_0000;
/// How many descriptors are taken to be inherited where the kernel does not list them.
const UNLISTED: i32 = 64;

/// How a command is kept from what its starter inherited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confined {
    /// It finds the null device in its place.
    Nulled,
    /// The same, and bubblewrap, which the command is, closes that before it starts anything: it reads more words
    /// of its own from every descriptor that it is told of, finds none there, and closes it.
    ClosedByBubblewrap,
}

/// A file that a command finds open for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Handed {
    /// The descriptor.
    pub number: i32,
    /// Where a file of the same content is, for whoever starts the command by hand.
    pub path: PathBuf,
    /// The content.
    #[serde(skip)]
    pub(crate) content: Arc<[u8]>,
}

impl Handed {
    /// Makes the file for whoever starts the command by hand. Nothing here reads it.
    pub(crate) fn keep(&self) {
        if self.path.exists() {
            return;
        }
        let made = self.path.parent().map_or(Ok(()), fs::create_dir_all);
        // Where it cannot be made, the command cannot be started by hand.
        let _ = made.and_then(|()| fs::write(&self.path, &self.content));
    }

    /// The line of a shell that has the same content open, from a file that it makes in the directory
    /// `directory`, a word of the shell.
    pub(crate) fn opened_by_a_shell(&self, directory: &str) -> String {
        let content: String = self
            .content
            .iter()
            .map(|byte| format!("\\{byte:03o}"))
            .collect();
        let number = self.number;
        format!(
            "printf '{content}' >{directory}/{number} && exec {number}<{directory}/{number} || exit 125\n"
        )
    }
}

/// Has `command` inherit its standard streams and `handed`, and nothing else. The command is for one start.
/// It has no argument yet.
pub(crate) fn confine(
    command: &mut Command,
    how: Confined,
    handed: Option<&Handed>,
) -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    let mut mappings = Vec::new();
    if let Some(handed) = handed {
        mappings.push(FdMapping {
            parent_fd: in_memory(&handed.content)?,
            child_fd: handed.number,
        });
    }
    let is_handed = |number: i32| handed.is_some_and(|handed| handed.number == number);
    for number in inheritable().into_iter().filter(|n| !is_handed(*n)) {
        mappings.push(FdMapping {
            parent_fd: null.try_clone()?.into(),
            child_fd: number,
        });
        if how == Confined::ClosedByBubblewrap {
            command.arg("--args").arg(number.to_string());
        }
    }
    if !mappings.is_empty() {
        let distinct = command.fd_mappings(mappings);
        distinct.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    }
    Ok(())
}

/// The descriptors above the standard streams that a child would inherit.
fn inheritable() -> Vec<i32> {
    let Ok(entries) = fs::read_dir(LISTED) else {
        return (3..UNLISTED).collect();
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .filter(|number| *number > 2 && is_inheritable(*number))
        .collect()
}

/// What is gone by now was the listing's own, or another thread's.
fn is_inheritable(number: i32) -> bool {
    let Ok(text) = fs::read_to_string(format!("{DESCRIBED}/{number}")) else {
        return false;
    };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_none_or(|flags| flags & CLOSE_ON_EXEC == 0)
}

#[cfg(target_os = "linux")]
fn in_memory(content: &[u8]) -> io::Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, memfd_create};
    let mut file = File::from(memfd_create("cross", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(not(target_os = "linux"))]
fn in_memory(content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = tempfile::tempfile()?;
    file.write_all(content)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process;
    use crate::process::cancel::Cancel;
    use crate::process::invocation::{Invocation, Variables};

    /// Runs `script` in a shell that has `/` open under 5, 9 and 57.
    fn behind_leaks(inner: &[&str]) -> String {
        let caller = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let leaking = "exec 5</ 9</ 57</; exec \"$0\" \"$@\"";
        let run = Invocation::new("bash")
            .args(["-c", leaking])
            .args(inner.to_vec());
        process::output(&run, &caller, &Cancel::new())
            .unwrap()
            .stdout
    }

    /// The program of this test's other half: a confined child of a process with leaks.
    #[test]
    fn a_confined_child() {
        let Ok(shown) = fs::read_link("/proc/self/fd/57") else {
            return;
        };
        assert_eq!(shown, PathBuf::from("/"), "the leak is there");
        let handed = Handed {
            number: 9,
            path: "/x".into(),
            content: Arc::from(*b"handed over\n"),
        };
        let script = "cat <&9; for fd in /proc/self/fd/*; do readlink $fd; done";
        let run = Invocation::new("bash")
            .args(["-c", script])
            .confined(Confined::Nulled)
            .handed(handed);
        let said = process::output(&run, &Variables::new(), &Cancel::new()).unwrap();
        assert!(said.exit.success());
        let lines: Vec<_> = said.stdout.lines().collect();
        assert_eq!(lines[0], "handed over");
        let ours = ["/dev/null", "pipe:", "/memfd:cross"];
        for line in &lines[1..] {
            assert!(ours.iter().any(|it| line.starts_with(it)), "{lines:?}");
        }
    }

    #[test]
    fn what_the_caller_inherited_stays_outside() {
        let me = std::env::current_exe().unwrap();
        let said = behind_leaks(&[
            me.to_str().unwrap(),
            "--exact",
            "process::descriptors::tests::a_confined_child",
            "--nocapture",
        ]);
        assert!(said.contains("test result: ok. 1 passed"), "{said}");
    }
}
