//! The validity of a container CLI's answers, as far as files tell: its daemon's socket, its
//! configuration, and the list of its images, which changes with every image.
//!
//! Where files do not tell (a daemon on another machine, a store that this user cannot read),
//! nothing is cached, and the engine is queried every time.

use std::path::PathBuf;

use crate::engines::engine::{Engine, EngineKind};
use crate::engines::probe_cache::FileStamp;
use crate::os;
use crate::process::host::Host;
use crate::reach::daemon::DOCKER_SOCKET;

/// What the answers of docker's daemon depend on, if it is on this machine and listens. A daemon
/// that was restarted has a new socket, and one that was updated is another program.
pub(crate) fn of_docker_daemon(host: &Host) -> Option<(String, Vec<FileStamp>)> {
    let value = |name| host.variable(name).filter(|value| !value.is_empty());
    let socket = match value("DOCKER_HOST") {
        None => PathBuf::from(DOCKER_SOCKET),
        Some(address) => PathBuf::from(address.to_str()?.strip_prefix("unix://")?),
    };
    let config = match value("DOCKER_CONFIG") {
        Some(dir) => PathBuf::from(dir),
        None => host.home()?.join(".docker"),
    };
    let config = config.join("config.json");
    let names_a_context = |text: String| text.contains("currentContext");
    if value("DOCKER_CONTEXT").is_some()
        || std::fs::read_to_string(&config).is_ok_and(names_a_context)
    {
        return None;
    }
    // The socket of a daemon that was killed still exists.
    os::connect(&socket).ok()?;
    let daemon = host.find_program("dockerd")?;
    let stamps = [&socket, &config, &daemon].map(FileStamp::of);
    Some((socket.display().to_string(), stamps.into()))
}

/// What the answers of `engine` about images depend on, beside its program and the list of its
/// images; `None` if files do not tell. Shared by reader and writer, so that both key the same
/// entry.
pub(crate) fn of_images(engine: &Engine, host: &Host) -> Option<(String, Vec<FileStamp>)> {
    if !engine.reach.is_shared() || engine.own_kernel {
        return None;
    }
    match engine.kind {
        EngineKind::Docker => of_docker_daemon(host),
        EngineKind::Nerdctl => None,
        _ => Some((String::new(), podman_configuration(host)?)),
    }
}

/// The files that configure podman's image store, unless it is on another machine.
fn podman_configuration(host: &Host) -> Option<Vec<FileStamp>> {
    let remote = ["CONTAINER_HOST", "CONTAINER_CONNECTION"];
    if remote.iter().any(|name| host.variable(name).is_some()) {
        return None;
    }
    let config = host.user_settings();
    let dirs = [
        Some("/usr/share/containers".into()),
        Some("/etc/containers".into()),
        config.map(|dir| dir.join("containers")),
    ];
    let dirs = dirs.into_iter().flatten();
    let files = dirs.flat_map(|dir| ["containers.conf", "storage.conf"].map(|file| dir.join(file)));
    let named = ["CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"];
    let named = named
        .iter()
        .filter_map(|name| host.variable(name).map(PathBuf::from));
    let files: Vec<PathBuf> = files.chain(named).collect();
    let is_remote = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines().map(str::trim_start);
        lines.any(|line| line.starts_with("remote") || line.starts_with("active_service"))
    };
    (!files.iter().any(is_remote)).then(|| files.iter().map(FileStamp::of).collect())
}
