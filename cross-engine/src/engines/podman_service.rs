//! Podman's service, which runs containers where its client has a machine or another host: its
//! architecture, its rights and its kernel are not the client's.

use std::path::Path;

use crate::process::Output;
use crate::process::invocation::Invocation;

/// A client of a service says that there is a server.
const CLIENT_FORMAT: &str = "{{.Client.Version}}|{{.Client.OsArch}}|{{if .Server}}service{{end}}";
const FORMAT: &str = "{{.Version.Version}}|{{.Version.OsArch}}|\
                      {{.Host.Security.Rootless}}|{{.Host.Kernel}}";
/// The address at which it listens, if it tells, behind a field that docker has.
const SOCKET_FORMAT: &str = "||{{with .Host.RemoteSocket}}{{.Path}}{{end}}";

/// The command that asks a client for its version.
pub(crate) fn version(program: &Path) -> Invocation {
    Invocation::new(program).args(["version", "--format", CLIENT_FORMAT])
}

/// Whether a client that was asked for its version has a service.
pub(crate) fn answers(version: &Output) -> bool {
    version.exit.success() && version.stdout.trim().ends_with("|service")
}

/// The command that asks a service what it is.
pub(crate) fn info(program: &Path) -> Invocation {
    Invocation::new(program).args(["info", "--format", FORMAT])
}

/// The same, with its address.
pub(crate) fn info_with_socket(program: &Path) -> Invocation {
    let format = [FORMAT, SOCKET_FORMAT].concat();
    Invocation::new(program).args(["info", "--format", &format])
}

/// The address of a service that gave this answer. A socket may be one of another machine, with the
/// same path.
pub(crate) fn address(answer: &Output, own_kernel: bool) -> String {
    let at = answer.stdout.trim().rsplit('|').next().unwrap_or_default();
    let path = at.strip_prefix("unix://").unwrap_or(at);
    match !own_kernel && path.starts_with('/') && Path::new(path).exists() {
        true => format!("unix://{path}"),
        false => format!("its service at `{at}`"),
    }
}
