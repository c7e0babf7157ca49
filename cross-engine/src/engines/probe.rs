//! Engine probes and selection. An engine is usable if it responds, not if it is merely installed.

use std::path::Path;
use std::time::Duration;

use crate::engines::diagnosis;
use crate::engines::engine::{Engine, EngineKind, EnginePreference};
use crate::engines::host_engine;
use crate::engines::isolation::Isolation;
use crate::engines::probe_cache::{FileStamp, ProbeCache};
use crate::engines::probe_validity;
use crate::engines::sandbox;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::descriptors::Confined;
use crate::process::error::UnusableEngine;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::{self, Output};
use crate::spec::run_spec::Network;

/// The fields of the answer in one line, so that only a separator has to be parsed.
const DOCKER_FORMAT: &str = "{{.Server.Version}}|{{.Server.Os}}/{{.Server.Arch}}|\
                             {{range .Server.Components}}{{.Name}} {{end}}";
const PODMAN_FORMAT: &str = "{{.Client.Version}}|{{.Client.OsArch}}|";

/// The time limit for an engine's answer. A daemon that is starting takes a few seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a root file system comes from, which decides which engines can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RootSource {
    /// A recipe's root file system. Any engine can run it.
    Recipe,
    /// A user's image or Dockerfile, which takes a container CLI.
    Image,
}

/// The result of probing an engine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Probe {
    /// The engine responded.
    Usable(Engine),
    /// The engine cannot be used, with the reason.
    Unusable(UnusableEngine),
}

impl Probe {
    /// Converts the result: to the engine if it responded, else to the reason why it cannot be used.
    ///
    /// # Errors
    ///
    /// The reason why the engine cannot be used.
    pub fn into_result(self) -> Result<Engine, UnusableEngine> {
        match self {
            Probe::Usable(engine) => Ok(engine),
            Probe::Unusable(unusable) => Err(unusable),
        }
    }
}

/// The selected engine, with the reason.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SelectedEngine {
    /// The engine.
    pub engine: Engine,
    /// Why it was selected, as a sentence fragment.
    pub reason: String,
    /// The engines that come before it in the order but cannot be used.
    pub passed_over: Vec<UnusableEngine>,
}

/// Selects the engine that `preference` requests, or the first in order that responds.
///
/// The order is sandbox, docker, podman for [`RootSource::Recipe`], and docker, podman for
/// [`RootSource::Image`]. An engine that was requested is never replaced by another.
///
/// # Errors
///
/// [`ErrorKind::EngineUnusable`] if the requested engine cannot be used, [`ErrorKind::NoEngine`] if
/// none can. Both have the reason for each engine.
pub fn select(
    preference: &EnginePreference,
    needs: RootSource,
    host: &Host,
    cancel: &Cancel,
) -> Result<SelectedEngine> {
    let named = match preference {
        EnginePreference::Auto => return automatic(needs, host, cancel),
        EnginePreference::Kind(kind) => probe(*kind, host, cancel)?,
        EnginePreference::Program(program) => probe_program(program, host, cancel)?,
    };
    match named {
        Probe::Usable(engine) if needs == RootSource::Image && !engine.has_images() => {
            Err(Error::new(
                ErrorKind::EngineUnusable,
                format!("the {} cannot run an image or a Dockerfile", engine.kind),
            )
            .with_help("choose docker or podman, or `auto`"))
        }
        Probe::Usable(engine) => Ok(SelectedEngine {
            engine,
            reason: "it was named".to_owned(),
            passed_over: Vec::new(),
        }),
        Probe::Unusable(unusable) => Err(Error::new(
            ErrorKind::EngineUnusable,
            format!("engine {unusable}"),
        )
        .with_help(unusable.help.clone())
        .with_unusable(vec![unusable])),
    }
}

fn automatic(needs: RootSource, host: &Host, cancel: &Cancel) -> Result<SelectedEngine> {
    let mut passed_over = Vec::new();
    for kind in EngineKind::ALL {
        if needs == RootSource::Image && kind == EngineKind::Sandbox {
            continue;
        }
        match probe(kind, host, cancel)? {
            Probe::Usable(engine) => {
                let reason = match &passed_over[..] {
                    [] => format!("{kind} is the first choice and answers"),
                    others => format!("{kind} is the first that answers; {}", reasons(others)),
                };
                return Ok(SelectedEngine {
                    engine,
                    reason,
                    passed_over,
                });
            }
            Probe::Unusable(unusable) => passed_over.push(unusable),
        }
    }
    let remedies: Vec<_> = passed_over
        .iter()
        .map(|engine| engine.help.as_str())
        .collect();
    Err(Error::new(
        ErrorKind::NoEngine,
        format!("no engine is usable ({})", reasons(&passed_over)),
    )
    .with_help(format!("do one of these: {}", remedies.join("; or ")))
    .with_unusable(passed_over))
}

/// The engines with the reasons why they cannot be used.
fn reasons(unusable: &[UnusableEngine]) -> String {
    let each: Vec<_> = unusable.iter().map(ToString::to_string).collect();
    each.join("; ")
}

/// Probes the engine of this kind.
///
/// # Errors
///
/// If the probe is cancelled or cannot be run. An engine that cannot be used is not an error.
pub fn probe(kind: EngineKind, host: &Host, cancel: &Cancel) -> Result<Probe> {
    if kind == EngineKind::Host {
        return Ok(Probe::Usable(host_engine::engine(
            host,
            native_architecture(),
        )));
    }
    match host.find_program(kind.program()) {
        Some(program) => probe_cached(kind, &program, host, cancel),
        None => Ok(Probe::Unusable(UnusableEngine {
            engine: kind.name().to_owned(),
            reason: format!("`{}` is not installed", kind.program()),
            help: format!("install {}", kind.packages().join(" and ")),
            installed: false,
        })),
    }
}

/// Probes a program, whose `--version` tells the kind of engine.
fn probe_program(program: &Path, host: &Host, cancel: &Cancel) -> Result<Probe> {
    let Some(found) = host.find_program(program) else {
        return Ok(Probe::Unusable(UnusableEngine {
            engine: program.display().to_string(),
            reason: "there is no such program".to_owned(),
            help: "use `sandbox`, `docker`, `podman`, or the path of one of their programs; or `host`, \
                   which has no isolation"
                .to_owned(),
            installed: false,
        }));
    };
    let version = Invocation::new(&found).arg("--version");
    let output = process::output(&version, &host.variables, cancel)?;
    match kind_of(&output) {
        Some(kind) => probe_cached(kind, &found, host, cancel),
        None => Ok(Probe::Unusable(UnusableEngine {
            engine: program.display().to_string(),
            reason: format!(
                "`--version` does not name an engine: {}",
                first_line(&output)
            ),
            help: "use a bubblewrap, docker or podman program".to_owned(),
            installed: true,
        })),
    }
}

/// The kind of engine that a `--version` line names.
fn kind_of(version: &Output) -> Option<EngineKind> {
    let line = version.stdout.to_lowercase();
    [
        ("podman", EngineKind::Podman),
        ("docker", EngineKind::Docker),
        ("bubblewrap", EngineKind::Sandbox),
    ]
    .into_iter()
    .find_map(|(word, kind)| line.contains(word).then_some(kind))
}

fn probe_cached(kind: EngineKind, program: &Path, host: &Host, cancel: &Cancel) -> Result<Probe> {
    let cache = ProbeCache::in_cache(&host.cache);
    let validity = validity(kind, program, host);
    if let Some((key, _)) = &validity {
        if let Some(engine) = cache.get::<Engine>(kind.name(), key) {
            let isolation = Isolation::of(host);
            return Ok(Probe::Usable(Engine {
                isolation,
                ..engine
            }));
        }
    }
    let asked_at = clock::unix_time();
    let answer = query(kind, program, host, cancel)?;
    if let (Probe::Usable(engine), Some((key, stamps))) = (&answer, validity) {
        cache.insert(kind.name(), &key, stamps, asked_at, engine);
    }
    Ok(answer)
}

/// What an engine's answer depends on: its program, the user, docker's daemon, and for the sandbox
/// the kernel's settings.
pub(crate) fn validity(
    kind: EngineKind,
    program: &Path,
    host: &Host,
) -> Option<(String, Vec<FileStamp>)> {
    let mut stamps = vec![FileStamp::of(program)];
    let mut daemon = String::new();
    let settings: &[&str] = match kind {
        EngineKind::Docker => {
            let (socket, files) = probe_validity::of_docker_daemon(host)?;
            stamps.extend(files);
            daemon = format!(" at {socket}");
            &[]
        }
        EngineKind::Host => return None,
        EngineKind::Podman => &[],
        EngineKind::Sandbox => &[
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

fn query(kind: EngineKind, program: &Path, host: &Host, cancel: &Cancel) -> Result<Probe> {
    let with_timeout = cancel.clone().with_deadline(TIMEOUT);
    let command = probe_command(kind, program, host);
    let output = match process::output(&command, &host.variables, &with_timeout) {
        Err(error) if error.kind() == ErrorKind::Deadline && cancel.check().is_ok() => {
            return Ok(Probe::Unusable(UnusableEngine {
                engine: kind.name().to_owned(),
                reason: format!("it does not answer within {} s", TIMEOUT.as_secs()),
                help: format!(
                    "check that `{} version` responds, and restart its daemon if it does not",
                    kind.program()
                ),
                installed: true,
            }));
        }
        result => result?,
    };
    if let Some(engine) = parse_answer(kind, program, host, &output) {
        return Ok(Probe::Usable(engine));
    }
    if kind == EngineKind::Sandbox && host.uid == 0 {
        // In a container that may not create user namespaces, root can still create the others.
        let command = sandbox_probe(program, host, false);
        let output = process::output(&command, &host.variables, &with_timeout)?;
        if let Some(engine) = parse_answer(kind, program, host, &output) {
            return Ok(Probe::Usable(engine.with_rootless(false)));
        }
    }
    // A `docker` command that is podman does not support docker's query.
    if kind == EngineKind::Docker {
        let version = Invocation::new(program).arg("--version");
        let output = process::output(&version, &host.variables, cancel)?;
        if kind_of(&output) == Some(EngineKind::Podman) {
            return probe_cached(EngineKind::Podman, program, host, cancel);
        }
    }
    let diagnosis = diagnosis::of_probe(kind, &output);
    Ok(Probe::Unusable(UnusableEngine {
        engine: kind.name().to_owned(),
        reason: diagnosis.reason,
        help: diagnosis.help,
        installed: true,
    }))
}

/// The command that probes an engine. It asks the part that runs containers for its version.
fn probe_command(kind: EngineKind, program: &Path, host: &Host) -> Invocation {
    match kind {
        EngineKind::Sandbox => sandbox_probe(program, host, true),
        EngineKind::Docker => Invocation::new(program).args(["version", "--format", DOCKER_FORMAT]),
        EngineKind::Podman => Invocation::new(program).args(["version", "--format", PODMAN_FORMAT]),
        EngineKind::Host => Invocation::new(program).args(["-c", "uname -r"]),
    }
}

/// The command that probes the sandbox, with or without a user namespace.
pub(crate) fn sandbox_probe(program: &Path, host: &Host, own_users: bool) -> Invocation {
    let isolation = Isolation::of(host);
    let run = Invocation::new(program)
        .confined(Confined::ClosedByBubblewrap(0))
        .args(sandbox::namespaces(own_users, Network::None))
        .args(["--ro-bind", "/", "/"]);
    isolation
        .filtered(isolation.proc(run), false)
        .args(["--dev", "/dev", "--"])
        .args([program.to_string_lossy(), "--version".into()])
}

fn parse_answer(kind: EngineKind, program: &Path, host: &Host, output: &Output) -> Option<Engine> {
    if !output.exit.success() {
        return None;
    }
    let engine = |version: &str, architecture: &str, rootless: bool| Engine {
        kind,
        program: program.to_owned(),
        version: version.to_owned(),
        rootless,
        architecture: architecture.to_owned(),
        user: (host.uid, host.gid),
        isolation: Isolation::of(host),
    };
    let line = output.stdout.trim();
    if kind == EngineKind::Sandbox {
        let version = line.strip_prefix("bubblewrap ")?;
        return Some(engine(version, native_architecture(), true));
    }
    let mut fields = line.split('|');
    let (version, platform, components) = (fields.next()?, fields.next()?, fields.next()?);
    let (os, architecture) = platform.split_once('/')?;
    if os != "linux" || version.is_empty() {
        return None;
    }
    // A rootless docker daemon lists its helper among its components.
    let rootless = match kind {
        EngineKind::Podman => host.uid != 0,
        _ => components.split(' ').any(|name| name == "rootlesskit"),
    };
    Some(engine(version, architecture, rootless))
}

/// The machine's architecture, as Go and OCI spell it.
fn native_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

fn first_line(output: &Output) -> &str {
    let text = if output.stdout.trim().is_empty() {
        &output.stderr
    } else {
        &output.stdout
    };
    text.lines().next().unwrap_or("nothing was printed")
}
