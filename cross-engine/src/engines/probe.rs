//! Which engines answer: each is asked once, and believed by its answer rather than by being
//! installed.

use std::path::Path;
use std::time::Duration;

use crate::engines::diagnosis;
use crate::engines::engine::{Engine, EnginePreference, Kind};
use crate::engines::floor::Floor;
use crate::engines::host_engine;
use crate::engines::probe_cache::{Memory, Stamp};
use crate::engines::probe_validity;
use crate::engines::sandbox;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::descriptors::Confined;
use crate::process::error::Unusable;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::{self, Output};
use crate::spec::run_spec::Network;

/// Fields of the answer, in one line, so that nothing has to be parsed but a separator.
const DOCKER_FORMAT: &str = "{{.Server.Version}}|{{.Server.Os}}/{{.Server.Arch}}|\
                             {{range .Server.Components}}{{.Name}} {{end}}";
const PODMAN_FORMAT: &str = "{{.Client.Version}}|{{.Client.OsArch}}|";

/// How long an engine may take to say its version. A daemon that starts takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the environment that will run is made of: it decides which engines can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Needs {
    /// A recipe's root file system: any engine.
    Recipe,
    /// An image or a Dockerfile of the user's: a container CLI.
    Image,
}

/// The engine that was chosen, why, and what was passed over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Selected {
    /// The engine.
    pub engine: Engine,
    /// Why this one, as a sentence fragment.
    pub reason: String,
    /// Those that come first in the order but cannot serve here.
    pub passed_over: Vec<Unusable>,
}

/// Chooses the engine: what `preference` names, else the first of the order that answers.
///
/// The order for [`Needs::Recipe`] is sandbox, docker, podman; for [`Needs::Image`] docker, podman.
/// Nothing that was named is ever replaced by another.
///
/// # Errors
///
/// [`ErrorKind::EngineUnusable`] when the named engine cannot serve, [`ErrorKind::NoEngine`] when
/// none does; both say why for each.
pub fn select(
    preference: &EnginePreference,
    needs: Needs,
    host: &Host,
    cancel: &Cancel,
) -> Result<Selected> {
    let named = match preference {
        EnginePreference::Auto => return automatic(needs, host, cancel),
        EnginePreference::Kind(kind) => probe(*kind, host, cancel)?,
        EnginePreference::Program(program) => probe_program(program, host, cancel)?,
    };
    match named {
        Ok(engine) if needs == Needs::Image && !engine.has_images() => Err(Error::new(
            ErrorKind::EngineUnusable,
            format!("the {} cannot run an image or a Dockerfile", engine.kind),
        )
        .with_help("name docker or podman, or let `auto` choose")),
        Ok(engine) => Ok(Selected {
            engine,
            reason: "it was named".to_owned(),
            passed_over: Vec::new(),
        }),
        Err(unusable) => Err(
            Error::new(ErrorKind::EngineUnusable, format!("engine {unusable}"))
                .with_help(unusable.help.clone())
                .with_unusable(vec![unusable]),
        ),
    }
}

fn automatic(needs: Needs, host: &Host, cancel: &Cancel) -> Result<Selected> {
    let mut passed_over = Vec::new();
    for kind in Kind::ALL {
        if needs == Needs::Image && kind == Kind::Sandbox {
            continue;
        }
        match probe(kind, host, cancel)? {
            Ok(engine) => {
                let reason = match &passed_over[..] {
                    [] => format!("{kind} is the first choice and answers"),
                    others => format!("{kind} is the first that answers; {}", listed(others)),
                };
                return Ok(Selected {
                    engine,
                    reason,
                    passed_over,
                });
            }
            Err(unusable) => passed_over.push(unusable),
        }
    }
    let helps: Vec<_> = passed_over.iter().map(|one| one.help.as_str()).collect();
    Err(Error::new(
        ErrorKind::NoEngine,
        format!("no engine answers here ({})", listed(&passed_over)),
    )
    .with_help(format!(
        "any one of these is enough: {}",
        helps.join("; or ")
    ))
    .with_unusable(passed_over))
}

/// Each engine with why it cannot serve.
fn listed(unusable: &[Unusable]) -> String {
    let each: Vec<_> = unusable.iter().map(ToString::to_string).collect();
    each.join("; ")
}

/// Asks the engine of this kind.
///
/// # Errors
///
/// Only a cancellation or a failure to ask at all; that the engine cannot serve is an answer.
pub fn probe(kind: Kind, host: &Host, cancel: &Cancel) -> Result<Result<Engine, Unusable>> {
    if kind == Kind::Host {
        return Ok(Ok(host_engine::engine(host, native_architecture())));
    }
    match host.find_program(kind.program()) {
        Some(program) => ask(kind, &program, host, cancel),
        None => Ok(Err(Unusable {
            engine: kind.name().to_owned(),
            reason: format!("`{}` is not installed", kind.program()),
            help: format!("install {}", kind.packages().join(" and ")),
            installed: false,
        })),
    }
}

/// Asks a program of the caller's what kind of engine it is.
fn probe_program(program: &Path, host: &Host, cancel: &Cancel) -> Result<Result<Engine, Unusable>> {
    let Some(found) = host.find_program(program) else {
        return Ok(Err(Unusable {
            engine: program.display().to_string(),
            reason: "there is no such program".to_owned(),
            help: "name `sandbox`, `docker`, `podman`, or the path of one of their programs; or `host`, \
                   for no isolation at all"
                .to_owned(),
            installed: false,
        }));
    };
    let version = Invocation::new(&found).arg("--version");
    let said = process::output(&version, &host.variables, cancel)?;
    match kind_of(&said) {
        Some(kind) => ask(kind, &found, host, cancel),
        None => Ok(Err(Unusable {
            engine: program.display().to_string(),
            reason: format!("`--version` does not name an engine: {}", first_line(&said)),
            help: "name a bubblewrap, docker or podman program".to_owned(),
            installed: true,
        })),
    }
}

/// The kind a `--version` line speaks of.
fn kind_of(said: &Output) -> Option<Kind> {
    let line = said.stdout.to_lowercase();
    [
        ("podman", Kind::Podman),
        ("docker", Kind::Docker),
        ("bubblewrap", Kind::Sandbox),
    ]
    .into_iter()
    .find_map(|(word, kind)| line.contains(word).then_some(kind))
}

fn ask(
    kind: Kind,
    program: &Path,
    host: &Host,
    cancel: &Cancel,
) -> Result<Result<Engine, Unusable>> {
    let memory = Memory::in_cache(&host.cache);
    let dependence = dependence(kind, program, host);
    if let Some((key, _)) = &dependence {
        if let Some(engine) = memory.recall::<Engine>(kind.name(), key) {
            let floor = Floor::of(host);
            return Ok(Ok(Engine { floor, ..engine }));
        }
    }
    let asked = clock::unix_time();
    let answer = ask_now(kind, program, host, cancel)?;
    if let (Ok(engine), Some((key, stamps))) = (&answer, dependence) {
        memory.remember(kind.name(), &key, stamps, asked, engine);
    }
    Ok(answer)
}

/// What the answer of an engine depends on: its program, who asks, docker's daemon, and for the
/// sandbox what the kernel allows.
fn dependence(kind: Kind, program: &Path, host: &Host) -> Option<(String, Vec<Stamp>)> {
    let mut stamps = vec![Stamp::of(program)];
    let mut daemon = String::new();
    let settings: &[&str] = match kind {
        Kind::Docker => {
            let (socket, depends) = probe_validity::docker_daemon(host)?;
            stamps.extend(depends);
            daemon = format!(" at {socket}");
            &[]
        }
        Kind::Host => return None,
        Kind::Podman => &[],
        Kind::Sandbox => &[
            "/proc/sys/user/max_user_namespaces",
            "/proc/sys/kernel/unprivileged_userns_clone",
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        ],
    };
    let values = settings
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap_or_default());
    let kernel: Vec<_> = values.map(|value| value.trim().to_owned()).collect();
    let key = format!(
        "{}{daemon} as {}:{}, kernel {}",
        program.display(),
        host.uid,
        host.gid,
        kernel.join(" ")
    );
    Some((key, stamps))
}

fn ask_now(
    kind: Kind,
    program: &Path,
    host: &Host,
    cancel: &Cancel,
) -> Result<Result<Engine, Unusable>> {
    let limited = cancel.clone().with_deadline(PATIENCE);
    let said = match process::output(&question(kind, program, host), &host.variables, &limited) {
        Err(error) if error.kind() == ErrorKind::Deadline && cancel.check().is_ok() => {
            return Ok(Err(Unusable {
                engine: kind.name().to_owned(),
                reason: format!("it does not answer within {} s", PATIENCE.as_secs()),
                help: format!(
                    "see whether `{} version` answers, and restart its daemon if it does not",
                    kind.program()
                ),
                installed: true,
            }));
        }
        said => said?,
    };
    if let Some(engine) = understood(kind, program, host, &said) {
        return Ok(Ok(engine));
    }
    if kind == Kind::Sandbox && host.uid == 0 {
        // In a container that is not allowed to make user namespaces, root can still make the others.
        let question = sandbox_question(program, host, false);
        let said = process::output(&question, &host.variables, &limited)?;
        if let Some(engine) = understood(kind, program, host, &said) {
            return Ok(Ok(engine.with_rootless(false)));
        }
    }
    // A `docker` command that is podman in disguise does not know the question.
    if kind == Kind::Docker {
        let version = Invocation::new(program).arg("--version");
        let name = process::output(&version, &host.variables, cancel)?;
        if kind_of(&name) == Some(Kind::Podman) {
            return ask(Kind::Podman, program, host, cancel);
        }
    }
    let diagnosis = diagnosis::of_probe(kind, &said);
    Ok(Err(Unusable {
        engine: kind.name().to_owned(),
        reason: diagnosis.reason,
        help: diagnosis.help,
        installed: true,
    }))
}

/// The one command that proves an engine: its version, said by the part that does the work.
fn question(kind: Kind, program: &Path, host: &Host) -> Invocation {
    match kind {
        Kind::Sandbox => sandbox_question(program, host, true),
        Kind::Docker => Invocation::new(program).args(["version", "--format", DOCKER_FORMAT]),
        Kind::Podman => Invocation::new(program).args(["version", "--format", PODMAN_FORMAT]),
        Kind::Host => Invocation::new(program).args(["-c", "uname -r"]),
    }
}

/// The same for the sandbox, with or without a user namespace.
pub(crate) fn sandbox_question(program: &Path, host: &Host, own_users: bool) -> Invocation {
    let floor = Floor::of(host);
    let run = Invocation::new(program)
        .confined(Confined::ClosedByBubblewrap)
        .args(sandbox::namespaces(own_users, Network::None))
        .args(["--ro-bind", "/", "/"]);
    floor
        .filtered(floor.proc(run, host.uid), false)
        .args(["--dev", "/dev", "--"])
        .args([program.to_string_lossy(), "--version".into()])
}

fn understood(kind: Kind, program: &Path, host: &Host, said: &Output) -> Option<Engine> {
    if !said.exit.success() {
        return None;
    }
    let engine = |version: &str, architecture: &str, rootless: bool| Engine {
        kind,
        program: program.to_owned(),
        version: version.to_owned(),
        rootless,
        architecture: architecture.to_owned(),
        user: (host.uid, host.gid),
        floor: Floor::of(host),
    };
    let line = said.stdout.trim();
    if kind == Kind::Sandbox {
        let version = line.strip_prefix("bubblewrap ")?;
        return Some(engine(version, native_architecture(), true));
    }
    let mut fields = line.split('|');
    let (version, platform, components) = (fields.next()?, fields.next()?, fields.next()?);
    let (os, architecture) = platform.split_once('/')?;
    if os != "linux" || version.is_empty() {
        return None;
    }
    // A rootless docker daemon lists the helper that makes it so among its parts.
    let rootless = match kind {
        Kind::Podman => host.uid != 0,
        _ => components.split(' ').any(|name| name == "rootlesskit"),
    };
    Some(engine(version, architecture, rootless))
}

/// The machine's architecture as Go and OCI spell it.
fn native_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

fn first_line(said: &Output) -> &str {
    let text = if said.stdout.trim().is_empty() {
        &said.stderr
    } else {
        &said.stdout
    };
    text.lines().next().unwrap_or("nothing was printed")
}
