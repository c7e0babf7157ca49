//! The argv of a kept container: what starts it, and what enters it.

use std::path::Path;

use crate::engines::container::{RUN_LABEL, isolation, mount_option, name_and_label, variable};
use crate::engines::engine::Engine;
use crate::process::descriptors::Confined;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::invocation::{Invocation, Value};
use crate::reuse::script::{self, MET_AT};
use crate::spec::mount::{Mount, arranged};
use crate::spec::run_spec::{Root, RunSpec};

/// The label of a kept container. Its value is the directory in which it meets those who enter it: who holds
/// that, or whether it is there at all, says whether somebody needs it.
pub(crate) const LABEL: &str = "org.cross-core.kept";

/// The label of a kept container whose value is its image, as it was asked for.
const IMAGE_LABEL: &str = "org.cross-core.kept-image";

/// Everything of the container that is fixed when it is started, but for its name.
pub(super) fn start(
    engine: &Engine,
    spec: &RunSpec,
    met: &Path,
    relays: &Path,
    idle_seconds: u64,
    across: bool,
) -> Result<Invocation> {
    let Root::Image(image) = &spec.root else {
        let message = format!("{} keeps no containers", engine.kind);
        return Err(Error::new(ErrorKind::Environment, message));
    };
    let held = if across { "--detach" } else { "--interactive" };
    let mut run = Invocation::new(&engine.program)
        .confined(Confined::Nulled)
        .args(["run", "--rm", held])
        .args(["--pull", "never"])
        .args(["--label", RUN_LABEL])
        .args(["--label", &format!("{LABEL}={}", utf8(met)?)])
        .args(["--label", &format!("{IMAGE_LABEL}={image}")])
        .arg("--no-healthcheck");
    run = isolation(run, engine, spec)?;
    let seen = Mount::read(met.join("shown")).at(MET_AT);
    // Each run of tests has one, which the container cannot be started with.
    let relays = Mount::write(relays);
    let ours = [&seen, &relays];
    for mount in arranged(spec.lasting_mounts()).iter().chain(ours) {
        run = run.args(["--mount", &mount_option(mount)?]);
    }
    Ok(run
        .args(["--workdir", "/", "--entrypoint", "sh"])
        .arg(image)
        .args(script::keeper(idle_seconds, !across)))
}

/// `start` under this name.
pub(super) fn named(mut start: Invocation, name: &str) -> Invocation {
    let at = start.args.len().min(3);
    start
        .args
        .splice(at..at, ["--name".to_owned(), name.to_owned()]);
    start
}

/// The command of `spec` in the container `name`, behind what its image starts before every command.
pub(super) fn enter(
    engine: &Engine,
    spec: &RunSpec,
    name: &str,
    entrypoint: &[String],
) -> Result<Invocation> {
    let mut exec = Invocation::new(&engine.program)
        .confined(Confined::Nulled)
        .args(["exec", "--interactive"]);
    if spec.terminal {
        exec = exec.arg("--tty");
    }
    exec = exec.args(["--workdir", utf8(&spec.cwd)?]);
    for (name, value) in spec.env.iter().filter(|(_, value)| **value != Value::Unset) {
        exec = variable(exec, name, value);
    }
    exec = exec.arg(name).args(entrypoint.iter().cloned());
    let hang = spec.hang();
    if hang.is_some() {
        exec = exec.lifeline();
    }
    // What is only shown, and has the caller's standard input, hangs on nothing.
    if hang.is_some() || spec.jobserver.is_some() {
        exec = exec.args(script::entering(&spec.name, hang, spec.jobserver.is_some()));
    }
    Ok(exec.args(spec.relayed()).args(spec.command.iter().cloned()))
}

/// Asks whether the container `name` runs.
pub(super) fn is_running(engine: &Engine, name: &str) -> Invocation {
    Invocation::new(&engine.program).args([
        "container",
        "inspect",
        "--format",
        "{{.State.Running}}",
        name,
    ])
}

/// Lists the processes in the container `name`, with their words.
pub(super) fn processes(engine: &Engine, name: &str) -> Invocation {
    Invocation::new(&engine.program).args(["top", name])
}

/// Lists the kept containers of whatever state: the name, a blank, the directory of each.
pub(crate) fn all(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["ps", "--all", "--filter", &format!("label={LABEL}")])
        .args(["--format", &name_and_label(engine, LABEL)])
}

/// Lists those of an image in the same way.
pub(super) fn of_image(engine: &Engine, image: &str) -> Invocation {
    all(engine).args(["--filter", &format!("label={IMAGE_LABEL}={image}")])
}
