//! The descriptors that a child process inherits besides its standard streams: none, or one file.
//!
//! A process may have inherited open files and directories from a terminal, an editor or a build
//! system, without the flag that closes them in its children. What runs in an environment must not
//! reach them. They are listed when the command is made. In the child, between fork and exec, they
//! are replaced by the null device. The standard library sets the flag on everything that the
//! process opens itself.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde::Serialize;

use crate::os;
use crate::process::shell_text::word;

/// How inherited descriptors are kept from a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confined {
    /// They are replaced by the null device.
    Nulled,
    /// The same, and bubblewrap closes them before it starts anything: it reads further arguments
    /// from each descriptor in `--args`, finds none in the null device, and closes the descriptor.
    /// The first arguments of the command, as many as this number, come before bubblewrap's own.
    ClosedByBubblewrap(usize),
}

/// A file that a command inherits, open for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct InheritedFile {
    /// The descriptor.
    pub number: i32,
    /// The path of a file with the same content, for users who start the command themselves.
    pub path: PathBuf,
    /// The content.
    #[serde(skip)]
    pub(crate) content: Arc<[u8]>,
}

impl InheritedFile {
    /// Writes the file for users who start the command themselves. The library does not read it.
    pub(crate) fn write(&self) {
        if self.path.exists() {
            return;
        }
        let created = self.path.parent().map_or(Ok(()), fs::create_dir_all);
        // Without it, only a command that is started by hand fails.
        let _ = created.and_then(|()| fs::write(&self.path, &self.content));
    }

    /// Returns a line of shell that opens the same content. It writes a file in `directory`, which
    /// is a word of the shell.
    pub(crate) fn opened_by_a_shell(&self, directory: &str) -> String {
        let (content, number) = (self.in_octal(), self.number);
        format!(
            "printf '{content}' >{directory}/{number} && exec {number}<{directory}/{number} || exit 125\n"
        )
    }

    /// Returns the shell commands that write the file at its path.
    pub(crate) fn written_by_a_shell(&self) -> String {
        let dir = self.path.parent().map(word).unwrap_or_default();
        let (content, path) = (self.in_octal(), word(&self.path));
        format!("mkdir -p {dir}\nprintf '{content}' >{path}\n")
    }

    /// The content as the shell's printf reads it.
    fn in_octal(&self) -> String {
        let bytes = self.content.iter();
        bytes.map(|byte| format!("\\{byte:03o}")).collect()
    }
}

/// Lets `command` inherit its standard streams and `inherited_file` only. The command must have no
/// arguments yet but those before bubblewrap's own, and can be started once.
pub(crate) fn confine(
    command: &mut Command,
    how: Confined,
    inherited_file: Option<&InheritedFile>,
) -> io::Result<()> {
    let file = inherited_file.map(|file| (file.number, &*file.content));
    let replaced = os::replace_inherited(command, file)?;
    if matches!(how, Confined::ClosedByBubblewrap(_)) {
        for number in replaced {
            command.arg("--args").arg(number.to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
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

    /// The inner half of the next test: it starts a confined child in a process with leaks.
    #[test]
    fn a_confined_child() {
        let Ok(shown) = fs::read_link("/proc/self/fd/57") else {
            return;
        };
        assert_eq!(shown, PathBuf::from("/"), "the leak is there");
        let inherited_file = InheritedFile {
            number: 9,
            path: "/x".into(),
            content: Arc::from(*b"inherited_file over\n"),
        };
        let script = "cat <&9; for fd in /proc/self/fd/*; do readlink $fd; done";
        let run = Invocation::new("bash")
            .args(["-c", script])
            .confined(Confined::Nulled)
            .inherited_file(inherited_file);
        let said = process::output(&run, &Variables::new(), &Cancel::new()).unwrap();
        assert!(said.exit.success());
        let lines: Vec<_> = said.stdout.lines().collect();
        assert_eq!(lines[0], "inherited_file over");
        let ours = ["/dev/null", "pipe:", "/memfd:cross"];
        for line in &lines[1..] {
            assert!(ours.iter().any(|it| line.starts_with(it)), "{lines:?}");
        }
    }

    #[test]
    fn descriptors_that_the_caller_inherited_are_not_passed_on() {
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
