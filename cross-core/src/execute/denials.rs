//! Recognizes failures of a run that a key of the configuration can fix: a write to the read-only
//! sources, a missing network, and sources that are not seen.

use std::path::{Path, PathBuf};

use cross_engine::{Network, RunSpec};

use crate::execute::unseen::NotFound;
use crate::model::error::{Error, ErrorKind};

/// Messages about a read-only file system, as programs print them.
const READ_ONLY: [&str; 4] = [
    "Read-only file system",
    "ReadOnlyFilesystem",
    "(os error 30)",
    "EROFS",
];

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

/// Watches the output of a run for messages about the limits of its environment.
#[derive(Clone, Debug)]
pub(crate) struct Denials {
    root: PathBuf,
    read_only: Option<Denied>,
    no_network: bool,
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

impl Denials {
    /// Creates a watch for the workspace at `root`.
    pub(crate) fn new(root: &Path) -> Self {
        Denials {
            root: root.to_owned(),
            read_only: None,
            no_network: false,
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
        if !matches!(self.read_only, Some(Denied::Source(_))) && has(&READ_ONLY) {
            let source = self.source_in(line).map(Denied::Source);
            self.read_only = source.or(self.read_only.take()).or(Some(Denied::Something));
        }
        self.no_network = self.no_network || has(&NO_NETWORK);
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
        let network = network.then(|| NETWORK_HELP.to_owned());
        let read_only = match &self.read_only {
            Some(_) if self.unwritable_lock => Some(REWRITE_HELP.to_owned()),
            denied => denied.as_ref().map(Denied::help),
        };
        let lock = self.outdated_lock.then(|| LOCK_HELP.to_owned());
        let unseen = self.not_found.help(&self.root, spec);
        let helps = [read_only, network, lock, unseen];
        let all: Vec<_> = helps.into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
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

impl Denied {
    fn help(&self) -> String {
        let Denied::Source(path) = self else {
            return "the sources are read only: write to OUT_DIR, to CARGO_TARGET_TMPDIR, or to a \
                    directory of the workspace that `writable` names in Cross.toml"
                .to_owned();
        };
        let shown = path.display();
        let never = path.components().any(|part| {
            [".git", ".cargo"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        });
        match path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            Some(dir) if !never => format!(
                "`{shown}` is a source, and sources are read only: write to OUT_DIR, or set \
                 `writable = [\"{}\"]` in Cross.toml",
                dir.display()
            ),
            _ => format!(
                "`{shown}` is a source, and sources are read only: write to OUT_DIR, or to a \
                 directory that `writable` names in Cross.toml, which cannot be the one that it is in"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::Root;

    fn help(lines: &[&str], network: Network) -> Option<String> {
        let mut denials = Denials::new(Path::new("/w/my app"));
        lines.iter().for_each(|line| denials.read(line));
        denials.help(&RunSpec::new(Root::Host, "/w", ["cargo"]).network(network))
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
    fn a_missing_network_is_reported_for_runs_without_one() {
        let line = "curl: (6) Could not resolve host: example.invalid";
        let text = help(&[line], Network::None).unwrap();
        assert!(text.contains("network = \"host\""), "{text}");
        assert_eq!(help(&[line], Network::Host), None);
        assert_eq!(
            help(&["Connection refused (os error 111)"], Network::None),
            None
        );
    }
}
