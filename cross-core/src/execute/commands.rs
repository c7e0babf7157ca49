//! The commands of a plan as `std::process::Command`, for callers that start processes themselves.

use std::path::PathBuf;
use std::process::Command;

use cross_engine::{Cancel, process};

use crate::execute::executor;
use crate::execute::run_resolver::RunResolver;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::step::{Action, Step};
use crate::plan::plan::Plan;

impl Plan {
    /// Prepares everything that the commands need: the environment, directories and small files.
    /// What already exists is not prepared again.
    ///
    /// # Errors
    ///
    /// As for [`execute`](Plan::execute).
    pub fn prepare(&self, cancel: &Cancel) -> Result<()> {
        let mut plan = self.clone();
        plan.steps
            .retain(|step| step.is_environment() || matches!(step.action, Action::Prepare(_)));
        executor::execute(&plan, cancel).map(drop)
    }

    /// Returns the commands on the host and in the environment, in order. Each has its directory
    /// and all variables, and inherits the standard streams.
    ///
    /// They differ from [`execute`](Plan::execute) as follows. The caller reads their output, and
    /// cargo prints JSON messages. Artifacts stay in [`target_dir`](Plan::target_dir) until
    /// [`publish`](Plan::publish) copies them. The library does not end the processes: a sandbox ends with the thread that started it, and the engine's
    /// `rm --force` ends a container, whose name follows `--name`.
    ///
    /// ```no_run
    /// use cross_core::{Cancel, Cross};
    ///
    /// let plan = Cross::discover()?.build("aarch64-unknown-linux-gnu").plan()?;
    /// plan.prepare(&Cancel::new())?;
    /// for mut command in plan.to_commands()? {
    ///     assert!(command.status()?.success());
    /// }
    /// for path in plan.publish(&Cancel::new())? {
    ///     println!("{}", path.display());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Environment`] if the environment does not exist. [`prepare`](Plan::prepare)
    /// builds it.
    pub fn to_commands(&self) -> Result<Vec<Command>> {
        if let Some(remote) = &self.remote {
            return Err(remote.refuse("commands that the caller starts"));
        }
        let host = &self.context.host;
        let cancel = Cancel::new();
        let resolver = RunResolver::new(self, host, &cancel);
        let mut commands = Vec::new();
        for step in &self.steps {
            let invocation = match &step.action {
                Action::Host { command, .. } => command.clone(),
                Action::Run { spec, yielding, .. } => {
                    let spec = resolver
                        .resolve(spec, yielding)
                        .map_err(with_prepare_help)?;
                    // The command inherits its standard input, which then cannot be a lifeline.
                    self.engine
                        .invocation(&spec.stdin(true))
                        .map_engine_error()?
                }
                _ => continue,
            };
            commands.push(process::command(&invocation, &host.variables));
        }
        Ok(commands)
    }

    /// Copies what the commands of [`to_commands`](Plan::to_commands) built to where cargo's user
    /// finds it, as [`execute`](Plan::execute) does, and returns the paths of the files. It has to
    /// be called after the commands that compile have succeeded. Files that are up to date are
    /// among the paths.
    ///
    /// Which files the commands built anew is not known without their messages. A file that another
    /// environment has published since is not replaced by an older one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CargoFailed`] if nothing was built, [`ErrorKind::GlibcFloor`] and
    /// [`ErrorKind::DeploymentTarget`] as for [`execute`](Plan::execute), and
    /// [`ErrorKind::Untrusted`] if a run left something else in the place of a file.
    pub fn publish(&self, cancel: &Cancel) -> Result<Vec<PathBuf>> {
        if let Some(remote) = &self.remote {
            return Err(remote.refuse("commands that the caller starts"));
        }
        let mut plan = self.clone();
        plan.steps.retain(Step::copies_what_was_built);
        let name = self.products.directory();
        let to = self.publish_dir.join(name);
        for step in &mut plan.steps {
            if matches!(step.action, Action::Publish { .. }) {
                step.action = Action::Mirror {
                    from: self.target_dir.join(name),
                    to: to.clone(),
                    is_certain: true,
                };
            }
        }
        let stripped = self.steps.iter().filter_map(|step| step.strips.clone());
        let stripped = stripped.map(|strips| Step::deliver_stripped(strips, &to));
        plan.steps.extend(stripped);
        plan.warnings.clear();
        executor::published(&plan, cancel)
    }
}

/// Adds the remedy for an environment that does not exist.
fn with_prepare_help(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Environment | ErrorKind::Io => {
            error.with_help("call `Plan::prepare` first, which builds the environment")
        }
        _ => error,
    }
}
