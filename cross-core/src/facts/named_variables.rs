//! Variables of the caller that the sources read by name, and that no run has.
//!
//! Plain cargo gives every variable to what it compiles and runs. A run has those that are named to
//! it, so a program would silently be built with another version, and a test would silently skip
//! what it was meant to try. What reads a variable by a name that is computed is not found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cargo::outer;
use crate::model::step::Warning;

/// What stands before the name of a variable that is read: macros, functions, the instruction of a
/// build script, and the attribute of a command line's argument.
const READS: [&str; 5] = [
    "env!(",
    "var(",
    "var_os(",
    "rerun-if-env-changed=",
    "env = ",
];

/// Variables that are about the machine or the session, each of which an environment has its own.
const OF_SESSION: [&str; 18] = [
    "COLUMNS", "DISPLAY", "EDITOR", "HOME", "HOSTNAME", "LINES", "LOGNAME", "OLDPWD", "PAGER",
    "PATH", "PWD", "SHELL", "SHLVL", "TEMP", "TMP", "TMPDIR", "USER", "VISUAL",
];

/// The variables that sources read, each with the first file that does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedVariables(BTreeMap<String, PathBuf>);

impl NamedVariables {
    /// Adds those that `text`, the contents of `file`, reads.
    pub(crate) fn read(&mut self, file: &Path, text: &str) {
        // Few files read a variable, and `contains` is the faster search.
        for read in READS.into_iter().filter(|read| text.contains(read)) {
            for (at, _) in text.match_indices(read) {
                if let Some(name) = name(&text[at + read.len()..], read.ends_with('=')) {
                    self.add(name, file);
                }
            }
        }
    }

    /// Adds the variable `name`, which `file` has.
    pub(crate) fn add(&mut self, name: &str, file: &Path) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), file.to_owned());
        }
    }

    /// The warning for those of the `set` variables that a run does not have, by `has`. Paths are
    /// shown as they are from `root`.
    pub(crate) fn warning(
        &self,
        set: &BTreeMap<&str, &str>,
        has: impl Fn(&str) -> bool,
        root: &Path,
    ) -> Option<Warning> {
        let lost = self.0.iter().filter_map(|(name, file)| {
            let value = set.get(name.as_str())?;
            (!is_own(name) && !has(name)).then_some((name, file, *value))
        });
        let lost: Vec<_> = lost.collect();
        if lost.is_empty() {
            return None;
        }
        let shown = lost.iter().map(|(name, file, _)| {
            let file = file.strip_prefix(root).unwrap_or(file);
            format!("{name} (`{}`)", file.display())
        });
        let names = |is_dir: bool| {
            let of_kind = lost
                .iter()
                .filter(|(.., value)| is_directory(value) == is_dir);
            let quoted: Vec<_> = of_kind.map(|(name, ..)| format!("\"{name}\"")).collect();
            (!quoted.is_empty()).then(|| quoted.join(", "))
        };
        let passed = names(false).map(|names| {
            format!(
                "`passthrough = [{names}]` below `[build.env]` in Cross.toml passes them on; \
                 `\"NAME=value\"` in the list sets a value"
            )
        });
        let mounted = names(true).map(|names| {
            format!(
                "`volumes = [{names}]` below `[build.env]` in Cross.toml mounts the directories that they \
                 name, and passes them on"
            )
        });
        let help: Vec<_> = passed.into_iter().chain(mounted).collect();
        Some(Warning {
            code: "variable".to_owned(),
            message: format!(
                "what is built reads variables that are set, and that no run has: {}",
                shown.collect::<Vec<_>>().join(", ")
            ),
            help: Some(help.join("; ")),
        })
    }
}

/// Whether an environment has a value of its own for the variable, or none for a reason: those of cargo,
/// of the machine and of the session.
pub(crate) fn is_own(name: &str) -> bool {
    name.starts_with("CARGO")
        || name.starts_with("XDG_")
        || OF_SESSION.contains(&name)
        || outer::is_removed_on_host(name.as_ref())
}

/// Whether the value of a variable is a directory of this machine.
fn is_directory(value: &str) -> bool {
    Path::new(value).is_absolute() && Path::new(value).is_dir()
}

/// The name at the beginning of `text`: quoted, unless it `is_bare`.
fn name(text: &str, is_bare: bool) -> Option<&str> {
    let text = match is_bare {
        true => text,
        false => text.trim_start().strip_prefix('"')?,
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let name = &text[..end];
    (!name.is_empty() && (is_bare || text[end..].starts_with('"'))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> NamedVariables {
        let mut named = NamedVariables::default();
        named.read(Path::new("/w/src/main.rs"), text);
        named
    }

    #[test]
    fn names_are_found_where_code_reads_variables() {
        let text = r#"
            env!("A"); option_env!( "B" ); std::env::var("C")?; std::env::var_os("D");
            println!("cargo:rerun-if-env-changed=E"); println!("cargo::rerun-if-env-changed=F\n");
            #[arg(long, env = "G")] std::env::var(
                "H",
            ); env!(name); var(format!("{x}")); println!("cargo:rerun-if-env-changed={name}"); "I"
        "#;
        let names: Vec<_> = named(text).0.into_keys().collect();
        assert_eq!(names, ["A", "B", "C", "D", "E", "F", "G", "H"]);
    }

    #[test]
    fn what_is_set_and_read_and_not_passed_is_named() {
        let read = named(
            r#"env!("SET"); env!("UNSET"); env!("PASSED"); env!("PATH"); env!("CARGO_PKG_NAME")"#,
        );
        let set = ["SET", "PASSED", "PATH", "CARGO_PKG_NAME", "UNREAD"].map(|name| (name, "x"));
        let mut set = BTreeMap::from(set);
        let has = |name: &str| name == "PASSED";
        let warning = read.warning(&set, has, Path::new("/w")).unwrap();
        assert!(warning.message.ends_with("no run has: SET (`src/main.rs`)"));
        assert!(warning.help.unwrap().contains(r#"`passthrough = ["SET"]`"#));
        // A directory has to be seen, too.
        let dir = tempfile::tempdir().unwrap();
        set.insert("SET", dir.path().to_str().unwrap());
        let help = read.warning(&set, has, Path::new("/w")).unwrap().help;
        assert!(help.unwrap().starts_with(r#"`volumes = ["SET"]`"#));
        let none = BTreeMap::from([("PASSED", "x")]);
        assert_eq!(read.warning(&none, has, Path::new("/w")), None);
    }
}
