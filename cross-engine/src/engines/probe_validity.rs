//! Whether what a container CLI said still holds, as far as files tell: the socket of its daemon, its
//! configuration, and the list of its images, which changes with every image.
//!
//! Where files do not tell (another machine's daemon, a store that this user may not read), nothing is
//! remembered and the engine is asked.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::engines::engine::{Engine, Kind};
use crate::engines::probe_cache::Stamp;
use crate::process::host::Host;

/// Where docker's daemon listens unless it is told otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// What the answers of docker's daemon depend on, where it is this machine's own and listens: a daemon that is
/// started again has a new socket, one that is updated is another program.
pub(crate) fn docker_daemon(host: &Host) -> Option<(String, Vec<Stamp>)> {
    let said = |name| host.variable(name).filter(|value| !value.is_empty());
    let socket = match said("DOCKER_HOST") {
        None => PathBuf::from(DOCKER_SOCKET),
        Some(address) => PathBuf::from(address.to_str()?.strip_prefix("unix://")?),
    };
    let config = match said("DOCKER_CONFIG") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(said("HOME")?).join(".docker"),
    };
    let config = config.join("config.json");
    let names_a_context = |text: String| text.contains("currentContext");
    if said("DOCKER_CONTEXT").is_some()
        || std::fs::read_to_string(&config).is_ok_and(names_a_context)
    {
        return None;
    }
    // A socket whose daemon was killed stays where it is.
    UnixStream::connect(&socket).ok()?;
    let daemon = host.find_program("dockerd")?;
    let stamps = [&socket, &config, &daemon].map(Stamp::of);
    Some((socket.display().to_string(), stamps.into()))
}

/// What the answers of `engine` about images depend on, beside its program and the list of its images; nothing
/// where files do not tell. Who remembers and who recalls ask here, so that both speak of the same store.
pub(crate) fn dependence(engine: &Engine, host: &Host) -> Option<(String, Vec<Stamp>)> {
    match engine.kind {
        Kind::Docker => docker_daemon(host),
        _ => Some((String::new(), podman_configuration(host)?)),
    }
}

/// The files that tell podman where its images are, unless it works for another machine.
fn podman_configuration(host: &Host) -> Option<Vec<Stamp>> {
    let remote = ["CONTAINER_HOST", "CONTAINER_CONNECTION"];
    if remote.iter().any(|name| host.variable(name).is_some()) {
        return None;
    }
    let config = host.variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(PathBuf::from(host.variable("HOME")?).join(".config")));
    let dirs = [
        Some("/usr/share/containers".into()),
        Some("/etc/containers".into()),
        config.map(|dir| dir.join("containers")),
    ];
    let dirs = dirs.into_iter().flatten();
    let files = dirs.flat_map(|dir| ["containers.conf", "storage.conf"].map(|it| dir.join(it)));
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
    (!files.iter().any(is_remote)).then(|| files.iter().map(Stamp::of).collect())
}
