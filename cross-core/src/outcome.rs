//! What came of a request: artifacts with host paths, test results, what built them, and how long
//! it took.

use std::path::{Path, PathBuf};

use cross_engine::Engine;
use serde::Serialize;

use crate::plan::{EnvironmentRef, Verb};
use crate::toolchain::Toolchain;

/// What came of a request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// What was asked for.
    pub verb: Verb,
    /// The target's triple, with the glibc floor where one was asked for.
    pub target: String,
    /// The final artifacts of the packages that were asked for.
    pub artifacts: Vec<Artifact>,
    /// What came of the tests, where tests were run.
    pub tests: Option<TestSummary>,
    /// What the program printed on its standard output, each line with its end, where
    /// [`Request::capture`](crate::Request::capture) asked for it.
    pub stdout: Option<String>,
    /// The exit code of cargo, for a command line of the front door.
    pub code: Option<i32>,
    /// The engine.
    pub engine: Engine,
    /// The environment.
    pub environment: EnvironmentRef,
    /// The toolchain, with the version that compiled where it is known.
    pub toolchain: Toolchain,
    /// Every step and its duration.
    pub timings: Vec<Timing>,
}

/// A file that was produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Artifact {
    /// The package's name.
    pub package: String,
    /// The cargo target's name: the binary's, the library's.
    pub name: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// Where it is on the host, in cargo's usual place below the target directory.
    pub path: PathBuf,
    /// The oldest glibc that has every version of a symbol it needs, such as `2.34`. `None` where it
    /// needs none, and where it is no ELF program or shared library.
    pub glibc: Option<String>,
}

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ArtifactKind {
    /// A program.
    Executable,
    /// An example program.
    Example,
    /// A test or benchmark binary.
    Test,
    /// A library for other languages or for loading: `cdylib`, `staticlib`, `dylib`.
    Library,
    /// A Rust library.
    RustLibrary,
}

/// What came of the tests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestSummary {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that were not run because they are marked so.
    pub ignored: u64,
    /// Test binaries that reported results.
    pub binaries: u64,
    /// The names of the tests that failed.
    pub failures: Vec<String>,
}

impl TestSummary {
    /// How many tests ran.
    pub fn ran(&self) -> u64 {
        self.passed + self.failed
    }
}

/// How long a step took.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Timing {
    /// What the step was for.
    pub purpose: String,
    /// Seconds.
    pub seconds: f64,
}

impl Artifact {
    /// Where it is on the host.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Outcome {
    /// The programs among the artifacts.
    pub fn executables(&self) -> impl Iterator<Item = &Artifact> {
        self.artifacts
            .iter()
            .filter(|artifact| artifact.kind == ArtifactKind::Executable)
    }

    /// The seconds all steps took together.
    pub fn seconds(&self) -> f64 {
        self.timings.iter().map(|timing| timing.seconds).sum()
    }
}
