//! The plan: every step of a request as data, before anything is done.

mod cache;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use cross_config::ExplainedValue;
use cross_engine::{Engine, EnvValue, Invocation, Mount, ReusedContainer, RunSpec};
use serde::Serialize;

use crate::cargo::products::Products;
use crate::facts::container_reuse::PlannedReuse;
use crate::model::step::{Action, EnvironmentRef, Step, Verb, Warning};
use crate::model::test_run::TestRun;
use crate::model::toolchain::Toolchain;
use crate::request::execution_context::ExecutionContext;
use crate::target::emulator_crash::EmulatorKind;
use std::fmt::Write as _;

/// The version of the plan's serialised form. It grows when a field changes its meaning or goes.
pub const PLAN_SCHEMA_VERSION: u32 = 3;

/// The ordered steps of one request, computed from facts alone.
///
/// Making a plan writes nothing and starts nothing but read-only probes. `Display` is a transcript
/// that can be pasted into a shell; the serialised form is versioned by `schema_version`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Plan {
    /// See [`PLAN_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was asked for.
    pub verb: Verb,
    /// The target, with the glibc floor where one was asked for.
    pub target: String,
    /// The engine that will run it.
    pub engine: Engine,
    /// Why this engine.
    pub engine_reason: String,
    /// The environment it will run in.
    pub environment: EnvironmentRef,
    /// The Rust that will compile.
    pub toolchain: Toolchain,
    /// The oldest glibc that artifacts have to start with, where the target or the configuration names
    /// one: what needs a newer one is [`ErrorKind::GlibcFloor`](crate::ErrorKind::GlibcFloor).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glibc_floor: Option<String>,
    /// The workspace's root directory.
    pub workspace_root: PathBuf,
    /// The target directory of this environment and toolchain.
    pub target_dir: PathBuf,
    /// The workspace's own target directory, where final artifacts appear.
    pub publish_dir: PathBuf,
    /// How test binaries are run, where there are tests to run by cargo itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tests: Option<TestRun>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What the caller may want to change.
    pub warnings: Vec<Warning>,
    /// The configuration that holds for the target, each value with where it was written.
    pub(crate) configuration: Vec<ExplainedValue>,
    /// How many steps there are before those of the verb itself.
    #[serde(skip)]
    pub(crate) preparation: usize,
    /// What runs programs of the target, for telling its crash from theirs.
    #[serde(skip)]
    pub(crate) emulator: EmulatorKind,
    #[serde(skip)]
    pub(crate) container_reuse: Option<PlannedReuse>,
    /// What may be made, by name.
    #[serde(skip)]
    pub(crate) products: Products,
    #[serde(skip)]
    pub(crate) context: ExecutionContext,
}

/// The JSON schema of a serialised [`Plan`], as JSON.
///
/// A field may be added to a plan at any time; one that goes or changes its meaning makes
/// [`PLAN_SCHEMA_VERSION`] another.
#[cfg(feature = "schema")]
#[cfg_attr(docsrs, doc(cfg(feature = "schema")))]
pub fn plan_schema() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Plan>();
    format!("{:#}\n", schema.as_value())
}

impl Plan {
    /// The commands of all steps that are one command, in order, as data. Those who want to start them
    /// take [`to_commands`](Plan::to_commands).
    pub fn commands(&self) -> impl Iterator<Item = &Invocation> {
        self.steps.iter().filter_map(|step| step.command.as_ref())
    }

    /// The configuration that holds for the target, each value with where it was written: a file's line,
    /// a variable, the request, or nobody (a default of this library).
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

    /// What the environment's runs see of the host, each once.
    pub fn mounts(&self) -> Vec<&Mount> {
        let mut mounts = Vec::new();
        for mount in self.runs().flat_map(|run| &run.mounts) {
            if !mounts.contains(&mount) {
                mounts.push(mount);
            }
        }
        mounts
    }

    /// The variables that the environment's runs see. Where two of them differ, that of the later one.
    pub fn env(&self) -> BTreeMap<&str, &EnvValue> {
        let all = self.runs().flat_map(|run| &run.env);
        all.map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// The runs in the environment, in order.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunSpec> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Run { spec, .. } => Some(spec),
            _ => None,
        })
    }

    /// Only what makes the environment; nothing where it is there already.
    ///
    /// ```no_run
    /// # let cross = cross_core::Cross::discover()?;
    /// // In an image of a CI system, before there is any code to compile:
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

    /// Only these steps. The whole says what there is to warn of.
    fn only(&self, keep: impl Fn(usize, &Step) -> bool) -> Self {
        let mut part = self.clone();
        let mut number = 0..;
        part.steps
            .retain(|step| keep(number.next().unwrap_or(usize::MAX), step));
        part.preparation = part.steps.len();
        part.warnings.clear();
        part
    }

    /// Only this step, which is one of several plans.
    pub(crate) fn part(&self, step: Step) -> Self {
        let mut part = self.only(|_, _| false);
        part.steps.push(step);
        part
    }

    /// Only what makes or pulls the environment.
    pub(crate) fn environment_part(&self) -> Self {
        self.only(|_, step| step.is_environment())
    }

    /// Only what comes before the verb itself.
    pub(crate) fn preparation_part(&self) -> Self {
        self.only(|number, _| number < self.preparation)
    }

    /// Leaves out what is done once for several plans.
    pub(crate) fn leave_out_host_steps(&mut self) {
        let is_host = |step: &Step| matches!(step.action, Action::Host { .. });
        self.preparation -= self.steps.iter().filter(|step| is_host(step)).count();
        self.steps.retain(|step| !is_host(step));
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {} for {}", self.verb, self.target)?;
        writeln!(f, "# engine: {} ({})", self.engine, self.engine_reason)?;
        let state = if self.environment.exists {
            "there"
        } else {
            "to be made"
        };
        writeln!(f, "# environment: {} ({state})", self.environment.name)?;
        for tool in &self.environment.tools {
            writeln!(f, "# {tool}")?;
        }
        match self.engine.is_host() {
            true => writeln!(f, "# toolchain: {}", self.toolchain.in_place())?,
            false => writeln!(f, "# toolchain: {}", self.toolchain)?,
        }
        if let Some(tests) = &self.tests {
            writeln!(f, "# tests: {tests}")?;
        }
        for (n, step) in self.steps.iter().enumerate() {
            writeln!(f, "\n# {}. {}", n + 1, step.purpose)?;
            if let Some(kept) = &step.kept {
                writeln!(f, "{}", transcript(kept))?;
            }
            match (&step.command, &step.action) {
                (Some(command), _) => writeln!(f, "{command}")?,
                (None, Action::Prepare(things)) => {
                    for thing in things {
                        writeln!(f, "{thing}")?;
                    }
                }
                (None, _) => {}
            }
        }
        Ok(())
    }
}

/// What a transcript says before a command that enters `kept`.
fn transcript(kept: &ReusedContainer) -> String {
    let mut text = format!("# in the container {}, which is kept", kept.container);
    if kept.running {
        let _ = write!(text, " and runs");
        return text;
    }
    // One that hangs on its standard input is started here by something that does not end.
    let start = match kept.start.args.iter().any(|arg| arg == "--interactive") {
        true => format!("sleep infinity | {} &", kept.start),
        false => kept.start.to_string(),
    };
    let _ = write!(text, "; unless it runs, it is started first:\n{start}");
    text
}
