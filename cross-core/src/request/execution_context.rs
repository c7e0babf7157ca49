//! The caller's context that the execution of a plan needs.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use cross_engine::Host;

use crate::model::error::Result;
use crate::request::cross::Cross;
use crate::request::event::{EventKind, Events, WarningLog};
use crate::request::job_budget::Budget;

/// The caller's directories, variables, listener and jobs, as they were when the plan was made.
#[derive(Clone)]
pub(crate) struct ExecutionContext {
    /// The caller's variables and cache directory.
    pub(crate) host: Host,
    pub(crate) cargo_home: PathBuf,
    /// The job budget that is shared with requests for other targets.
    pub(crate) budget: Option<Arc<Budget>>,
    events: Events,
}

impl ExecutionContext {
    pub(crate) fn new(cross: &Cross, host: Host) -> Result<Self> {
        Ok(ExecutionContext {
            host,
            cargo_home: cross.cargo_home()?,
            budget: cross.budget().cloned(),
            events: cross.events().clone(),
        })
    }

    /// The same context, which also keeps the warnings in `log`.
    pub(crate) fn keeping(&self, log: &WarningLog) -> Self {
        let mut context = self.clone();
        context.events.warnings = Some(log.clone());
        context
    }

    /// Reports an event to the caller's listener, which may stop the request.
    pub(crate) fn emit(&self, target: &str, kind: EventKind) -> ControlFlow<()> {
        self.events.emit(target, kind)
    }
}

impl fmt::Debug for ExecutionContext {
    /// Leaves out the variables, because they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutionContext")
            .field("cache", &self.host.cache)
            .field("cargo_home", &self.cargo_home)
            .finish_non_exhaustive()
    }
}
