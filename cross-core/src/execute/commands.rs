//! A plan's commands as values of the standard library, for those who start processes themselves.

use std::process::Command;

use cross_engine::{Cancel, process};

use crate::execute::executor;
use crate::execute::run_resolver::RunResolver;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::step::Action;
use crate::plan::plan::Plan;

impl Plan {
    /// Makes what the commands need: the environment, directories and small files. Where all of it is
    /// there, nothing is done.
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

    /// The commands of the host and in the environment, in order, ready to be started: with their
    /// directory and every variable, inheriting the streams of whoever starts them.
    ///
    /// Between them and [`execute`](Plan::execute) is this: their output is theirs to read (cargo
    /// prints its JSON messages), artifacts stay in [`target_dir`](Plan::target_dir), and what hangs on
    /// the life of its owner there hangs here on what the engine has for it. A sandbox dies with the
    /// thread that started it; a container is ended by the engine's `rm --force`, its name follows
    /// `--name`.
    ///
    /// ```no_run
    /// use cross_core::{Cancel, Cross};
    ///
    /// let plan = Cross::discover()?.build("aarch64-unknown-linux-gnu").plan()?;
    /// plan.prepare(&Cancel::new())?;
    /// for mut command in plan.to_commands()? {
    ///     assert!(command.status()?.success());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Environment`] when the environment is not there: [`prepare`](Plan::prepare) makes it.
    pub fn to_commands(&self) -> Result<Vec<Command>> {
        let host = &self.context.host;
        let cancel = Cancel::new();
        let resolver = RunResolver::of(self, host, &cancel);
        let mut commands = Vec::new();
        for step in &self.steps {
            let invocation = match &step.action {
                Action::Host { command, .. } => command.clone(),
                Action::Run { spec, yielding, .. } => {
                    let spec = resolver.run(spec, yielding).map_err(absent)?;
                    // With the starter's own standard input, which is then no lifeline.
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
}

fn absent(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Environment | ErrorKind::Io => {
            error.with_help("make the environment first: `Plan::prepare` does")
        }
        _ => error,
    }
}
