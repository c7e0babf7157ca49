//! Recognizes failures of a run that a key of the configuration can fix: a write to the read-only
//! sources, a missing network, and sources that are not seen.

use std::path::{Path, PathBuf};

use cross_engine::{Network, Root, RunSpec};

use crate::execute::unseen::NotFound;
use crate::model::error::{Error, ErrorKind};

/// Messages about a read-only file system, as programs print them.
const READ_ONLY: [&str; 4] = [
    "Read-only file system",
    "ReadOnlyFilesystem",
    "(os error 30)",
    "EROFS",
];

/// What binutils print instead, which lose the system's message.
const READ_ONLY_BINUTILS: [&str; 2] = [": Bad file descriptor", ": cause of error unknown"];

/// Messages about a missing network or name server, as programs print them.
const NO_NETWORK: [&str; 17] = [
    "resolve host",
    "resolve proxy",
    "resolve address",
    "name resolution",
    "etwork is unreachable",
    "NetworkUnreachable",
    "failed to lookup address information",
    "Name or service not known",
    "No address associated with hostname",
    "ENOTFOUND",
    "ENETUNREACH",
    "EAI_AGAIN",
    "UnknownHostException",
    "no such host",
    "Couldn't connect to server",
    "unable to look up",
    "dns error",
];

const NETWORK_HELP: &str = "what compiles or runs in an environment has no network but a loopback of its own; set \
    `network = \"host\"` in Cross.toml if it needs one";

/// Messages about a connection that nobody listens to, as programs print them.
const REFUSED: [&str; 3] = ["onnection refused", "ConnectionRefused", "ECONNREFUSED"];

const LOOPBACK_HELP: &str = "a run has a loopback of its own, on which nothing of this machine listens: for a service \
    of this machine, set `network = \"host\"` in Cross.toml, with which what compiles and runs reaches all that \
    this machine does, or start the service in the run";

/// What a program prints that was compiled for coverage or profiles, and cannot write them.
const UNWRITTEN_PROFILE: &str = "LLVM Profile Error: Failed to write file";

const PROFILE_HELP: &str = "name a directory of the workspace with `writable` in Cross.toml, and write profiles there: \
     `LLVM_PROFILE_FILE=<directory>/%m-%p.profraw` with its whole path, or `-Cprofile-generate=<directory>`";

/// The remedy for a command of the caller's that writes where it may not.
const COMMAND_HELP: &str = "a command may write below the target directory of its environment (`CARGO_TARGET_DIR`), in a \
    directory that `writable` has in Cross.toml, and in one that `env.volumes` mounts";

const BINUTILS_HELP: &str = "it may not write there: `Cross::strip` and `Cross::objcopy` read and write files anywhere; \
    the command itself may write below `CARGO_TARGET_DIR`, and in a directory that `writable` has in Cross.toml";

/// Watches the output of a run for messages about the limits of its environment.
#[derive(Clone, Debug)]
pub(crate) struct Denials {
    root: PathBuf,
    read_only: Option<Denied>,
    /// Whether it is strip or objcopy that could not write.
    is_of_binutils: bool,
    /// The tool that writes beside the tests, if one is recognized.
    snapshots: Option<Snapshots>,
    unwritten_profile: bool,
    no_network: bool,
    refused: bool,
    outdated_lock: bool,
    unwritable_lock: bool,
    not_found: NotFound,
}

/// What cargo prints when it has to write a lock file and must not.
const OUTDATED_LOCK: &str = "--locked was passed";

const LOCK_HELP: &str = "`Cargo.lock` is written on the host only, and the cargo in the environment needs another one \
     than the host's: use the same toolchain for both, or run `cargo update --workspace` with the older cargo";

/// What cargo prints when it cannot write a lock file, in the line that names it.
const UNWRITABLE_LOCK: [&str; 2] = ["failed to write", "Cargo.lock"];

const REWRITE_HELP: &str = "`Cargo.lock` is written on the host only, and it has another layout than the one that cargo \
     writes: pass `--locked`, with which cargo accepts that, or run `cargo fetch` once";

/// A write that was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Denied {
    /// The path is unknown, or is outside the workspace.
    Something,
    /// A path relative to the workspace root.
    Source(PathBuf),
}

/// A tool for tests that writes what it expects next time, and does not say where it could not.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Snapshots {
    /// insta, which writes to this directory of the workspace.
    Insta(String),
    Trybuild,
}

impl Snapshots {
    fn in_line(line: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        if let Some(file) = line.trim().strip_prefix("Snapshot file: ") {
            let (dir, _) = file.rsplit_once('/')?;
            let is_inside = !dir.starts_with('/') && !dir.contains("..");
            return (is_inside && dir.chars().all(is_plain))
                .then(|| Snapshots::Insta(dir.to_owned()));
        }
        line.contains("/trybuild-").then_some(Snapshots::Trybuild)
    }

    fn help(&self) -> String {
        match self {
            Snapshots::Insta(dir) => format!(
                "insta writes new snapshots to `{dir}`, and sources are read only: create the directory and set \
                 `writable = [\"{dir}\"]` in Cross.toml"
            ),
            Snapshots::Trybuild => {
                "trybuild writes what the compiler says to `wip` beside the manifest, and sources are read only: \
                 create the directory and set `writable = [\"wip\"]` in Cross.toml; for `TRYBUILD=overwrite`, name \
                 the directory of the tests"
                    .to_owned()
            }
        }
    }
}

impl Denials {
    /// Creates a watch for the workspace at `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Denials {
            root: root.to_owned(),
            read_only: None,
            is_of_binutils: false,
            snapshots: None,
            unwritten_profile: false,
            no_network: false,
            refused: false,
            outdated_lock: false,
            unwritable_lock: false,
            not_found: NotFound::default(),
        }
    }

    /// Reads a line of output.
    pub(crate) fn read(&mut self, line: &str) {
        let has = |words: &[&str]| words.iter().any(|words| line.contains(words));
        // The lines after this one have the reason, which is that the sources are read only.
        self.unwritable_lock |= UNWRITABLE_LOCK.iter().all(|words| line.contains(words));
        if line.contains(UNWRITTEN_PROFILE) {
            self.unwritten_profile = true;
        } else if is_of_binutils(line) {
            self.is_of_binutils = true;
        } else if !matches!(self.read_only, Some(Denied::Source(_))) && has(&READ_ONLY) {
            let source = self.source_in(line).map(Denied::Source);
            self.read_only = source.or(self.read_only.take()).or(Some(Denied::Something));
        }
        self.snapshots = Snapshots::in_line(line).or(self.snapshots.take());
        self.no_network = self.no_network || has(&NO_NETWORK);
        self.refused = self.refused || has(&REFUSED);
        self.not_found.read(line);
        self.outdated_lock = self.outdated_lock || line.contains(OUTDATED_LOCK);
    }

    /// Returns the first path of the workspace in the line.
    fn source_in(&self, line: &str) -> Option<PathBuf> {
        let root = format!("{}/", self.root.to_str()?);
        let (_, rest) = line.split_once(&root)?;
        let is_end = |c: char| c.is_whitespace() || c.is_control() || "\"'`:;,()[]<>\\".contains(c);
        let path = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let path = path.trim_end_matches(['.', '/']);
        (!path.is_empty()).then(|| PathBuf::from(path))
    }

    /// Returns the remedy, if the limits of `spec` are the reason.
    pub(crate) fn help(&self, spec: &RunSpec) -> Option<String> {
        let network = self.no_network && spec.network == Network::None;
        let refused = self.refused && has_own_loopback(spec);
        let network = match (network, refused) {
            (true, _) => Some(NETWORK_HELP.to_owned()),
            (false, true) => Some(LOOPBACK_HELP.to_owned()),
            (false, false) => None,
        };
        let read_only = match &self.read_only {
            Some(_) if self.unwritable_lock => Some(REWRITE_HELP.to_owned()),
            Some(Denied::Something) if self.snapshots.is_some() => {
                self.snapshots.as_ref().map(Snapshots::help)
            }
            None if self.is_of_binutils && !is_cargo(spec) => Some(BINUTILS_HELP.to_owned()),
            denied => denied.as_ref().map(|denied| denied.help(is_cargo(spec))),
        };
        let profile = self.unwritten_profile.then(|| PROFILE_HELP.to_owned());
        let lock = self.outdated_lock.then(|| LOCK_HELP.to_owned());
        let unseen = self.not_found.help(&self.root, spec);
        let helps = [read_only, profile, network, lock, unseen];
        let all: Vec<_> = helps.into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// What a run could not write and said so, although it succeeded: the message and the remedy.
    pub(crate) fn unheeded(&self) -> Option<(String, String)> {
        if self.unwritten_profile {
            let message = "a program could not write its profile, and says so in its output";
            return Some((message.to_owned(), PROFILE_HELP.to_owned()));
        }
        let Some(denied @ Denied::Source(path)) = &self.read_only else {
            return None;
        };
        let message = format!(
            "the output says that `{}` could not be written: nothing that ran has changed it",
            path.display()
        );
        Some((message, denied.help(true)))
    }

    /// Adds the remedy to the error of a failed run.
    pub(crate) fn explain(&self, error: Error, spec: &RunSpec) -> Error {
        let run_errors = [
            ErrorKind::CargoFailed,
            ErrorKind::ProgramFailed,
            ErrorKind::TestFailed,
        ];
        match self.help(spec) {
            Some(help) if run_errors.contains(&error.kind()) => error.with_help(help),
            _ => error,
        }
    }
}

/// Whether the loopback of a run is not this machine's.
fn has_own_loopback(spec: &RunSpec) -> bool {
    match spec.network {
        Network::None => true,
        Network::Host => false,
        // A sandbox with a network has this machine's.
        _ => matches!(spec.root, Root::Image(_)),
    }
}

/// Whether a line is the words of strip or objcopy about a file that they cannot make.
fn is_of_binutils(line: &str) -> bool {
    let speaker = line.trim_start().split(": ").next().unwrap_or(line);
    let is_tool = ["strip", "objcopy"]
        .iter()
        .any(|tool| speaker.ends_with(tool));
    is_tool
        && READ_ONLY_BINUTILS
            .iter()
            .any(|words| line.trim_end().ends_with(words))
}

/// Whether a run is of cargo, and not of a command of the caller's.
fn is_cargo(spec: &RunSpec) -> bool {
    let program = spec.command.first().map(Path::new);
    program
        .and_then(Path::file_name)
        .is_some_and(|name| name == "cargo")
}

impl Denied {
    /// The remedy, for what cargo runs or for a command of the caller's.
    fn help(&self, is_cargo: bool) -> String {
        let Denied::Source(path) = self else {
            return match is_cargo {
                true => {
                    "the sources are read only: write to OUT_DIR, to CARGO_TARGET_TMPDIR, or to a \
                    directory of the workspace that `writable` names in Cross.toml"
                        .to_owned()
                }
                false => COMMAND_HELP.to_owned(),
            };
        };
        let shown = path.display();
        let never = path.components().any(|part| {
            [".git", ".cargo"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        });
        let elsewhere = match is_cargo {
            true => "OUT_DIR",
            false => "CARGO_TARGET_DIR",
        };
        match path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            Some(dir) if !never => format!(
                "`{shown}` is a source, and sources are read only: write to {elsewhere}, or set \
                 `writable = [\"{}\"]` in Cross.toml",
                dir.display()
            ),
            _ => format!(
                "`{shown}` is a source, and sources are read only: write to {elsewhere}, or to a \
                 directory that `writable` names in Cross.toml, which cannot be the one that it is in"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(lines: &[&str], network: Network) -> Option<String> {
        let mut denials = Denials::new(Path::new("/w/my app"));
        lines.iter().for_each(|line| denials.read(line));
        denials.help(&RunSpec::new(Root::Host, "/w", ["cargo"]).network(network))
    }

    #[test]
    fn what_succeeds_and_could_not_write_is_told() {
        let unheeded = |line: &str| {
            let mut denials = Denials::new(Path::new("/w/app"));
            denials.read(line);
            denials.unheeded()
        };
        let profile = "LLVM Profile Error: Failed to write file \"default_1_0.profraw\": Read-only file system";
        let (_, help) = unheeded(profile).unwrap();
        assert!(help.contains("LLVM_PROFILE_FILE"), "{help}");
        let (message, help) = unheeded("note: /w/app/out/a.xml: Read-only file system").unwrap();
        assert!(
            message.contains("`out/a.xml` could not be written"),
            "{message}"
        );
        assert!(help.contains("writable = [\"out\"]"), "{help}");
        assert_eq!(unheeded("a test of the error Read-only file system"), None);
    }

    #[test]
    fn the_help_names_the_path_and_the_key_that_makes_it_writable() {
        for line in [
            "cannot write /w/my app/schema/generated/types.rs: Read-only file system (os error 30)",
            "  OSError: [Errno 30] Read-only file system: '/w/my app/schema/generated/types.rs'",
        ] {
            let lines = [
                "thread panicked: ReadOnlyFilesystem",
                line,
                "EROFS /w/my app/x",
            ];
            assert_eq!(
                help(&lines, Network::Host).unwrap(),
                "`schema/generated/types.rs` is a source, and sources are read only: write to OUT_DIR, or \
                 set `writable = [\"schema/generated\"]` in Cross.toml"
            );
        }
    }

    #[test]
    fn a_directory_that_cannot_be_writable_is_not_proposed() {
        for path in ["types.rs", ".git/hooks/x", "member/.cargo/config.toml"] {
            let line = format!("/w/my app/{path}: Read-only file system");
            let help = help(&[&line], Network::None).unwrap();
            assert!(help.starts_with(&format!("`{path}` is a source")), "{help}");
            assert!(!help.contains("writable = "), "{help}");
        }
    }

    #[test]
    fn a_lock_file_that_cargo_would_lay_out_anew_has_a_help_of_its_own() {
        let lines = [
            "error: failed to write /w/my app/Cargo.lock",
            "Caused by:",
            "  failed to open: /w/my app/Cargo.lock",
            "  Read-only file system (os error 30)",
        ];
        let text = help(&lines, Network::None).unwrap();
        assert!(text.contains("`--locked`"), "{text}");
        assert!(!text.contains("writable"), "{text}");
    }

    #[test]
    fn without_a_path_the_help_names_the_key() {
        let line = "called `Result::unwrap()` on an `Err` value: Os { code: 30, kind: \
                    ReadOnlyFilesystem, message: \"Read-only file system\" }";
        assert!(help(&[line], Network::None).unwrap().contains("`writable`"));
    }

    #[test]
    fn tools_that_write_beside_the_tests_are_named_with_their_directory() {
        let denied = "called `Result::unwrap()` on an `Err` value: Os { code: 30, kind: ReadOnlyFilesystem }";
        let insta = ["Snapshot file: member/tests/snapshots/it__one.snap", denied];
        let text = help(&insta, Network::None).unwrap();
        assert!(
            text.contains("writable = [\"member/tests/snapshots\"]"),
            "{text}"
        );
        for forged in ["/etc/x.snap", "../x/y.snap", "a\"]\nb/x.snap"] {
            let text = help(
                &[&format!("Snapshot file: {forged}"), denied],
                Network::None,
            );
            assert!(!text.unwrap().contains("insta"), "{forged}");
        }
        let trybuild = [
            "Read-only file system (os error 30)",
            "thread 'ui' panicked at /r/trybuild-1.0.101/src/run.rs:101:13:",
        ];
        let text = help(&trybuild, Network::None).unwrap();
        assert!(text.contains("writable = [\"wip\"]"), "{text}");
        assert_eq!(
            help(&trybuild[1..], Network::None),
            None,
            "nothing was denied"
        );
    }

    #[test]
    fn a_command_that_may_not_write_is_told_where_it_may() {
        let help = |line: &str| {
            let mut denials = Denials::new(Path::new("/w/app"));
            denials.read(line);
            denials.help(&RunSpec::new(Root::Host, "/w", ["aarch64-linux-gnu-strip"]))
        };
        for line in [
            "strip: F: could not create temporary file to hold stripped copy: cause of error unknown",
            "aarch64-linux-gnu-objcopy: fw.bin: Bad file descriptor",
            "/usr/bin/objcopy: /opt/x: Bad file descriptor",
        ] {
            let text = help(line).unwrap_or_else(|| panic!("{line}"));
            assert!(
                text.contains("`Cross::strip` and `Cross::objcopy`"),
                "{text}"
            );
        }
        let text = help("cp: cannot create regular file '/opt/x': Read-only file system").unwrap();
        assert!(text.contains("CARGO_TARGET_DIR"), "{text}");
        assert!(!text.contains("OUT_DIR"), "{text}");
        let text = help("ar: /w/app/out/lib.a: Read-only file system").unwrap();
        assert!(text.contains("writable = [\"out\"]"), "{text}");
        assert!(!text.contains("OUT_DIR"), "{text}");
        assert_eq!(help("app: Bad file descriptor"), None);
    }

    #[test]
    fn a_missing_network_is_reported_for_runs_without_one() {
        let line = "curl: (6) Could not resolve host: example.invalid";
        let text = help(&[line], Network::None).unwrap();
        assert!(text.contains("network = \"host\""), "{text}");
        assert_eq!(help(&[line], Network::Host), None);
    }

    #[test]
    fn a_service_of_this_machine_is_not_on_the_loopback_of_a_run() {
        for line in [
            "Connection refused (os error 111)",
            "Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }",
        ] {
            let text = help(&[line], Network::None).unwrap();
            assert!(text.contains("loopback of its own"), "{text}");
            assert!(text.contains("network = \"host\""), "{text}");
            assert_eq!(help(&[line], Network::Host), None);
            assert_eq!(help(&[line], Network::Default), None, "a sandbox shares it");
            let mut denials = Denials::new(Path::new("/w"));
            denials.read(line);
            let image = Root::Image("x".to_owned());
            let spec = RunSpec::new(image, "/w", ["cargo"]).network(Network::Default);
            assert!(denials.help(&spec).is_some());
        }
    }
}
