//! Engine probes and selection. An engine is usable if it responds, not if it is merely installed.

use std::path::Path;
use std::time::Duration;

use crate::engines::diagnosis;
use crate::engines::engine::{Engine, EngineKind, EnginePreference};
use crate::engines::find_reach::cli_of;
use crate::engines::host_engine;
use crate::engines::isolation::Isolation;
use crate::engines::podman_service;
use crate::engines::probe_cache::{FileStamp, ProbeCache};
use crate::engines::probe_validity;
use crate::engines::sandbox;
use crate::os::{HAS_CONTAINERS, kernel_text};
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::descriptors::Confined;
use crate::process::error::UnusableEngine;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::{self, Output};
use crate::reach::daemon::Daemon;
use crate::reach::probe::{Cli, Client};
use crate::spec::run_spec::Network;

/// The fields of the answer in one line, so that only a separator has to be parsed. The kernel tells
/// a virtual machine, and the name of the platform is Docker Desktop's.
const DOCKER_FORMAT: &str = "{{.Server.Version}}|{{.Server.Os}}/{{.Server.Arch}}|\
                             {{range .Server.Components}}{{.Name}} {{end}}|\
                             {{.Server.KernelVersion}}|{{.Server.Platform.Name}}";
/// Nerdctl's server has neither a version nor a platform of its own.
const NERDCTL_FORMAT: &str = "{{.Client.Version}}|{{.Client.Os}}/{{.Client.Arch}}|";

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

/// What an engine has to be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct EngineNeeds {
    /// What the root file system comes from.
    pub root: RootSource,
    /// Whether memory is limited ([`RunSpec::memory`](crate::RunSpec::memory)). An engine that
    /// ignores the limit is passed over.
    pub memory_limit: bool,
    /// Whether there are options for a container ([`RunSpec::options`](crate::RunSpec::options)).
    /// An engine that takes none is the last choice.
    pub container_options: bool,
}

impl EngineNeeds {
    /// Sets whether memory is limited.
    #[must_use]
    pub fn memory_limit(mut self, yes: bool) -> Self {
        self.memory_limit = yes;
        self
    }

    /// Sets whether there are options for a container.
    #[must_use]
    pub fn container_options(mut self, yes: bool) -> Self {
        self.container_options = yes;
        self
    }
}

impl From<RootSource> for EngineNeeds {
    fn from(root: RootSource) -> Self {
        EngineNeeds {
            root,
            memory_limit: false,
            container_options: false,
        }
    }
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
    /// Converts the result: to the engine if it responded, else to the reason why it cannot be
    /// used.
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
/// [`RootSource::Image`]. An engine that cannot do what is needed is passed over; the sandbox,
/// which takes no options of a container, is then tried last. An engine that was requested is never
/// replaced by another, and only its root is checked.
///
/// # Errors
///
/// [`ErrorKind::EngineUnusable`] if the requested engine cannot be used, [`ErrorKind::NoEngine`] if
/// none can. Both have the reason for each engine.
pub fn select(
    preference: &EnginePreference,
    needs: impl Into<EngineNeeds>,
    host: &Host,
    cancel: &Cancel,
) -> Result<SelectedEngine> {
    let needs = needs.into();
    let named = match preference {
        EnginePreference::Auto => return automatic(needs, host, cancel),
        EnginePreference::Kind(kind) => probe(*kind, host, cancel)?,
        EnginePreference::Program(program) => probe_program(program, host, cancel)?,
    };
    match named {
        Probe::Usable(engine) if needs.root == RootSource::Image && !engine.has_images() => {
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

fn automatic(needs: EngineNeeds, host: &Host, cancel: &Cancel) -> Result<SelectedEngine> {
    let mut kinds = EngineKind::ALL.to_vec();
    if needs.root == RootSource::Image {
        kinds.retain(|kind| *kind != EngineKind::Sandbox);
    } else if needs.container_options {
        kinds.sort_by_key(|kind| *kind == EngineKind::Sandbox);
    }
    let mut passed_over = Vec::new();
    for kind in kinds {
        match able(probe(kind, host, cancel)?, needs, host, cancel)? {
            Probe::Usable(engine) => {
                let reason = match &passed_over[..] {
                    [] if needs.container_options && needs.root == RootSource::Recipe => {
                        format!("{kind} is the first that takes options of a container")
                    }
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

/// An engine that answered, unless it would ignore the limit of memory, or is only used if it is
/// named.
fn able(answer: Probe, needs: EngineNeeds, host: &Host, cancel: &Cancel) -> Result<Probe> {
    match answer {
        Probe::Usable(engine) if engine.kind == EngineKind::Nerdctl => {
            Ok(Probe::Unusable(UnusableEngine {
                engine: EngineKind::Docker.name().to_owned(),
                reason: "its command is nerdctl's, which is used only if it is named".to_owned(),
                help: "name the engine `docker` or `nerdctl`".to_owned(),
                installed: true,
            }))
        }
        Probe::Usable(engine)
            if needs.memory_limit && !engine.can_limit_memory(host, cancel)? =>
        {
            Ok(Probe::Unusable(UnusableEngine {
                engine: engine.kind.name().to_owned(),
                reason: "it cannot limit memory".to_owned(),
                help: engine.without_memory_limit().to_owned(),
                installed: true,
            }))
        }
        answer => Ok(answer),
    }
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
    if kind == EngineKind::Host && HAS_CONTAINERS {
        return Ok(Probe::Usable(host_engine::engine(
            host,
            native_architecture(),
        )));
    }
    let needs = match kind {
        EngineKind::Sandbox => Some("it needs the kernel of Linux"),
        EngineKind::Host => Some("it knows the tools of Linux only"),
        _ => None,
    };
    if let Some(reason) = needs.filter(|_| !HAS_CONTAINERS) {
        return Ok(Probe::Unusable(UnusableEngine {
            engine: kind.name().to_owned(),
            reason: reason.to_owned(),
            help: "use docker or podman, which run Linux in a virtual machine here".to_owned(),
            installed: false,
        }));
    }
    match host.find_program(kind.program()) {
        Some(program) => probe_cached(kind, &program, host, cancel),
        None => Ok(Probe::Unusable(UnusableEngine {
            engine: kind.name().to_owned(),
            reason: match has_path(host) {
                true => format!("`{}` is not installed", kind.program()),
                false => format!("`{}` is not found: PATH is not set", kind.program()),
            },
            help: match has_path(host) {
                true => format!("install {}", products(kind, HAS_CONTAINERS)),
                false => "set PATH to the directories of programs, such as `/usr/local/bin:/usr/bin:/bin`"
                    .to_owned(),
            },
            installed: false,
        })),
    }
}

/// Whether there are directories in which programs are searched.
fn has_path(host: &Host) -> bool {
    host.variable("PATH").is_some_and(|path| !path.is_empty())
}

/// What provides an engine: packages of Debian, or what brings a virtual machine along.
fn products(kind: EngineKind, has_containers: bool) -> String {
    match kind {
        EngineKind::Docker if !has_containers => "Docker Desktop or Colima".to_owned(),
        EngineKind::Podman if !has_containers => {
            "podman, and start its machine: `podman machine init --now`".to_owned()
        }
        _ => kind.packages().join(" and "),
    }
}

/// Probes a program. Its `--version` tells the kind of engine; if it does not, its answer to the
/// query of an engine does.
fn probe_program(program: &Path, host: &Host, cancel: &Cancel) -> Result<Probe> {
    let Some(found) = host.find_program(program) else {
        return Ok(Probe::Unusable(UnusableEngine {
            engine: program.display().to_string(),
            reason: "there is no such program".to_owned(),
            help: "use `sandbox`, `docker`, `podman`, `nerdctl`, or the path of one of their programs; or `host`, \
                   which has no isolation"
                .to_owned(),
            installed: false,
        }));
    };
    let version = Invocation::new(&found).arg("--version");
    let output = process::output(&version, &host.variables, cancel)?;
    if let Some(kind) = kind_of(&output) {
        return probe_cached(kind, &found, host, cancel);
    }
    for kind in [EngineKind::Docker, EngineKind::Nerdctl] {
        let usable = probe_cached(kind, &found, host, cancel)?;
        if matches!(usable, Probe::Usable(_)) {
            return Ok(usable);
        }
    }
    Ok(Probe::Unusable(UnusableEngine {
        engine: program.display().to_string(),
        reason: format!(
            "`--version` does not name an engine, and `version` does not answer like one: {}",
            first_line(&output)
        ),
        help: "use a bubblewrap, docker, podman or nerdctl program, or one that is compatible with docker"
            .to_owned(),
        installed: true,
    }))
}

/// The kind of engine that a `--version` line names.
fn kind_of(version: &Output) -> Option<EngineKind> {
    let line = version.stdout.to_lowercase();
    [
        ("podman", EngineKind::Podman),
        ("nerdctl", EngineKind::Nerdctl),
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
    // What a service depends on is not known here.
    let is_client = matches!(&answer, Probe::Usable(engine) if engine.service.is_some());
    if let (Probe::Usable(engine), Some((key, stamps)), false) = (&answer, validity, is_client) {
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
        EngineKind::Host | EngineKind::Nerdctl => return None,
        EngineKind::Podman => {
            match podman(program, host).daemon() {
                // Its machine may have been stopped.
                Daemon::None if !HAS_CONTAINERS => return None,
                Daemon::None => {}
                Daemon::Socket(path) => {
                    daemon = format!(" at {}", path.display());
                    stamps.push(FileStamp::of(&path));
                }
                Daemon::Elsewhere(_) => return None,
            }
            &[]
        }
        EngineKind::Sandbox => &[
            "sys/user/max_user_namespaces",
            "sys/kernel/unprivileged_userns_clone",
            "sys/kernel/apparmor_restrict_unprivileged_userns",
        ],
    };
    let values = settings.iter().map(|name| kernel_text(name));
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

/// What a user does about a program that does not answer in time.
fn how_to_check(kind: EngineKind) -> String {
    let program = kind.program();
    match kind {
        EngineKind::Sandbox => {
            format!("check that `{program} --version` responds: the machine may be busy")
        }
        _ => format!(
            "check that `{program} version` responds, and restart its daemon if it does not"
        ),
    }
}

fn query(kind: EngineKind, program: &Path, host: &Host, cancel: &Cancel) -> Result<Probe> {
    let with_timeout = cancel.clone().with_deadline(TIMEOUT);
    let client = cli_of(kind).map(|cli| Client {
        cli,
        program,
        host,
        service: None,
    });
    let command = probe_command(kind, program, host);
    let output = match process::output(&command, &host.variables, &with_timeout) {
        Err(error) if error.kind() == ErrorKind::Deadline && cancel.check().is_ok() => {
            return Ok(Probe::Unusable(UnusableEngine {
                engine: kind.name().to_owned(),
                reason: format!("it does not answer within {} s", TIMEOUT.as_secs()),
                help: client
                    .and_then(|client| client.unreachable())
                    .unwrap_or_else(|| how_to_check(kind)),
                installed: true,
            }));
        }
        result => result?,
    };
    if kind == EngineKind::Podman && podman_service::answers(&output) {
        let info = podman_service::info_with_socket(program);
        let output = process::output(&info, &host.variables, &with_timeout)?;
        if let Some(engine) = parse_answer(kind, program, host, &output) {
            let service = podman_service::address(&output, engine.own_kernel);
            let service = Some(service.into_boxed_str());
            return Ok(Probe::Usable(Engine { service, ..engine }));
        }
    } else if let Some(engine) = parse_answer(kind, program, host, &output) {
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
    // A `docker` command that is podman or nerdctl does not support docker's query.
    if kind == EngineKind::Docker {
        let version = Invocation::new(program).arg("--version");
        let output = process::output(&version, &host.variables, cancel)?;
        let others = [EngineKind::Podman, EngineKind::Nerdctl];
        if let Some(other) = kind_of(&output).filter(|kind| others.contains(kind)) {
            return probe_cached(other, program, host, cancel);
        }
    }
    let diagnosis = diagnosis::of_probe(kind, &output);
    let in_container = client.and_then(|client| client.missing_socket());
    let unreachable = client.filter(|_| diagnosis.reason.contains(diagnosis::SILENT));
    let unreachable = unreachable.and_then(|client| client.unreachable());
    Ok(Probe::Unusable(UnusableEngine {
        engine: kind.name().to_owned(),
        reason: diagnosis.reason,
        help: in_container.or(unreachable).unwrap_or(diagnosis.help),
        installed: true,
    }))
}

fn podman<'a>(program: &'a Path, host: &'a Host) -> Client<'a> {
    Client {
        cli: Cli::Podman,
        program,
        host,
        service: None,
    }
}

/// The command that probes an engine. It asks the part that runs containers for its version.
fn probe_command(kind: EngineKind, program: &Path, host: &Host) -> Invocation {
    match kind {
        EngineKind::Sandbox => sandbox_probe(program, host, true),
        EngineKind::Docker => Invocation::new(program).args(["version", "--format", DOCKER_FORMAT]),
        EngineKind::Podman if podman(program, host).has_daemon() => podman_service::info(program),
        EngineKind::Podman => podman_service::version(program),
        EngineKind::Nerdctl => {
            Invocation::new(program).args(["version", "--format", NERDCTL_FORMAT])
        }
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
        own_kernel: !HAS_CONTAINERS,
        architecture: architecture.to_owned(),
        user: (host.uid, host.gid),
        reach: Default::default(),
        service: None,
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
    let (kernel, product) = (fields.next(), fields.next());
    let is_desktop = product.is_some_and(|name| name.starts_with("Docker Desktop"));
    let rootless = match kind {
        EngineKind::Podman if !components.is_empty() => components == "true",
        EngineKind::Podman | EngineKind::Nerdctl => host.uid != 0,
        // Docker Desktop makes the caller root in a container if the caller's system has users that
        // it could mix up. A rootless daemon lists its helper among its components.
        _ => {
            is_desktop && HAS_CONTAINERS || components.split(' ').any(|name| name == "rootlesskit")
        }
    };
    let answer = engine(version, architecture, rootless);
    Some(Engine {
        own_kernel: answer.own_kernel || kernel.is_some_and(is_another_kernel),
        ..answer
    })
}

/// Whether `release` is that of another kernel than this machine's. A kernel that is not named may
/// be any.
fn is_another_kernel(release: &str) -> bool {
    let ours = kernel_text("sys/kernel/osrelease");
    !release.is_empty() && !ours.is_empty() && release != ours.trim()
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
