//! Cross compile and cross test Rust crates from Rust: one call, typed in, typed out.
//!
//! ```no_run
//! let built = cross_core::build("aarch64-unknown-linux-gnu")?;
//! for exe in built.executables() {
//!     println!("{}", exe.path.display());
//! }
//! # Ok::<(), cross_core::Error>(())
//! ```
//!
//! The build environment is made on this machine from a distribution's signed packages. It runs in
//! a sandbox that needs no daemon and no root, or in docker or podman. Dependencies are fetched on
//! the host. Code that compiles has neither network nor credentials.
//!
//! # From one line to every option
//!
//! [`build`], [`test()`], [`run`] and the other functions of the crate root act on the current
//! directory with the process's environment. [`Cross`] takes both as values, and [`Request`] has
//! cargo's options:
//!
//! ```no_run
//! use cross_core::{Cancel, Cross};
//!
//! let cross = Cross::at("/work/app").on_event(|event| println!("{event:?}"));
//! let request = cross.test("s390x-unknown-linux-gnu").package("app").release(true).locked(true);
//! let plan = request.plan()?;              // data: print it, serialise it, take its commands
//! println!("{plan}");
//! let outcome = plan.execute(&Cancel::new())?;
//! println!("{:?}", outcome.tests);
//! # Ok::<(), cross_core::Error>(())
//! ```
//!
//! # What this library does not do
//!
//! The library does not print, exit, install a signal handler, change the process's environment or
//! directory, or fall back to another engine than the one that was named.

#![cfg_attr(docsrs, feature(doc_cfg))]
// What serves only some features is compiled without them, too, where a `cfg` of its own would be
// noise: nothing is generated for it. With all features, everything has to be used.
#![cfg_attr(
    not(feature = "full"),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        rustdoc::broken_intra_doc_links
    )
)]

#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../../docs/embedding.md")]
mod guide {}

use std::ffi::OsString;

mod api;
mod cargo;
mod execute;
mod facts;
mod host;
mod model;
pub mod plan;
mod request;
mod target;

#[cfg(feature = "build-script")]
pub use api::build_script;
#[cfg(fuzzing)]
pub use api::fuzzing;
pub use api::shell::ShellRequest;
#[cfg(feature = "setup")]
pub use api::{doctor, setup};
pub use cross_config::Env;
pub use cross_engine::Cancel;
pub use host::{binary, mach_o, needs};
pub use model::error::{Error, ErrorKind, Result};
pub use model::outcome::{Artifact, Outcome};
pub use plan::plan::Plan;
pub use request::cross::Cross;
pub use request::request::Request;

#[cfg(feature = "batch")]
/// Requests for several targets, which share one job budget.
pub mod batch {
    pub use crate::api::batch::outcome::{BatchOutcome, TargetOutcome};
    pub use crate::api::batch::{BatchItem, BatchPlan, BatchRequest};
    pub use crate::api::prefetch::{PrefetchOutcome, Prefetched};
    pub use crate::model::jobs::{JobBudget, JobSharing};
}

#[cfg(feature = "cargo-cli")]
/// Cargo command lines: where each part runs and why, and its outcome.
pub mod cargo_cli {
    pub use crate::api::cargo_request::{CargoOutcome, CargoPart, CargoPlan, CargoRequest};
    pub use crate::cargo::cli::aliases::AliasExpansion;
    pub use crate::cargo::cli::command::Placement;
    pub use crate::cargo::cli::decision::{Decision, DecisionPart};
    pub use crate::cargo::cli::render::ArgumentChange;
}

/// The configuration: its layers, the origin of each value, and all problems.
pub mod config {
    pub use cross_config::{
        BuildStd, Config, Diagnostic, DiagnosticCode, ExplainedValue, Layer, LayerBuilder,
        MemoryLimit, NetworkMode, Origin, Severity, Sourced, json_schema,
    };
    pub use cross_targets::SystemVersion;
}

/// Progress on a console.
#[cfg(feature = "console")]
pub mod console {
    pub use crate::api::console::Console;
}

/// Engines, their environments, and their runs.
pub mod engine {
    #[cfg(feature = "remote")]
    pub use cross_engine::Volume;
    pub use cross_engine::process::{Exit, Stream};
    pub use cross_engine::{
        CacheUsage, ContainerReuse, Engine, EngineKind, EnginePreference, EnvValue, Environment,
        EnvironmentLocation, Invocation, Mount, Nested, OuterMount, OuterRoot, Reach, Remote,
        ReusedContainer, RunSpec, StartReason, SweepSummary, Transfer, Tree, VolumeKind,
    };
}

/// What environments are made of.
pub mod contents {
    pub use cross_engine::{ArchiveRelease, Contents, Download, InstalledPackage, RecordedImage};
}

/// Locks: what environments are made of, in a file of the project.
pub mod lock {
    pub use crate::api::lock::{
        LockChange, LockOutcome, LockRequest, LockedTarget, PackageChange, RemovedEntry,
    };
}

#[cfg(feature = "export")]
/// Archives for machines without a network.
pub mod export {
    pub use crate::api::export::{ExportOutcome, ExportRequest};
    pub use crate::api::import::{ImportOutcome, ImportRequest};
    pub use cross_engine::{ArchivedPart, PartKind};
}

/// Events, which report the execution of a plan as it happens.
pub mod events {
    pub use crate::request::event::{Event, EventKind, Listener};
}

#[cfg(feature = "host-tools")]
/// A target's tools, for processes of the host.
pub mod host_tools {
    #[cfg(feature = "cc")]
    pub use crate::api::cc_build::NativeCc;
    pub use crate::api::host_tools::{HostTools, HostToolsRequest};
    pub use crate::api::toolchain_env::ToolchainEnv;
    pub use crate::model::host_tool::{HostTool, MissingTool};
}

/// Programs stripped and object files converted by the target's own tools.
pub mod object_files {
    #[cfg(feature = "host-tools")]
    pub use crate::api::object_files::{ObjcopyRequest, StripRequest, Stripped};
    pub use crate::request::strip::Strip;
}

/// The parts of an [`Outcome`]: packages, diagnostics, test results and timings.
pub mod outcome {
    pub use crate::model::compiled::{CompiledPackage, LibraryOrigin, NativeLibrary};
    pub use crate::model::outcome::{ArtifactKind, CompilerDiagnostic, SourceLocation, Timing};
    pub use crate::model::test_summary::{TestBinary, TestResult, TestStatus, TestSummary};
}

/// The workspace, as cargo describes it.
pub mod project {
    pub use crate::cargo::workspace::{LocalPackage, Project};
}

/// Facts about each target.
pub mod targets {
    pub use cross_targets::{
        DebianArch, GlibcVersion, Level, Libc, Runner, Sdk, SupportLevel, Target, TargetEmulator,
        TargetFacts, TestSupport,
    };
}

/// The Rust toolchain that compiles.
pub mod toolchain {
    pub use crate::model::toolchain::{Toolchain, ToolchainPreference, ToolchainSource};
}

/// Builds the package in the current directory for `target`.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn build(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.build(target).run()
}

/// Checks the package in the current directory for `target`, without generating code.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn check(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.check(target).run()
}

/// Tests the package in the current directory for `target`, under an emulator if it needs one.
///
/// # Errors
///
/// See [`ErrorKind`]. A failing test is [`ErrorKind::TestFailed`].
pub fn test(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.test(target).run()
}

/// Runs the program of the package in the current directory for `target`.
///
/// # Errors
///
/// See [`ErrorKind`]. A program that returns a failure is [`ErrorKind::ProgramFailed`].
pub fn run(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.run(target).run()
}

/// Runs the benchmarks of the package in the current directory for `target`.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn bench(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.bench(target).run()
}

/// Checks the package in the current directory for `target` with clippy.
///
/// # Errors
///
/// See [`ErrorKind`]. A denied lint is [`ErrorKind::CargoFailed`].
pub fn clippy(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.clippy(target).run()
}

/// Documents the package in the current directory for `target`, in `target/<triple>/doc`.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn doc(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.doc(target).run()
}

/// Builds the only cargo target of the package in the current directory for `target`, and passes
/// `args` to rustc.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn rustc<I>(target: impl Into<String>, args: I) -> Result<Outcome>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    Cross::discover()?.rustc(target).args(args).run()
}
