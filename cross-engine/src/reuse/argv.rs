//! The commands that start, enter and list reused containers.

use std::path::Path;

use crate::engines::container::{
    RUN_LABEL, isolation_options, mounted, name_outer_and_label, of_outer, variable,
    without_proxies,
};
use crate::engines::engine::Engine;
use crate::os::System;
use crate::process::descriptors::Confined;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::invocation::{EnvValue, Invocation};
use crate::reuse::script::{self, SHARED_AT};
use crate::spec::mount::{Mount, nameable};
use crate::spec::run_spec::{Root, RunSpec};

/// The label of a reused container. Its value is the directory that it shares with the runs that
/// enter it. Whether that exists, and who holds a lock on it, says whether the container is still
/// needed. One on another machine, which shares nothing, has none: the machines that use its engine
/// do not know one another's directories, and it ends with its connection or after its time.
const DIR_LABEL: &str = "org.cross-core.reused";

/// The label of a reused container whose value is the name of its image, as requested.
const IMAGE_LABEL: &str = "org.cross-core.reused-image";

/// The command that starts a container, without the container's name.
pub(super) fn start(
    engine: &Engine,
    spec: &RunSpec,
    dir: &Path,
    relays: &Path,
    idle_seconds: u64,
    across_processes: bool,
) -> Result<Invocation> {
    let spec = &*spec.placed(System::HERE)?;
    let Root::Image(image) = &spec.root else {
        let message = format!("{} does not reuse containers", engine.kind);
        return Err(Error::new(ErrorKind::Environment, message));
    };
    let mode = match across_processes {
        true => "--detach",
        false => "--interactive",
    };
    let mut run = Invocation::new(&engine.program)
        .confined(Confined::Nulled)
        .args(["run", "--rm", mode])
        .args(["--pull", "never"])
        .args(["--label", RUN_LABEL]);
    if spec.apart.is_none() {
        run = run.args(["--label", &format!("{DIR_LABEL}={}", utf8(dir)?)]);
    }
    run = run
        .args(["--label", &format!("{IMAGE_LABEL}={image}")])
        .arg("--no-healthcheck");
    run = of_outer(run, engine);
    run = isolation_options(run, engine, spec)?;
    // Each run that enters sets its own.
    run = without_proxies(run, engine, |_| false);
    let shared = Mount::read(dir.join("shown")).at(SHARED_AT);
    // Each run of tests has a relay, which does not exist yet when the container starts.
    let relays_inside = nameable(&System::HERE.inside(relays)?, 1);
    let relays = match spec.apart {
        Some(_) => Mount::scratch(relays_inside),
        None => Mount::write(relays).at(relays_inside),
    };
    run = mounted(run, engine, spec.lasting_mounts())?;
    if spec.apart.is_none() {
        run = mounted(run, engine, vec![shared])?;
    }
    run = mounted(run, engine, vec![relays])?;
    Ok(run
        .args(["--workdir", "/", "--entrypoint", "sh"])
        .arg(image)
        .args(script::keeper(idle_seconds, !across_processes)))
}

/// Adds the container's name to the command that starts it.
pub(super) fn named(mut start: Invocation, name: &str) -> Invocation {
    let at = start.args.len().min(3);
    start
        .args
        .splice(at..at, ["--name".to_owned(), name.to_owned()]);
    start
}

/// The command that runs `spec` in the container `name`, after the image's entrypoint.
pub(super) fn enter(
    engine: &Engine,
    spec: &RunSpec,
    name: &str,
    entrypoint: &[String],
) -> Result<Invocation> {
    let spec = &*spec.placed(System::HERE)?;
    let mut exec = Invocation::new(&engine.program)
        .confined(Confined::Nulled)
        .args(["exec", "--interactive"]);
    if spec.terminal {
        exec = exec.arg("--tty");
    }
    exec = exec.args(["--workdir", utf8(&spec.cwd)?]);
    for (name, value) in spec
        .env
        .iter()
        .filter(|(_, value)| **value != EnvValue::Unset)
    {
        exec = variable(exec, name, value);
    }
    exec = exec.arg(name).args(entrypoint.iter().cloned());
    let lifeline = spec.lifeline();
    if lifeline.is_some() {
        exec = exec.lifeline();
    }
    // A command that is only displayed, and has the caller's standard input, has no lifeline.
    let has_jobserver = spec.jobserver.is_some();
    if lifeline.is_some() || has_jobserver {
        exec = exec.args(script::entering(&spec.name, lifeline, has_jobserver));
    }
    Ok(exec
        .args(spec.relay_wrapper())
        .args(spec.command.iter().cloned()))
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

/// Lists the processes in the container `name`, with their command lines.
pub(super) fn processes(engine: &Engine, name: &str) -> Invocation {
    Invocation::new(&engine.program).args(["top", name])
}

/// Lists the reused containers in any state: one line each, as [`listed`] reads it.
pub(super) fn list(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["ps", "--all", "--filter", &format!("label={DIR_LABEL}")])
        .args(["--format", &name_outer_and_label(engine, DIR_LABEL)])
}

/// The name and the directory in a line of [`list`], if the container was started from where this
/// caller is. The directories of others have another meaning.
pub(super) fn listed<'a>(engine: &Engine, line: &'a str) -> Option<(&'a str, &'a Path)> {
    let mut fields = line.splitn(3, ' ');
    let (name, outer, dir) = (fields.next()?, fields.next()?, fields.next()?);
    (outer == engine.reach.outer().unwrap_or_default()).then_some((name, Path::new(dir)))
}

/// Lists the reused containers of an image in any state, one name in each line.
pub(super) fn list_of_image(engine: &Engine, image: &str) -> Invocation {
    Invocation::new(&engine.program)
        .args([
            "ps",
            "--all",
            "--filter",
            &format!("label={IMAGE_LABEL}={image}"),
        ])
        .args(["--format", "{{.Names}}"])
}
