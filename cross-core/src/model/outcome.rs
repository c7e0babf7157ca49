//! What came of a request: artifacts with host paths, the compiler's diagnostics, what built them,
//! and how long it took.

use std::path::PathBuf;

use cross_engine::Engine;
use serde::Serialize;

use crate::model::step::{EnvironmentRef, Verb};
use crate::model::test_summary::TestSummary;
use crate::model::toolchain::Toolchain;

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
    /// What the compiler had to say, in its order.
    pub diagnostics: Vec<CompilerDiagnostic>,
    /// What came of the tests, where tests were run.
    pub tests: Option<TestSummary>,
    /// What instrumented programs wrote, where [`Request::coverage`](crate::Request::coverage)
    /// asked for it: on the host, by name.
    pub raw_profiles: Vec<PathBuf>,
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
    /// The profile it was built in: `dev`, `release`, or one of the manifest's. Cargo has the tests
    /// of `dev` and the benchmarks of `release` in the same place, and they are named so here.
    pub profile: String,
    /// Where it is on the host, in cargo's usual place below the target directory.
    pub path: PathBuf,
    /// Where runs in the environment have it: the path in cargo's own messages, and in what a
    /// debugger is told. It is on the host, too, until cargo builds it anew.
    pub inside: PathBuf,
    /// The oldest glibc that has every version of a symbol it needs, such as `2.34`. `None` where
    /// it needs none, and where it is no ELF program or shared library.
    pub glibc: Option<String>,
    /// The SHA-256 of the file in hexadecimal, where
    /// [`Request::checksums`](crate::Request::checksums) asked for it.
    pub sha256: Option<String>,
}

/// Something the compiler had to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompilerDiagnostic {
    /// `error`, `warning`, `note` …, as the compiler says it.
    pub level: String,
    /// The package it is about.
    pub package: String,
    /// The code of the error or the name of the lint: `E0308`, `unused_variables`.
    pub code: Option<String>,
    /// What is the matter, in one line.
    pub message: String,
    /// The place it is about first.
    pub place: Option<SourceLocation>,
    /// The text as cargo would show it.
    pub rendered: String,
}

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceLocation {
    /// The file, as the compiler was given it: relative to the workspace's root where it is below it.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1 in characters.
    pub column: u64,
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

/// How long a step took.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Timing {
    /// What the step was for.
    pub purpose: String,
    /// Seconds.
    pub seconds: f64,
}

impl CompilerDiagnostic {
    /// How many bytes of text it has.
    pub(crate) fn size(&self) -> usize {
        let place = self.place.as_ref();
        let texts = [
            self.level.len(),
            self.package.len(),
            self.code.as_ref().map_or(0, String::len),
            self.message.len(),
            place.map_or(0, |place| place.file.as_os_str().len()),
            self.rendered.len(),
        ];
        texts.into_iter().sum()
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
