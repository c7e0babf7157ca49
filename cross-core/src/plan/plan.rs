//! The plan: every step of a request as data, before anything is executed.

mod cache;
mod script;

use std::collections::BTreeMap;
use std::path::PathBuf;

use cross_config::ExplainedValue;
use cross_engine::{Engine, EnvValue, ForeignPrograms, Invocation, Mount, RunSpec};
use cross_targets::{GlibcVersion, SystemVersion};
use serde::Serialize;

use crate::cargo::products::Products;
use crate::facts::container_reuse::PlannedReuse;
use crate::facts::remote::PlannedRemote;
use crate::model::fixed_paths::FixedPaths;
use crate::model::outcome::version_text;
use crate::model::step::{Action, EnvironmentRef, Step, Verb, Warning};
use crate::model::test_run::TestRun;
use crate::model::toolchain::Toolchain;
use crate::plan::publish_scope::PublishScope;
use crate::request::event::WarningLog;
use crate::request::execution_context::ExecutionContext;
use crate::target::emulator_crash::EmulatorKind;
use crate::target::name::RunnerVariables;

/// The version of the plan's serialised form. It increases when a field is removed or changes its
/// meaning.
pub const PLAN_SCHEMA_VERSION: u32 = 5;

/// The ordered steps of one request, computed from facts alone.
///
/// Planning writes nothing, and starts only read-only probes. `Display` prints a script for a POSIX
/// shell that does what the plan does: `sh plan.txt` runs it, and it can be pasted into a terminal.
/// It has no values of secret variables. It makes no environment from a `Cross.lock` (`Plan::prepare`
/// does), runs on no engine of another machine, joins the programs of universal2-apple-darwin with the
/// `lipo` or `llvm-lipo` on the PATH, and does not check what artifacts need of glibc or of Apple's
/// systems. `schema_version` is the version of the serialised form.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Plan {
    /// See [`PLAN_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The operation that was requested.
    pub verb: Verb,
    /// The target, with the glibc floor if one was requested.
    pub target: String,
    /// The engine of the runs.
    pub engine: Engine,
    /// Why this engine was chosen.
    pub engine_reason: String,
    /// The environment of the runs.
    pub environment: EnvironmentRef,
    /// The toolchain that compiles.
    pub toolchain: Toolchain,
    /// The oldest glibc that artifacts have to support, if the target or the configuration sets
    /// one. An artifact that needs a newer one fails with
    /// [`ErrorKind::GlibcFloor`](crate::ErrorKind::GlibcFloor).
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "version_text"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub glibc_floor: Option<GlibcVersion>,
    /// The oldest version of Apple's system that artifacts have to run on, if the configuration
    /// sets one. An artifact that needs a newer one fails with
    /// [`ErrorKind::DeploymentTarget`](crate::ErrorKind::DeploymentTarget).
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "version_text"
    )]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub deployment_target: Option<SystemVersion>,
    /// The workspace's root directory.
    pub workspace_root: PathBuf,
    /// The target directory for this environment and toolchain.
    pub target_dir: PathBuf,
    /// The workspace's own target directory, where final artifacts are published.
    pub publish_dir: PathBuf,
    /// How test binaries run, for [`Verb::Test`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestRun>,
    /// What is kept on the engine's machine, if it does not see the caller's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<PlannedRemote>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The warnings for the caller.
    pub warnings: Vec<Warning>,
    /// The effective configuration of the target, each value with its origin.
    pub(crate) configuration: Vec<ExplainedValue>,
    /// The number of preparation steps, before the steps of the verb.
    #[serde(skip)]
    pub(crate) preparation: usize,
    /// The emulator of the target's programs, to distinguish its crashes from theirs.
    #[serde(skip)]
    pub(crate) emulator: EmulatorKind,
    #[serde(skip)]
    pub(crate) runner_variables: RunnerVariables,
    /// The programs of the target, if the environment's emulator executes them.
    #[serde(skip)]
    pub(crate) foreign_programs: Option<ForeignPrograms>,
    #[serde(skip)]
    pub(crate) container_reuse: Option<PlannedReuse>,
    /// What the files in the target directory are compiled for besides the toolchain, equal on all
    /// machines.
    #[serde(skip)]
    pub(crate) compiled_for: String,
    /// Where runs see directories of the host, if not at their paths.
    #[serde(skip)]
    pub(crate) fixed: FixedPaths,
    /// The artifacts that the workspace can produce, by name.
    #[serde(skip)]
    pub(crate) products: Products,
    /// What of them the request makes anew.
    #[serde(skip)]
    pub(crate) scope: PublishScope,
    #[serde(skip)]
    pub(crate) context: ExecutionContext,
}

/// Returns the JSON Schema of a serialised [`Plan`], as JSON.
///
/// A new field does not change [`PLAN_SCHEMA_VERSION`]. The removal of a field, or a change of its
/// meaning, does.
#[cfg(feature = "schema")]
pub fn plan_schema() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Plan>();
    format!("{:#}\n", schema.as_value())
}

impl Plan {
    /// The same plan, whose execution keeps its warnings in `log`.
    pub(crate) fn keeping(&self, log: &WarningLog) -> Self {
        let mut plan = self.clone();
        plan.context = plan.context.keeping(log);
        plan
    }

    /// Returns the commands of all steps that are one command, in order, as data. To start them,
    /// use [`to_commands`](Plan::to_commands).
    pub fn commands(&self) -> impl Iterator<Item = &Invocation> {
        self.steps.iter().filter_map(|step| step.command.as_ref())
    }

    /// Returns the effective configuration of the target, each value with its origin: a line of a
    /// file, a variable, the request, or a default of this library.
    ///
    /// ```no_run
    /// # let cross = cross_core::Cross::discover()?;
    /// for row in cross.build("aarch64-unknown-linux-gnu").plan()?.explain() {
    ///     println!("{} = {} ({})", row.key, row.value, row.origin);
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn explain(&self) -> &[ExplainedValue] {
        &self.configuration
    }

    /// Returns the mounts of all runs, without duplicates.
    pub fn mounts(&self) -> Vec<&Mount> {
        let mut mounts = Vec::new();
        for mount in self.runs().flat_map(|run| &run.mounts) {
            if !mounts.contains(&mount) {
                mounts.push(mount);
            }
        }
        mounts
    }

    /// Returns the variables of all runs. If two runs set a variable to different values, the later
    /// run wins.
    pub fn env(&self) -> BTreeMap<&str, &EnvValue> {
        let all = self.runs().flat_map(|run| &run.env);
        all.map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// Whether what compiles has no network.
    pub(crate) fn compiles_without_network(&self) -> bool {
        self.runs()
            .any(|spec| spec.network == cross_engine::Network::None)
    }

    /// Returns the runs in the environment, in order.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunSpec> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Run { spec, .. } => Some(spec),
            _ => None,
        })
    }

    /// Keeps only the step that builds the environment. The plan is empty if the environment
    /// exists.
    ///
    /// ```no_run
    /// # let cross = cross_core::Cross::discover()?;
    /// // When the image of a CI system is built, before there is any code to compile:
    /// let request = cross.build("aarch64-unknown-linux-gnu");
    /// request.plan()?.only_environment().execute(&cross_core::Cancel::new())?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    #[must_use]
    pub fn only_environment(mut self) -> Self {
        self.steps
            .retain(|step| matches!(step.action, Action::MakeEnvironment(_)));
        self
    }

    /// Returns a sub-plan with these steps. It has no warnings, because the parent plan emits them.
    fn sub_plan(&self, steps: impl IntoIterator<Item = Step>) -> Self {
        let mut part = self.clone();
        part.steps = steps.into_iter().collect();
        part.preparation = part.steps.len();
        part.warnings.clear();
        part
    }

    /// Returns a sub-plan with this step, which several plans share.
    pub(crate) fn shared_part(&self, step: Step) -> Self {
        self.sub_plan([step])
    }

    /// Returns a sub-plan with the steps that build or pull the environment.
    pub(crate) fn environment_part(&self) -> Self {
        let steps = self.steps.iter().filter(|step| step.is_environment());
        self.sub_plan(steps.cloned())
    }

    /// Returns a sub-plan with the steps before those of the verb.
    pub(crate) fn preparation_part(&self) -> Self {
        self.sub_plan(self.steps.iter().take(self.preparation).cloned())
    }

    /// Removes the steps on the host, which a batch runs once for several plans.
    pub(crate) fn leave_out_host_steps(&mut self) {
        let is_host = |step: &Step| matches!(step.action, Action::Host { .. });
        self.preparation -= self.steps.iter().filter(|step| is_host(step)).count();
        self.steps.retain(|step| !is_host(step));
    }
}
