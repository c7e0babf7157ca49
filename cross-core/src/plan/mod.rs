//! Composes the plan of a request from its facts: the steps as data, before anything is executed.
//!
//! Planning writes nothing, and starts only read-only probes.

pub(crate) mod command_paths;
pub(crate) mod coverage;
pub(crate) mod debugger;
mod doctests;
mod git_program;
mod lost_writes;
mod native_tool;
pub(crate) mod nextest;
mod not_run;
pub(crate) mod offline;
mod own_xtask;
pub(crate) mod parallel_tests;
#[expect(
    clippy::module_inception,
    reason = "the folder is the layer, the file its type"
)]
pub(crate) mod plan;
pub(crate) mod planner;
pub(crate) mod publish_scope;
mod published_dir;
pub(crate) mod steps;
pub(crate) mod strip;

pub use crate::facts::remote::PlannedRemote;
pub use crate::model::step::{
    Action, EnvironmentKind, EnvironmentRef, HostFailure, OutputKind, Prepared, Step, Verb, Warning,
};
pub use crate::model::test_run::TestRun;
pub use plan::PLAN_SCHEMA_VERSION;
#[cfg(feature = "schema")]
pub use plan::plan_schema as json_schema;
