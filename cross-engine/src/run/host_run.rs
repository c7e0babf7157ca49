//! A run on the host: without isolation, but it ends with its owner all the same.

use crate::engines::host_engine::invocation;
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::host::Host;
use crate::process::invocation::Value;
use crate::process::lifeline;
use crate::process::{self, Coupling, Exit, Sink, Stdin};
use crate::run::fifo_lifeline::Watcher;
use crate::spec::run_spec::{RunSpec, Stdio};

/// The variable by which the processes of one run are known: there is no namespace to hold them together, and
/// who reads the caller's terminal cannot even be a process group.
const RUN: &str = "__CROSS_CORE_RUN";

/// Runs `spec`, whose processes are known by `name`.
///
/// What reads nothing ends with its owner by the pipe that is its standard input. Where that is the program's,
/// somebody watches beside it. Either finds what there is to end by the variable that all its processes have.
pub(crate) fn run(
    spec: &RunSpec,
    name: &str,
    host: &Host,
    cancel: &Cancel,
    sink: &mut Sink<'_>,
) -> Result<Exit> {
    let shown = invocation(spec)?;
    let reads = spec.has_stdin();
    let coupling = Coupling {
        stdin: if reads { Stdin::Inherit } else { Stdin::Null },
        output_inherited: spec.stdio == Stdio::Inherit,
        ..Coupling::default()
    };
    let mark = format!("{RUN}={name}");
    if !reads {
        let owned = lifeline::supervised_marked(shown, &mark)?;
        return process::run_coupled(&owned, &host.variables, cancel, coupling, sink);
    }
    let marked = shown.env_value(RUN, Value::Plain(name.to_owned()));
    let _watcher = Watcher::start(&lifeline::watch_marked(&mark), &host.variables)?;
    let ended = process::run_coupled(&marked, &host.variables, cancel, coupling, sink);
    if ended.is_err() {
        let tidy = lifeline::tidy_marked(&mark);
        // What there is to say is why it ended.
        process::output(&tidy, &host.variables, &Cancel::new()).ok();
    }
    ended
}
