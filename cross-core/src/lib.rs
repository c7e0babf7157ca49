//! Cross compile and cross test Rust crates from Rust: one call, typed in, typed out.
//!
//! ```no_run
//! let built = cross_core::build("aarch64-unknown-linux-gnu")?;
//! for exe in built.executables() {
//!     println!("{}", exe.path().display());
//! }
//! # Ok::<(), cross_core::Error>(())
//! ```
//!
//! The environment that compiles is made on this machine from a distribution's signed packages, and
//! runs in a sandbox that needs no daemon and no root, or in docker or podman. Dependencies are
//! fetched on the host; what compiles has neither network nor credentials.
//!
//! # From one line to every knob
//!
//! [`build`], [`test()`], [`run`] and their siblings act on the current directory with the process's
//! environment. [`Cross`] makes each of these a value; [`Request`] has cargo's knobs:
//!
//! ```no_run
//! use cross_core::{Cancel, Cross};
//!
//! let cross = Cross::at("/work/app").on_event(|event| println!("{event:?}"));
//! let request = cross.test("s390x-unknown-linux-gnu").package("app").release().locked();
//! let plan = request.plan()?;              // data: print it, serialise it, take its commands
//! println!("{plan}");
//! let outcome = plan.execute(&Cancel::new())?;
//! println!("{:?}", outcome.tests);
//! # Ok::<(), cross_core::Error>(())
//! ```
//!
//! # What this library will not do
//!
//! Print, exit, install a signal handler, change the process's environment or directory, or fall
//! back to another engine than the one that was named.

#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
mod guide {}

mod ambient;
pub mod binary;
mod budget;
pub mod build_script;
mod build_std;
mod cargo_config;
mod cargo_json;
mod cargo_messages;
mod cargo_request;
#[cfg(feature = "cc")]
mod cc_build;
mod coverage;
mod crash;
mod cross;
mod current;
mod debugger;
mod definition;
pub mod doctor;
mod error;
mod event;
mod execute;
mod failure;
mod files;
mod front_door;
mod glibc_floor;
mod host_tools;
mod inside;
mod knobs;
mod libtest;
mod many;
mod nextest;
mod offline;
mod on_host;
mod outcome;
mod plan;
mod planner;
mod plugin;
mod prefetch;
mod recipes;
mod request;
mod requests;
mod runner;
mod rustflags;
mod sdk;
mod seccomp;
pub mod setup;
mod shell;
mod shims;
mod side_by_side;
mod surroundings;
mod target_name;
mod test_summary;
mod there;
mod toolchain;
mod toolchain_env;
mod verbs;
mod warm;
mod workspace;

pub use cross_config::{
    BuildStd, Code, Config, Diagnostic, Env, Explained, Layer, LayerBuilder, Network, Origin,
    Severity, Sourced,
};
pub use cross_engine::process::{Exit, Stream};
pub use cross_engine::{
    CacheUsage, Cancel, ContainerReuse, Engine, EngineKind, EnvValue, Environment,
    EnvironmentLocation, Invocation, Mount, ReusedContainer, RunSpec, StartReason, SweepSummary,
};
pub use cross_targets::{Emulator, Facts, Libc, Support, Target, TestSupport};

pub use budget::{JobBudget, JobSharing};
pub use cargo_request::{CargoOutcome, CargoPart, CargoPlan, CargoRequest};
#[cfg(feature = "cc")]
pub use cc_build::NativeCc;
pub use cross::Cross;
pub use cross_config::json_schema as config_schema;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventKind, Listener};
pub use front_door::aliases::Expansion;
pub use front_door::commands::{Place, markdown as cargo_commands_markdown};
pub use front_door::decision::{Decision, Part};
pub use front_door::render::Change;
pub use host_tools::{HostTools, HostToolsRequest};
pub use many::outcome::{ManyOutcome, TargetOutcome};
pub use many::{Many, ManyPlan, Turn};
pub use on_host::{HostTool, MissingTool};
pub use outcome::{Artifact, ArtifactKind, CompilerDiagnostic, Outcome, SourcePlace, Timing};
#[cfg(feature = "schema")]
pub use plan::plan_schema;
pub use plan::{
    Action, EnvironmentKind, EnvironmentRef, HostFailure, OutputKind, PLAN_SCHEMA_VERSION, Plan,
    Prepared, Step, Verb, Warning,
};
pub use prefetch::{PrefetchOutcome, Prefetched};
pub use request::Request;
pub use shell::ShellRequest;
pub use side_by_side::TestRun;
pub use test_summary::{TestBinary, TestResult, TestStatus, TestSummary};
pub use toolchain::{Toolchain, ToolchainSource};
pub use toolchain_env::ToolchainEnv;
pub use workspace::{LocalPackage, Project};

/// Builds the package in the current directory for `target`.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn build(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.build(target).run()
}

/// Checks the package in the current directory for `target`: everything but the making of code.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn check(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.check(target).run()
}

/// Tests the package in the current directory for `target`, under its emulator where it needs one.
///
/// # Errors
///
/// See [`ErrorKind`]; a failing test is [`ErrorKind::TestFailed`].
pub fn test(target: impl Into<String>) -> Result<Outcome> {
    Cross::discover()?.test(target).run()
}

/// Runs the program of the package in the current directory for `target`.
///
/// # Errors
///
/// See [`ErrorKind`]; a program that returns a failure is [`ErrorKind::ProgramFailed`].
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
/// See [`ErrorKind`]; a lint that is denied is [`ErrorKind::CargoFailed`].
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

/// Builds the one target of the package in the current directory for `target` with these arguments for
/// rustc.
///
/// # Errors
///
/// See [`ErrorKind`].
pub fn rustc<I>(target: impl Into<String>, args: I) -> Result<Outcome>
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    Cross::discover()?.rustc(target).args(args).run()
}
