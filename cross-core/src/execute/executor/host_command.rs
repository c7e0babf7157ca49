//! Commands of the host.

use std::collections::VecDeque;

use cross_engine::Invocation;
use cross_engine::process::Stdin;

use super::Execution;
use crate::execute::failure::host_failure;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::redact::redact;
use crate::model::step::HostFailure;
use crate::request::event::EventKind;

/// How many lines of a failed command of the host are kept to explain it.
const KEPT_LINES: usize = 12;

impl Execution<'_> {
    /// Runs a command of the host, whose output is told.
    pub(super) fn host_command(&self, command: &Invocation, failure: HostFailure) -> Result<()> {
        let mut said = VecDeque::new();
        let supervised = cross_engine::supervised(command.clone()).map_engine_error()?;
        let exit = cross_engine::process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |stream, line| {
                if said.len() == KEPT_LINES {
                    said.pop_front();
                }
                // Cargo says where it fetches from.
                let line = redact(line).into_owned();
                said.push_back(line.clone());
                self.tell(EventKind::Output { stream, line })
            },
        )
        .map_engine_error()?;
        if exit.success() {
            return Ok(());
        }
        Err(host_failure(
            command,
            failure,
            exit,
            &Vec::from(said).join("\n"),
        ))
    }
}
