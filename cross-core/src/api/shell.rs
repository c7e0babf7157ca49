//! A shell in a target's environment, for whoever wants to look around there.

use cross_engine::{Cancel, Stdio};

use crate::facts::container_reuse::{self, Keeping};
use crate::model::error::Result;
use crate::model::step::{Action, OutputKind, Step};
use crate::plan::plan::Plan;
use crate::request::cross::Cross;

/// Bash where the environment has it, else what every environment has. `$1` is the target.
///
/// Bash's own files say nothing of an environment that changes for every run, and would take the prompt
/// for themselves.
const SHELL: &str = r#"if command -v bash >/dev/null; then
    PS1="($1) \\w \\$ " exec bash --norc
fi
PS1="($1) \$ " exec sh"#;

/// A shell in a target's environment, made by [`Cross::shell`]. Nothing is read or run before
/// [`plan`](ShellRequest::plan) or [`run`](ShellRequest::run).
#[must_use = "a request does nothing until it is planned or run"]
#[derive(Clone, Debug)]
pub struct ShellRequest {
    cross: Cross,
    target: String,
    terminal: bool,
}

impl Cross {
    /// A shell in the environment that builds for `target`: it sees what a build sees, in the same
    /// directory, with the engine's usual network. The sources are read only but for the directories
    /// that the key `writable` names. Its standard input, output and error are the caller's.
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
    /// Says that the caller's standard input and output are a terminal, which the shell then has for its
    /// own: line editing, job control and Ctrl-C are as outside.
    ///
    /// # Default value
    ///
    /// They are not: the shell reads its commands from standard input and prints no prompt.
    pub fn terminal(mut self, yes: bool) -> Self {
        self.terminal = yes;
        self
    }

    /// Computes the plan: read-only probes, then pure.
    ///
    /// # Errors
    ///
    /// As for [`Request::plan`](crate::Request::plan).
    pub fn plan(&self) -> Result<Plan> {
        self.plan_until(&Cancel::new())
    }

    /// [`plan`](ShellRequest::plan) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`plan`](ShellRequest::plan).
    pub fn plan_until(&self, cancel: &Cancel) -> Result<Plan> {
        let command = ["sh", "-c", SHELL, "sh", &self.target];
        let mut plan = self.cross.exec(&self.target, command).plan_until(cancel)?;
        for step in &mut plan.steps {
            self.connect(step, &plan.engine, plan.keeping.as_ref())?;
        }
        Ok(plan)
    }

    /// Plans and executes: makes the environment where it is not there, then runs the shell until it
    /// ends. Returns its exit code: 128 and the signal's number where one ended it.
    ///
    /// # Errors
    ///
    /// Those of [`plan`](ShellRequest::plan), and an environment that cannot be made or started. What the
    /// shell returns is no error.
    pub fn run(&self) -> Result<i32> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](ShellRequest::run) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`run`](ShellRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<i32> {
        let done = self.plan_until(cancel)?.execute(cancel)?;
        Ok(done.code.unwrap_or_default())
    }

    /// Connects what the step runs with the caller.
    fn connect(
        &self,
        step: &mut Step,
        engine: &cross_engine::Engine,
        keeping: Option<&Keeping>,
    ) -> Result<()> {
        if let Action::Run { spec, output, .. } = &mut step.action {
            *output = OutputKind::CommandLine;
            *spec = spec.clone().stdio(Stdio::Inherit).terminal(self.terminal);
            step.purpose = "run a shell".to_owned();
            let (command, kept) =
                container_reuse::command(keeping, engine, spec, &self.cross.host()?)?;
            (step.command, step.kept) = (Some(command), kept);
        }
        Ok(())
    }
}
