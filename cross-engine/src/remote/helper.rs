//! Containers that fill a volume or read it. They have no network, and see nothing but the volume.

use std::io::{self, BufReader, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::engines::container::RUN_LABEL;
use crate::engines::engine::Engine;
use crate::os;
use crate::process::cancel::Cancel;
use crate::process::descriptors::Confined;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::{self, Exit};
use crate::spec::run_spec::{Root, RunSpec};

/// Where a helper sees its volume.
pub(crate) const VOLUME_AT: &str = "/cross";

/// How often cancellation is checked.
const POLL: Duration = Duration::from_millis(50);

/// How long the removal of a helper may take.
const REMOVAL: Duration = Duration::from_secs(5);

/// How much of what a helper prints to standard error is kept.
const STDERR: u64 = 16 << 10;

/// What a helper may do to the volume.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Fill it, as root.
    Fill,
    /// Read it, as the user of the runs.
    Read,
}

/// The command of a helper that runs `script` with `args` in the image of `spec`.
pub(crate) fn invocation(
    engine: &Engine,
    spec: &RunSpec,
    (name, label, volume): (&str, &str, &str),
    rights: Rights,
    script: String,
    args: &[String],
) -> Result<Invocation> {
    let Root::Image(image) = &spec.root else {
        let message = format!("{} on another machine runs images only", engine.kind);
        return Err(Error::new(ErrorKind::Environment, message));
    };
    let mut run = Invocation::new(&engine.program)
        .confined(Confined::Nulled)
        .args(["run", "--rm", "--interactive", "--pull", "never"])
        .args(["--name", name, "--label", RUN_LABEL, "--network", "none"])
        .args(["--label", &format!("{HELPER_LABEL}={label}")])
        .args(["--security-opt", "label=disable"])
        .args(["--security-opt", "no-new-privileges", "--cap-drop", "ALL"]);
    if let Some(namespace) = &spec.user_namespace {
        run = run.args(["--userns", namespace]);
    }
    if let Some(platform) = &spec.platform {
        run = run.args(["--platform", platform]);
    }
    let place = match rights {
        Rights::Fill => {
            for capability in ["CHOWN", "DAC_OVERRIDE", "FOWNER"] {
                run = run.args(["--cap-add", capability]);
            }
            run = run.args(["--user", "0:0"]);
            format!("{volume}:{VOLUME_AT}:nocopy")
        }
        Rights::Read => {
            let (uid, gid) = owner(engine);
            run = run.args(["--user", &format!("{uid}:{gid}")]);
            format!("{volume}:{VOLUME_AT}:ro,nocopy")
        }
    };
    Ok(run
        .args(["--volume", &place, "--workdir", VOLUME_AT])
        .args(["--entrypoint", "sh", image, "-c", &script, "cross"])
        .args(args.iter().cloned()))
}

/// The owner of files in volumes: who runs commands in the environment.
pub(crate) fn owner(engine: &Engine) -> (u32, u32) {
    match engine.rootless {
        true => (0, 0),
        false => engine.user,
    }
}

/// The label of a helper. Its value is unique, while several callers may ask for one name.
const HELPER_LABEL: &str = "org.cross-core.helper";

/// Removes the container that a helper's client may have left, because it was killed before the
/// container began. `label` is that of the helper.
pub(crate) fn remove_begun(engine: &Engine, label: &str, host: &Host) {
    let limit = Cancel::new().with_deadline(REMOVAL);
    let command = |words: &[&str]| Invocation::new(&engine.program).args(words.iter().copied());
    let filter = format!("label={HELPER_LABEL}={label}");
    let list = command(&["ps", "--all", "--quiet", "--filter", &filter]);
    // Nothing can be done about a failure, and a container that has begun ends by itself.
    if let Ok(listed) = process::output(&list, &host.variables, &limit) {
        for id in listed.stdout.lines() {
            let remove = command(&["rm", "--force", id]);
            let _ = process::output(&remove, &host.variables, &limit);
        }
    }
}

/// How a conversation with a helper ended.
pub(crate) struct Ended<T> {
    pub(crate) said: Result<T>,
    pub(crate) exit: Exit,
    pub(crate) stderr: String,
}

/// Starts a helper, and talks to it through its standard input and output. The helper is killed
/// when `cancel` says so; its container then ends by itself, because its input ends.
pub(crate) fn converse<T>(
    invocation: &Invocation,
    host: &Host,
    cancel: &Cancel,
    talk: impl FnOnce(ChildStdin, BufReader<ChildStdout>) -> Result<T>,
) -> Result<Ended<T>> {
    let name = invocation.program_name().into_owned();
    cancel.check().map_err(|why| Error::stopped(why, &name))?;
    let mut command = process::command(invocation, &host.variables);
    // Ctrl-C in a terminal does not kill it without its owner.
    os::lead_group(&mut command);
    let pipe = Stdio::piped;
    command.stdin(pipe()).stdout(pipe()).stderr(pipe());
    let mut child = command
        .spawn()
        .map_err(|error| process::spawn_error(invocation, error))?;
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
        return Err(Error::new(
            ErrorKind::Io,
            format!("cannot talk to `{name}`"),
        ));
    };
    let over = AtomicBool::new(false);
    let (said, exit, stderr) = thread::scope(|scope| {
        let errors = scope.spawn(move || read_stderr(stderr));
        let over = &over;
        let watch = scope.spawn(move || {
            // The talk ends when the process does, so that the process has to be ended from here.
            loop {
                match child.try_wait() {
                    Ok(Some(status)) => return Ok(Exit::of(status)),
                    Ok(None) => {}
                    Err(error) => return Err(error),
                }
                if cancel.check().is_err() {
                    let _ = child.kill();
                }
                if over.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(2));
                } else {
                    thread::sleep(POLL.min(Duration::from_millis(20)));
                }
            }
        });
        let said = talk(stdin, BufReader::new(stdout));
        over.store(true, Ordering::Relaxed);
        let exit = watch.join().unwrap_or_else(|_| Ok(Exit::unknown()));
        (said, exit, errors.join().unwrap_or_default())
    });
    cancel.check().map_err(|why| Error::stopped(why, &name))?;
    let exit = exit.map_err(|source| {
        Error::new(ErrorKind::Io, format!("cannot wait for `{name}`")).with_source(source)
    })?;
    Ok(Ended { said, exit, stderr })
}

fn read_stderr(mut from: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let _ = Read::by_ref(&mut from).take(STDERR).read_to_end(&mut bytes);
    let _ = io::copy(&mut from, &mut io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The texts of clients whose daemon is not reached any more, or never was.
const UNREACHABLE: [&str; 12] = [
    "Cannot connect to the Docker daemon",
    "error during connect",
    "failed to connect to the docker API",
    "unexpected EOF",
    "connection reset by peer",
    "connection refused",
    "Cannot connect to Podman",
    "unable to connect to Podman",
    "broken pipe",
    "client_loop: send disconnect",
    "Connection closed by",
    "error waiting for container",
];

/// Whether a client says that it does not reach its daemon any more.
pub(crate) fn is_lost(stderr: &str) -> bool {
    UNREACHABLE.iter().any(|text| stderr.contains(text))
}

/// The error for a connection that was lost.
pub(crate) fn lost(what: &str, stderr: &str) -> Error {
    let last = stderr.trim().lines().last().unwrap_or_default();
    Error::new(
        ErrorKind::Unreachable,
        format!("the connection to the engine was lost: cannot {what}: {last}"),
    )
    .with_help(
        "check that the engine's machine is reachable, and run it again: what was sent and built so far is kept",
    )
}

/// The error for a command of the engine that failed.
pub(crate) fn failure(engine: &Engine, what: &str, exit: Exit, stderr: &str) -> Error {
    let text = stderr.trim();
    if let Some(error) = ssh(text) {
        return error;
    }
    if text.contains("o space left on device") || text.contains("isk quota exceeded") {
        return Error::new(
            ErrorKind::Io,
            format!("cannot {what}: the disk of the engine's machine is full"),
        )
        .with_help(
            "free some space there: remove volumes that are not needed (`Cross::volumes` lists them), or what is not \
             used (`docker system prune`)",
        )
        .with_disk_full();
    }
    if is_lost(text) {
        return lost(what, text);
    }
    if text.contains("exec: \"sh\"") || text.contains("tar: not found") {
        return Error::new(
            ErrorKind::Environment,
            format!("cannot {what}: the image has no `sh` or no `tar`"),
        )
        .with_help("install `tar` in the image; on another machine, files arrive through it");
    }
    let shown = if text.is_empty() {
        "it says nothing"
    } else {
        text
    };
    Error::new(
        ErrorKind::EngineCannotStart,
        format!("cannot {what}: {} ended with {exit}: {shown}", engine.kind),
    )
    .with_help(format!(
        "check that `{} run` works with this engine",
        engine.kind
    ))
}

/// The error for what ssh says, if it is ssh that fails.
fn ssh(text: &str) -> Option<Error> {
    let remedies = [
        (
            "Permission denied (",
            "the ssh host asks for a password or does not know the key",
            "an engine's client cannot answer: add your key to the host's authorized_keys, or to your ssh-agent",
        ),
        (
            "Host key verification failed",
            "the key of the ssh host is not known",
            "connect once by hand: `ssh HOST true`",
        ),
        (
            "Could not resolve hostname",
            "the ssh host has no address",
            "correct the name in DOCKER_HOST, CONTAINER_HOST or the context",
        ),
    ];
    let (_, message, help) = remedies
        .into_iter()
        .find(|(said, ..)| text.contains(said))?;
    let last = text.lines().last().unwrap_or_default();
    Some(Error::new(ErrorKind::Unreachable, format!("{message}: {last}")).with_help(help))
}

/// Writes to a helper; what fails is told by its exit.
pub(crate) fn say(to: &mut impl Write, bytes: &[u8]) -> Result<()> {
    to.write_all(bytes).map_err(|source| {
        Error::new(
            ErrorKind::Unreachable,
            "the connection to the engine was lost",
        )
        .with_source(source)
    })
}
