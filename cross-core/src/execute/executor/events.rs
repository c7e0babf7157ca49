//! What a listener is told of an execution.

use std::ops::ControlFlow;
use std::time::Instant;

use super::Execution;
use crate::execute::failure::{failed_command_line, subcommand};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::{Action, OutputKind, Verb};
use crate::request::event::EventKind;

impl Execution<'_> {
    /// Emits the plan's warnings, its engine and its job budget.
    pub(super) fn emit_plan(&self) -> Result<()> {
        for warning in &self.plan.warnings {
            self.emit(EventKind::Warning {
                code: warning.code.clone(),
                message: warning.message.clone(),
                help: warning.help.clone(),
            })?;
        }
        self.emit(EventKind::EngineChosen {
            engine: self.plan.engine.to_string(),
            reason: self.plan.engine_reason.clone(),
        })?;
        #[cfg(feature = "batch")]
        if let Some(budget) = &self.plan.context.budget {
            self.emit(EventKind::JobsShared(budget.summary.clone()))?;
        }
        Ok(())
    }

    /// Says that the request, which began at `start`, ended. A command line that failed is no error
    /// for the caller, who has its exit code, but it is one to whoever watches.
    pub(super) fn finished(&self, start: Instant, error: Option<&Error>) {
        let error = error.map(ToString::to_string);
        let finished = EventKind::Finished {
            seconds: start.elapsed().as_secs_f64(),
            error: error.or_else(|| self.command_line_failure()),
        };
        // There is nothing left to stop.
        let _ = self.notify(finished);
    }

    /// What is said of the cargo command line of this execution, if it failed. The code of a shell
    /// is that of the last command in it, which is no failure of the shell.
    fn command_line_failure(&self) -> Option<String> {
        let is_cargo = self.plan.verb == Verb::Cargo;
        let code = self.code.filter(|code| is_cargo && *code != 0)?;
        let command = self.plan.steps.iter().find_map(|step| match &step.action {
            Action::Run {
                spec,
                output: OutputKind::CommandLine,
                ..
            } => Some(subcommand(spec)),
            _ => None,
        });
        Some(failed_command_line(command.as_deref()?, code))
    }

    /// Emits an event, and fails if the listener stops the request.
    pub(super) fn emit(&self, kind: EventKind) -> Result<()> {
        match self.notify(kind) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(
                ErrorKind::Cancelled,
                "stopped by the event listener",
            )),
        }
    }

    /// Emits an event, and breaks if the listener stops the request.
    pub(super) fn notify(&self, kind: EventKind) -> ControlFlow<()> {
        self.plan.context.emit(&self.plan.target, kind)
    }
}
