//! An interactive shell in a target's environment.

use cross_engine::{Cancel, Stdio};

use crate::facts::container_reuse::{self, PlannedReuse};
use crate::model::error::Result;
use crate::model::step::{Action, OutputKind, Step};
use crate::plan::plan::Plan;
use crate::request::cross::Cross;

/// Starts bash if the environment has it, and `sh` otherwise. `$1` is the target, for the prompt.
///
/// Bash does not read its own startup files (`--norc`): they would replace the prompt.
const SHELL: &str = r#"if command -v bash >/dev/null; then
    PS1="($1) \\w \\$ " exec bash --norc
fi
PS1="($1) \$ " exec sh"#;

/// A request for a shell in a target's environment, made by [`Cross::shell`]. Nothing is read or
/// run before [`plan`](ShellRequest::plan) or [`run`](ShellRequest::run).
#[must_use = "a request does nothing until it is planned or run"]
#[derive(Clone, Debug)]
pub struct ShellRequest {
    cross: Cross,
    target: String,
    terminal: bool,
}

impl Cross {
    /// Requests a shell in the target's environment. It sees what a build sees, in the same
    /// directory, with the engine's default network. The sources are read only, except for the
    /// directories that the key `writable` names. It has the caller's standard input, output and
    /// error.
    ///
    /// ```no_run
    /// use std::io::{IsTerminal as _, stdin, stdout};
    ///
    /// let cross = cross_core::Cross::discover()?;
    /// let terminal = stdin().is_terminal() && stdout().is_terminal();
    /// let code = cross.shell("s390x-unknown-linux-gnu").terminal(terminal).run()?;
    /// println!("the shell returned {code}");
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn shell(&self, target: impl Into<String>) -> ShellRequest {
        ShellRequest {
            cross: self.clone(),
            target: target.into(),
            terminal: false,
        }
    }
}

impl ShellRequest {
    /// Sets whether the caller's standard input and output are a terminal. The shell then controls
    /// it, so that line editing, job control and Ctrl-C work.
    ///
    /// # Default value
    ///
    /// `false`: the shell reads its commands from standard input and prints no prompt.
    pub fn terminal(mut self, yes: bool) -> Self {
        self.terminal = yes;
        self
    }

    /// Computes the plan. Only read-only probes are run.
    ///
    /// # Errors
    ///
    /// As for [`Request::plan`](crate::Request::plan).
    pub fn plan(&self) -> Result<Plan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](ShellRequest::plan), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`plan`](ShellRequest::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<Plan> {
        let command = ["sh", "-c", SHELL, "sh", &self.target];
        let mut plan = self.cross.exec(&self.target, command).plan_until(cancel)?;
        for step in &mut plan.steps {
            self.connect(step, &plan.engine, plan.container_reuse.as_ref())?;
        }
        Ok(plan)
    }

    /// Plans and executes: makes the environment if it does not exist, then runs the shell until it
    /// ends. Returns the shell's exit code, or 128 plus the number of the signal that ended it.
    ///
    /// # Errors
    ///
    /// The errors of [`plan`](ShellRequest::plan), and an environment that cannot be made or
    /// started. A failure of the shell is an exit code, not an error.
    pub fn run(&self) -> Result<i32> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](ShellRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](ShellRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<i32> {
        let outcome = self.plan_until(cancel)?.execute(cancel)?;
        Ok(outcome.code.unwrap_or_default())
    }

    /// Connects the command of `step` to the caller's standard streams.
    fn connect(
        &self,
        step: &mut Step,
        engine: &cross_engine::Engine,
        container_reuse: Option<&PlannedReuse>,
    ) -> Result<()> {
        if let Action::Run { spec, output, .. } = &mut step.action {
            *output = OutputKind::CommandLine;
            *spec = spec.clone().stdio(Stdio::Inherit).terminal(self.terminal);
            step.purpose = "run a shell".to_owned();
            let (command, container) =
                container_reuse::command(container_reuse, engine, spec, &self.cross.host()?)?;
            (step.command, step.reused_container) = (Some(command), container);
        }
        Ok(())
    }
}
