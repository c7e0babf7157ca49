//! A directory with logs and a database, and the program run on it through its library.

use std::fs;
use std::path::{Path, PathBuf};

use logsift::cli::{self, Console};
use tempfile::TempDir;

/// The time at which every run takes place.
pub(crate) const NOW: &str = "2025-03-01T12:00:00Z";

/// What a run did.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Output {
    /// The standard output of a run that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }
}

pub(crate) struct Sandbox {
    directory: TempDir,
    database: &'static str,
}

impl Sandbox {
    /// The database is hidden, so that no run on the whole directory finds it.
    pub(crate) fn new() -> Self {
        Self::with_database(".logs.db")
    }

    pub(crate) fn with_database(database: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            directory,
            database,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file, with directories as needed.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Runs `logsift --db DB` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, b"")
    }

    /// As [`Self::run`], with standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], mut stdin: &[u8]) -> Output {
        let db = self.path(self.database);
        let program = ["logsift", "--db", db.to_str().unwrap()];
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console {
            stdin: &mut stdin,
            stdout: &mut out,
            stderr: &mut err,
            now: NOW.parse().unwrap(),
            color: false,
        };
        let arguments = program.iter().chain(arguments);
        let status = cli::run(arguments, &mut console);
        let [out, err] = [out, err].map(|bytes| String::from_utf8(bytes).unwrap());
        Output { status, out, err }
    }

    /// Indexes everything in the sandbox.
    #[allow(dead_code, reason = "not all test binaries use it")]
    pub(crate) fn index(&self) -> Output {
        self.run(&["index", text(self.directory.path())])
    }

    /// The messages that a search prints, one a line.
    #[allow(dead_code, reason = "not all test binaries use it")]
    pub(crate) fn messages(&self, arguments: &[&str]) -> Vec<String> {
        let output = self.run(&[&["search", "--json"], arguments].concat());
        assert_eq!(output.err, "");
        let message = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["message"].as_str().unwrap().to_owned()
        };
        output.out.lines().map(message).collect()
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
