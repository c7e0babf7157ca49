//! Runs on the host. They have no isolation, but end with their owner.

use crate::engines::host_engine::invocation;
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::invocation::EnvValue;
use crate::process::lifeline;
use crate::process::{self, ChildIo, Exit, Sink, Stdin};
use crate::run::fifo_lifeline::Watcher;
use crate::spec::run_spec::{RunSpec, Stdio};

/// The variable that marks the processes of a run. No namespace holds them together, and those that
/// read the caller's terminal cannot be a process group of their own.
const MARK: &str = "__CROSS_CORE_RUN";

/// Runs `spec`, whose processes are found by `name`.
///
/// A run that reads nothing ends with its owner by the pipe that is its standard input. If standard
/// input is the program's, a watcher waits beside it. Either finds the processes by the variable
/// that all of them have.
pub(crate) fn run(
    spec: &RunSpec,
    name: &str,
    host: &Host,
    cancel: &Cancel,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let command = invocation(spec)?;
    let reads = spec.has_stdin();
    let io = ChildIo {
        stdin: if reads { Stdin::Inherit } else { Stdin::Null },
        inherit_output: spec.stdio == Stdio::Inherit,
        ..ChildIo::default()
    };
    let mark = format!("{MARK}={name}");
    if !reads {
        let supervised = lifeline::supervised_marked(command, &mark)?;
        return process::run_with_io(&supervised, &host.variables, cancel, io, sink);
    }
    let marked = command.env_value(MARK, EnvValue::Plain(name.to_owned()));
    let watcher = Watcher::start(&lifeline::watch_marked(&mark), &host.variables)?;
    let ended = process::run_with_io(&marked, &host.variables, cancel, io, sink);
    if ended.is_err() {
        let tidy = lifeline::tidy_marked(&mark);
        // The error to report is the one of the run.
        process::output(&tidy, &host.variables, &Cancel::new()).ok();
    }
    drop(watcher);
    ended
}
