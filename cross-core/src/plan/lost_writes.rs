//! Tells where the arguments of a program name a place that ends with the run. What a program
//! writes there is lost, although the program succeeds: elsewhere, a write fails and says so.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use cross_engine::{Access, EngineKind, Mount};

use crate::facts::facts::Facts;
use crate::facts::private_places::is_system;
use crate::host::places::normal;
use crate::model::step::{Action, Step, Verb, Warning};
use crate::request::request::Request;

/// The directories in memory that every run has.
const IN_MEMORY: [&str; 2] = ["/tmp", "/dev/shm"];

/// The programs whose `-c` takes a script.
const SHELLS: [&str; 3] = ["bash", "dash", "sh"];

/// How a script names what is in its home directory, which is in memory, too.
const OF_HOME: [&str; 3] = ["$HOME/", "${HOME}/", "~/"];

/// The number of paths that a warning names.
const NAMED: usize = 3;

/// Returns the warning for arguments of the program that `steps` run, if they name such places.
pub(super) fn warning(request: &Request, facts: &Facts, steps: &[Step]) -> Option<Warning> {
    if facts.env_spec.host_toolset().is_some() {
        return None;
    }
    let words = arguments(request);
    let run = steps.iter().rev().find_map(|step| match &step.action {
        Action::Run { spec, .. } => Some(spec),
        _ => None,
    });
    let seen = Seen {
        mounts: &run?.mounts,
        is_container: facts.selected.engine.kind != EngineKind::Sandbox,
    };
    let words = words.iter().map(String::as_str);
    let written = script(request).map_or(Vec::new(), redirected);
    let mut lost = seen.lost(words.chain(written.iter().copied()), &facts.cargo.dir);
    let is_of_home = |word: &&str| OF_HOME.iter().any(|home| word.starts_with(home));
    lost.extend(written.into_iter().filter(is_of_home).map(PathBuf::from));
    if lost.is_empty() {
        return None;
    }
    let shown = lost.iter().take(NAMED);
    let shown: Vec<_> = shown.map(|path| format!("`{}`", path.display())).collect();
    let tools = match request.verb {
        Verb::Exec => "; `Cross::objcopy` and `Cross::strip` write anywhere",
        _ => "",
    };
    Some(Warning {
        code: "lost-output".to_owned(),
        message: format!(
            "the arguments name {}: a run does not see what the host has there, and what it writes there \
             is not kept",
            shown.join(", ")
        ),
        help: Some(format!(
            "name a file below the target directory, in a directory that `writable` has in Cross.toml, or in \
             one that `env.volumes` mounts{tools}"
        )),
    })
}

/// The arguments of the program that the request runs. Words that are no text are refused elsewhere.
fn arguments(request: &Request) -> Vec<String> {
    let line = request.options.command_line.as_ref();
    let words = match (request.verb, line) {
        (Verb::Cargo, Some(given)) if given.line.starts_programs() => &given.line.trailing[..],
        (Verb::Run | Verb::Test | Verb::Nextest | Verb::Bench, _) => &request.options.trailing[..],
        // The first word is the program.
        (Verb::Exec, _) => request.options.trailing.get(1..).unwrap_or_default(),
        _ => &[],
    };
    let words = words.iter().filter_map(|word| word.to_str());
    words.map(str::to_owned).collect()
}

/// The script that the request gives to a shell of the environment: `sh -euc SCRIPT`.
fn script(request: &Request) -> Option<&str> {
    let mut words = request.options.trailing.iter();
    let program = Path::new(words.next().filter(|_| request.verb == Verb::Exec)?);
    let is_shell = SHELLS
        .iter()
        .any(|shell| program.file_name() == Some(OsStr::new(shell)));
    let flags = words.next()?.to_str()?.strip_prefix('-')?;
    let takes_script = flags.bytes().all(|it| it.is_ascii_alphabetic()) && flags.contains('c');
    words.next()?.to_str().filter(|_| is_shell && takes_script)
}

/// The files that a script writes by `>`, unless it names them again.
fn redirected(script: &str) -> Vec<&str> {
    let is_end = |c: char| c.is_whitespace() || ";&|()<>\"'`".contains(c);
    let is_between = |c: char| c.is_whitespace() || "|\"'".contains(c);
    let behind = script.split('>').skip(1);
    let words = behind.filter_map(|rest| rest.trim_start_matches(is_between).split(is_end).next());
    words
        .filter(|word| !word.is_empty() && script.matches(word).count() == 1)
        .collect()
}

/// What a run sees, and whether its root can be written.
struct Seen<'a> {
    mounts: &'a [Mount],
    /// A container's own files can be written. They are removed with it.
    is_container: bool,
}

impl Seen<'_> {
    /// The paths in `words`, relative to `dir`, at which nothing is kept.
    fn lost<'w>(&self, words: impl Iterator<Item = &'w str>, dir: &Path) -> Vec<PathBuf> {
        let mut lost = Vec::new();
        for written in words.filter_map(path_in) {
            let path = normal(&dir.join(written));
            if self.is_lost(&path) && !lost.contains(&path) {
                lost.push(path);
            }
        }
        lost
    }

    fn is_lost(&self, path: &Path) -> bool {
        let around = self.mounts.iter().filter(|it| path.starts_with(&it.target));
        let nearest = around.max_by_key(|it| it.target.components().count());
        if let Some(mount) = nearest {
            return mount.access == Access::Scratch;
        }
        let is_in_memory = IN_MEMORY.iter().any(|dir| path.starts_with(dir));
        // An image has files of its own: what names a directory of this machine's means that one.
        let names_a_place_here = || {
            !is_system(path)
                && path
                    .parent()
                    .is_some_and(|dir| dir.parent().is_some() && dir.is_dir())
        };
        is_in_memory || self.is_container && names_a_place_here()
    }
}

/// The path in a word, if it leads out of the directory in which the program starts: the word itself,
/// or the value of an option (`--output=/tmp/x`, `of=/tmp/x`, `-o/tmp/x`).
fn path_in(word: &str) -> Option<&str> {
    let value = match word.strip_prefix("-o") {
        Some(value) if value.starts_with(['/', '.']) => value,
        _ if word.starts_with('-') || word.starts_with("of=") => word.split_once('=')?.1,
        _ => word,
    };
    let leads_out = value.starts_with('/') || value == ".." || value.starts_with("../");
    leads_out.then_some(value)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn lost(words: &str, mounts: &[Mount], is_container: bool) -> Vec<String> {
        let seen = Seen {
            mounts,
            is_container,
        };
        let lost = seen.lost(words.split(' '), Path::new("/nowhere/w"));
        lost.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_path_in_memory_is_lost_however_it_is_written() {
        let mounts = [
            Mount::read("/nowhere/w"),
            Mount::write("/nowhere/w/target"),
            Mount::scratch("/nowhere/home"),
            Mount::write("/tmp/kept"),
        ];
        for (words, expected) in [
            ("-O binary F /tmp/fw.bin", "/tmp/fw.bin"),
            ("cf /tmp/x.tar .", "/tmp/x.tar"),
            ("--output=/tmp/x", "/tmp/x"),
            ("of=/dev/shm/x", "/dev/shm/x"),
            ("-o/tmp/x", "/tmp/x"),
            ("../home/x", "/nowhere/home/x"),
            ("/nowhere/home/.cache", "/nowhere/home/.cache"),
            ("/tmp/a /tmp/b/../a", "/tmp/a"),
        ] {
            for is_container in [false, true] {
                assert_eq!(lost(words, &mounts, is_container), [expected], "{words}");
            }
        }
        for words in [
            "/nowhere/w/target/fw.bin",
            "/tmp/kept/x",
            "fw.bin",
            "-O=binary",
            "--tmp",
        ] {
            assert_eq!(lost(words, &mounts, true), [] as [&str; 0], "{words}");
        }
    }

    #[test]
    fn a_script_that_writes_a_file_and_never_reads_it_is_seen() {
        for (script, expected) in [
            (
                "echo hi >/tmp/lost; echo hi >$HOME/x",
                &["/tmp/lost", "$HOME/x"][..],
            ),
            ("a >> \"/tmp/x y\"", &["/tmp/x"]),
            ("a 2>|~/log&", &["~/log"]),
            ("sort a >/tmp/x && cat /tmp/x", &[]),
            ("a 2>&1", &[]),
            ("a >", &[]),
        ] {
            assert_eq!(redirected(script), expected, "{script}");
        }
    }

    /// A sandbox's root is read only, so that a write fails there.
    #[test]
    fn a_place_of_this_machine_that_a_container_has_of_its_own_is_lost() {
        // A directory that is there, not in memory, and of no system.
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let inside = dir.join("not-made/x");
        let made = dir.join("x").display().to_string();
        assert_eq!(lost(&made, &[], true), [made.as_str()]);
        assert_eq!(lost(&made, &[], false), [] as [&str; 0]);
        for elsewhere in ["/usr/include", "/x", inside.to_str().unwrap()] {
            assert_eq!(lost(elsewhere, &[], true), [] as [&str; 0], "{elsewhere}");
        }
    }
}
