//! Where the daemon of a container CLI listens, as its client decides it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::os::HAS_CONTAINERS;
use crate::process::host::Host;

/// The default socket of docker's daemon.
pub(crate) const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// Where Windows has the named pipes of this machine.
const PIPES_HERE: &str = "//./pipe/";

/// The default socket of containerd.
const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";

/// Where a container CLI's commands are executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    /// In the client itself, as podman's usually are.
    None,
    /// By a daemon that listens at a socket of this machine.
    Socket(PathBuf),
    /// By a daemon elsewhere, at this address.
    Elsewhere(String),
}

impl Daemon {
    /// The daemon at an address such as `unix:///run/podman/podman.sock` or `ssh://me@far`.
    pub(super) fn at(address: &str) -> Self {
        let pipe = address.strip_prefix("npipe://");
        // A named pipe of Windows has the name of its machine in its path.
        let pipe = pipe.filter(|path| path.starts_with(PIPES_HERE));
        match address.strip_prefix("unix://").or(pipe) {
            Some(path) => Daemon::Socket(path.into()),
            None => Daemon::Elsewhere(without_password(address)),
        }
    }
}

/// The daemon of docker's client: `DOCKER_HOST`, else the context.
pub(super) fn of_docker(host: &Host) -> Daemon {
    if let Some(address) = value(host, "DOCKER_HOST") {
        return Daemon::at(&address);
    }
    let config = match value(host, "DOCKER_CONFIG") {
        Some(dir) => Some(PathBuf::from(dir)),
        None => host.home().map(|home| home.join(".docker")),
    };
    let current =
        || current_context(&fs::read_to_string(config.as_ref()?.join("config.json")).ok()?);
    match value(host, "DOCKER_CONTEXT").or_else(current) {
        Some(name) if name != "default" => {
            let address = config.and_then(|dir| context_address(&dir, &name));
            address.map_or_else(
                || Daemon::Elsewhere(format!("the context `{name}`")),
                |address| Daemon::at(&address),
            )
        }
        _ => Daemon::Socket(DOCKER_SOCKET.into()),
    }
}

/// The daemon of nerdctl: containerd.
pub(super) fn of_nerdctl(host: &Host) -> Daemon {
    let address = value(host, "CONTAINERD_ADDRESS");
    let path = address.unwrap_or_else(|| CONTAINERD_SOCKET.to_owned());
    Daemon::Socket(path.trim_start_matches("unix://").into())
}

/// The daemon of podman's client: `CONTAINER_HOST` or `CONTAINER_CONNECTION`. Without them, a client
/// that has a daemon `always` has that of its default connection, and another one has none.
pub(super) fn of_podman(host: &Host, always: bool) -> Daemon {
    if let Some(address) = value(host, "CONTAINER_HOST") {
        return Daemon::at(&address);
    }
    let name = value(host, "CONTAINER_CONNECTION");
    let is_asked = always || name.is_some();
    let found = is_asked
        .then(|| connection(host, name.as_deref()))
        .flatten();
    match (found, name) {
        // A virtual machine of this one shares its directories, as the usual connection has it.
        (Some(found), _) if found.is_machine && !HAS_CONTAINERS => Daemon::None,
        (Some(found), _) => Daemon::at(&found.uri),
        (None, Some(name)) => Daemon::Elsewhere(format!("the connection `{name}`")),
        (None, None) if always && HAS_CONTAINERS => Daemon::Socket(podman_socket(host)),
        (None, None) => Daemon::None,
    }
}

/// A connection of podman's client.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Connection {
    #[serde(rename = "URI")]
    uri: String,
    #[serde(default)]
    is_machine: bool,
}

/// The connection `name` of podman's client, or its default one (`podman system connection list`).
fn connection(host: &Host, name: Option<&str>) -> Option<Connection> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Config {
        connection: Connections,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Connections {
        #[serde(default)]
        default: String,
        #[serde(default)]
        connections: BTreeMap<String, Connection>,
    }
    let config = || match value(host, "XDG_CONFIG_HOME") {
        Some(dir) => Some(PathBuf::from(dir)),
        None => host.home().map(|home| home.join(".config")),
    };
    let file = match value(host, "PODMAN_CONNECTIONS_CONF") {
        Some(file) => PathBuf::from(file),
        None => config()?.join("containers/podman-connections.json"),
    };
    let config: Config = serde_json::from_str(&fs::read_to_string(file).ok()?).ok()?;
    let Connections {
        default,
        mut connections,
    } = config.connection;
    connections.remove(name.unwrap_or(&default))
}

/// The default socket of podman's service.
fn podman_socket(host: &Host) -> PathBuf {
    match value(host, "XDG_RUNTIME_DIR").filter(|_| host.uid != 0) {
        Some(dir) => Path::new(&dir).join("podman/podman.sock"),
        None => "/run/podman/podman.sock".into(),
    }
}

fn value(host: &Host, name: &str) -> Option<String> {
    let value = host.variable(name)?.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

fn current_context(config: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        current_context: Option<String>,
    }
    let config: Config = serde_json::from_str(config).ok()?;
    config.current_context.filter(|name| !name.is_empty())
}

/// The address of docker's context `name`. Its directory is named by a hash, so all are read.
fn context_address(config: &Path, name: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Context {
        name: String,
        endpoints: Endpoints,
    }
    #[derive(Deserialize)]
    struct Endpoints {
        docker: Endpoint,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Endpoint {
        host: String,
    }
    let contexts = fs::read_dir(config.join("contexts/meta")).ok()?;
    contexts.flatten().find_map(|dir| {
        let text = fs::read_to_string(dir.path().join("meta.json")).ok()?;
        let context: Context = serde_json::from_str(&text).ok()?;
        (context.name == name).then_some(context.endpoints.docker.host)
    })
}

fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    match rest.split_once('@') {
        Some((user, place)) => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{place}")
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::process::invocation::Variables;

    fn host(variables: &[(&str, &str)]) -> Host {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        Host::new(variables.collect::<Variables>(), "/nonexistent")
    }

    #[test]
    fn docker_is_where_its_variable_or_its_context_says() {
        let dir = tempfile::tempdir().unwrap();
        let meta = dir.path().join("contexts/meta/0a");
        fs::create_dir_all(&meta).unwrap();
        let far = r#"{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@far","SkipTLSVerify":false}}}"#;
        fs::write(meta.join("meta.json"), far).unwrap();
        let config = dir.path().to_str().unwrap();
        let at = |variables: &[(&str, &str)]| {
            let config = [("DOCKER_CONFIG", config)];
            of_docker(&host(&[variables, &config].concat()))
        };
        let elsewhere = |address: &str| Daemon::Elsewhere(address.to_owned());
        assert_eq!(at(&[]), Daemon::Socket(DOCKER_SOCKET.into()));
        assert_eq!(
            at(&[("DOCKER_HOST", "tcp://me:secret@far:2375")]),
            elsewhere("tcp://me@far:2375")
        );
        let pipe = "//./pipe/dockerDesktopLinuxEngine";
        assert_eq!(
            at(&[("DOCKER_HOST", &format!("npipe://{pipe}"))]),
            Daemon::Socket(pipe.into()),
            "as Docker Desktop's context has it"
        );
        let far = "npipe:////far/pipe/docker_engine";
        assert_eq!(at(&[("DOCKER_HOST", far)]), elsewhere(far));
        let socket = [("DOCKER_HOST", "unix:///s"), ("DOCKER_CONTEXT", "far")];
        assert_eq!(at(&socket), Daemon::Socket("/s".into()), "it wins");
        assert_eq!(at(&[("DOCKER_CONTEXT", "far")]), elsewhere("ssh://me@far"));
        assert_eq!(
            at(&[("DOCKER_CONTEXT", "lost")]),
            elsewhere("the context `lost`")
        );
        fs::write(
            dir.path().join("config.json"),
            r#"{"currentContext":"far"}"#,
        )
        .unwrap();
        assert_eq!(at(&[]), elsewhere("ssh://me@far"));
        let default = [("DOCKER_CONTEXT", "default")];
        assert_eq!(at(&default), Daemon::Socket(DOCKER_SOCKET.into()));
    }

    #[test]
    fn podman_has_a_daemon_only_if_it_is_told() {
        let at = |variables: &[(&str, &str)]| of_podman(&host(variables), false);
        assert_eq!(at(&[]), Daemon::None);
        assert_eq!(
            at(&[("CONTAINER_HOST", "unix:///p.sock")]),
            Daemon::Socket("/p.sock".into())
        );
        let ssh = "ssh://me@far/run/podman/podman.sock";
        assert_eq!(
            at(&[("CONTAINER_HOST", ssh)]),
            Daemon::Elsewhere(ssh.into())
        );
        assert_ne!(at(&[("CONTAINER_CONNECTION", "far")]), Daemon::None);
        let remote = of_podman(&host(&[]), true);
        assert_eq!(remote, Daemon::Socket("/run/podman/podman.sock".into()));
    }
    /// The file as podman 5 writes it.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_remote_podman_is_where_its_connection_says() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("containers/podman-connections.json");
        fs::create_dir(dir.path().join("containers")).unwrap();
        let text = r#"{"Connection":{"Default":"far","Connections":{
            "far":{"URI":"ssh://me@far:22/run/user/1000/podman/podman.sock","Identity":"/k"},
            "here":{"URI":"unix:///run/other.sock"},
            "machine":{"URI":"ssh://core@127.0.0.1:40000/run/podman.sock","IsMachine":true}}},"Farm":{}}"#;
        fs::write(&file, text).unwrap();
        let config = [("XDG_CONFIG_HOME", dir.path().to_str().unwrap())];
        let at = |variables: &[(&str, &str)], always| {
            of_podman(&host(&[&config[..], variables].concat()), always)
        };
        let far = Daemon::Elsewhere("ssh://me@far:22/run/user/1000/podman/podman.sock".into());
        assert_eq!(at(&[], true), far);
        assert_eq!(at(&[], false), Daemon::None, "it is no client of a service");
        let named = |name| at(&[("CONTAINER_CONNECTION", name)], false);
        assert_eq!(named("far"), far);
        assert_eq!(named("here"), Daemon::Socket("/run/other.sock".into()));
        assert!(matches!(named("machine"), Daemon::Elsewhere(_)));
        let lost = Daemon::Elsewhere("the connection `lost`".into());
        assert_eq!(named("lost"), lost);
        let url = [("CONTAINER_HOST", "unix:///p.sock")];
        assert_eq!(at(&url, true), Daemon::Socket("/p.sock".into()));
        let named = file.to_str().unwrap();
        let elsewhere = [
            ("XDG_CONFIG_HOME", "/nonexistent"),
            ("PODMAN_CONNECTIONS_CONF", named),
        ];
        assert_eq!(of_podman(&host(&elsewhere), true), far);
        fs::write(&file, "{").unwrap();
        assert_eq!(
            at(&[], true),
            Daemon::Socket("/run/podman/podman.sock".into())
        );
    }
}
