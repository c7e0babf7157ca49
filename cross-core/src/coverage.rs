//! Coverage: what instrumented programs write when they end, collected where the host finds it.

use std::path::{Path, PathBuf};

use cross_engine::EnvValue;

use crate::error::{IoContext as _, Result};
use crate::plan::{Action, Prepared, Step};
use crate::request::Request;

/// Makes rustc instrument what it compiles.
pub(crate) const FLAGS: [&str; 2] = ["-C", "instrument-coverage"];
/// Says where an instrumented program writes.
const VARIABLE: &str = "LLVM_PROFILE_FILE";

impl Request {
    /// Instruments the target's code, and collects what every program that is run writes:
    /// [`Outcome::raw_profiles`](crate::Outcome::raw_profiles) has the files, on the host, each
    /// with the identity of its program in its name.
    ///
    /// `llvm-profdata merge` and `llvm-cov`, of the LLVM that the toolchain was built with (rustup's
    /// component `llvm-tools`), make a report of them and of the programs, which are among the
    /// artifacts. The files of the request before it are removed.
    ///
    /// # Default value
    ///
    /// Nothing is instrumented.
    pub fn coverage(mut self) -> Self {
        self.options.coverage = true;
        self.rustflags(FLAGS)
    }
}

/// Where programs write.
pub(crate) fn dir(target_dir: &Path) -> PathBuf {
    target_dir.join("raw-profiles")
}

/// The variable for what is run: a file for each program and process.
pub(crate) fn variable(target_dir: &Path) -> (String, EnvValue) {
    let file = dir(target_dir).join("%m-%p.profraw");
    let value = EnvValue::Plain(file.display().to_string());
    (VARIABLE.to_owned(), value)
}

/// The step before the programs run.
pub(crate) fn prepare(target_dir: &Path) -> Step {
    let empty = Prepared::EmptyDirectory(dir(target_dir));
    Step::prepare("prepare for coverage", vec![empty])
}

/// The step after it.
pub(crate) fn collect(target_dir: &Path) -> Step {
    Step {
        purpose: "collect the coverage".to_owned(),
        action: Action::CollectProfiles {
            from: dir(target_dir),
        },
        command: None,
        kept: None,
    }
}

/// The files there, by name.
pub(crate) fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).on("read directory", dir)? {
        files.push(entry.on("read directory", dir)?.path());
    }
    files.sort();
    Ok(files)
}
