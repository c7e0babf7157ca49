//! The outcome of a request: artifacts with host paths, diagnostics, test results, and timings.

use std::fmt::Display;
use std::path::PathBuf;

use cross_engine::Engine;
use cross_targets::{GlibcVersion, SystemVersion};
use serde::{Serialize, Serializer};

use crate::model::compiled::CompiledPackage;
use crate::model::printable::printable;
use crate::model::step::{EnvironmentRef, Verb, Warning};
use crate::model::test_summary::TestSummary;
use crate::model::toolchain::Toolchain;

/// The outcome of a request.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The operation that was requested.
    pub verb: Verb,
    /// The target's triple, with the glibc floor if one was requested.
    pub target: String,
    /// The final artifacts of the requested packages, sorted by path.
    pub artifacts: Vec<Artifact>,
    /// The packages that cargo compiled for the request, or found compiled, sorted: dependencies,
    /// too, and, where tests were built, development dependencies. Empty for a cargo command line,
    /// whose output is the caller's.
    pub packages: Vec<CompiledPackage>,
    /// The compiler's diagnostics, in order.
    pub diagnostics: Vec<CompilerDiagnostic>,
    /// What [`EventKind::Warning`](crate::events::EventKind::Warning) said, in order: the plan's
    /// warnings, and those of its execution. At most 1 MiB of them is kept.
    pub warnings: Vec<Warning>,
    /// The test results, if tests were run.
    pub tests: Option<TestSummary>,
    /// The raw profiles that instrumented programs wrote, sorted by name, if
    /// [`Request::coverage`](crate::Request::coverage) requested them. The paths are on the host.
    pub raw_profiles: Vec<PathBuf>,
    /// The program's standard output, each line with its line ending, if
    /// [`Request::capture`](crate::Request::capture) requested it.
    pub stdout: Option<String>,
    /// The exit code of cargo, for a cargo command line.
    pub code: Option<i32>,
    /// The engine.
    pub engine: Engine,
    /// The environment.
    pub environment: EnvironmentRef,
    /// The toolchain, with the version that compiled, if it is known.
    pub toolchain: Toolchain,
    /// The duration of each step.
    pub timings: Vec<Timing>,
}

/// A file that was produced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Artifact {
    /// The package's name.
    pub package: String,
    /// The name of the cargo target: a binary, a library and so on.
    pub name: String,
    /// The kind of the artifact.
    pub kind: ArtifactKind,
    /// The profile that built it: `dev`, `release`, or a profile of the manifest. Tests of the
    /// profile `test` are in the directory of `dev`, and benchmarks in that of `release`. Their
    /// profile is that of the directory.
    pub profile: String,
    /// The path on the host, in cargo's usual location below the target directory.
    pub path: PathBuf,
    /// The path in the environment. Cargo's messages and debug information name this path. The file
    /// is at this path on the host too, until cargo rebuilds it. Where the host's paths have
    /// drives, this is the host's form of the path.
    pub inside: PathBuf,
    /// The published files that belong to the artifact: debug information in a file or directory of
    /// its own, the import library of a DLL, the WebAssembly of a script, dep-info. The paths are
    /// on the host. They are known once the artifact is published, and not in events.
    pub companions: Vec<PathBuf>,
    /// The oldest glibc that has every symbol version that the artifact needs, such as `2.34`.
    /// `None` if it needs none, or if it is no ELF program or shared library.
    #[serde(serialize_with = "version_text")]
    pub glibc: Option<GlibcVersion>,
    /// The oldest version of Apple's system that runs the artifact, such as `11.0`; of one for
    /// several machines, and of the objects of a library, the newest of these. `None` if it is for
    /// another system.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "version_text"
    )]
    pub deployment_target: Option<SystemVersion>,
    /// The files that were joined into the artifact, one for each machine, where cargo put them.
    /// Empty if cargo made the artifact itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<PathBuf>,
    /// The SHA-256 of the file in hexadecimal, if
    /// [`Request::checksums`](crate::Request::checksums) requested it.
    pub sha256: Option<String>,
    /// What cargo calls the source of a test binary: `unittests src/lib.rs`, `tests/it.rs`.
    #[serde(skip)]
    pub(crate) source: Option<String>,
}

#[cfg(test)]
impl Artifact {
    /// A program of the package `app`, by its file.
    pub(crate) fn sample(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Artifact {
            package: "app".to_owned(),
            name: name.into_owned(),
            kind: ArtifactKind::Executable,
            profile: "dev".to_owned(),
            inside: path.clone(),
            path,
            companions: Vec::new(),
            glibc: None,
            deployment_target: None,
            slices: Vec::new(),
            sha256: None,
            source: None,
        }
    }
}

/// Writes a version as people do.
pub(crate) fn version_text<V: Display, S: Serializer>(
    version: &Option<V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let text = version.as_ref().map(ToString::to_string);
    text.serialize(serializer)
}

/// Writes a value as people do.
pub(crate) fn shown<V: Display, S: Serializer>(
    value: &V,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A diagnostic of the compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompilerDiagnostic {
    /// The level as the compiler names it: `error`, `warning`, `note` and so on.
    pub level: String,
    /// The package that was compiled.
    pub package: String,
    /// The error code or the name of the lint: `E0308`, `unused_variables`.
    pub code: Option<String>,
    /// The message, in one line.
    pub message: String,
    /// The primary location.
    pub place: Option<SourceLocation>,
    /// The text as cargo shows it.
    pub rendered: String,
}

impl CompilerDiagnostic {
    /// The text as cargo shows it, without colours and with control characters escaped.
    pub(crate) fn shown(&self) -> String {
        printable(self.rendered.trim_end()).into_owned()
    }
}

/// A location in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceLocation {
    /// The path that the compiler was given. It is relative to the workspace root for files in the
    /// workspace.
    pub file: PathBuf,
    /// The line, starting at 1.
    pub line: u64,
    /// The column in characters, starting at 1.
    pub column: u64,
}

/// The kind of an artifact.
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
    /// A library for other languages or for dynamic loading: `cdylib`, `staticlib`, `dylib`.
    Library,
    /// A Rust library.
    RustLibrary,
}

/// The duration of a step.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Timing {
    /// The purpose of the step.
    pub purpose: String,
    /// The duration in seconds.
    pub seconds: f64,
}

impl CompilerDiagnostic {
    /// Returns the size of its text in bytes.
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
    /// Returns the programs among the artifacts.
    pub fn executables(&self) -> impl Iterator<Item = &Artifact> {
        self.artifacts
            .iter()
            .filter(|artifact| artifact.kind == ArtifactKind::Executable)
    }

    /// Returns the total duration of all steps in seconds.
    pub fn seconds(&self) -> f64 {
        self.timings.iter().map(|timing| timing.seconds).sum()
    }
}
