//! The question where an engine sees the caller's files, and what its answer depends on.

use std::path::{Path, PathBuf};

use crate::os::{self, HAS_CONTAINERS};
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::{self, Output};
use crate::reach::answer::{Reach, Remote};
use crate::reach::caller::Caller;
use crate::reach::daemon::{self, Daemon};
use crate::reach::inspected::{Inspected, Store};

/// What the caller knows already of where an engine sees its files. Without a value, the probe
/// finds it out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReachPreference {
    /// Whether the caller runs in a container of the engine.
    pub nested: Option<bool>,
    /// Whether the engine sees none of the caller's files.
    pub remote: Option<bool>,
}

impl ReachPreference {
    /// Sets whether the caller runs in a container of the engine.
    #[must_use]
    pub fn nested(mut self, nested: Option<bool>) -> Self {
        self.nested = nested;
        self
    }

    /// Sets whether the engine sees none of the caller's files.
    #[must_use]
    pub fn remote(mut self, remote: Option<bool>) -> Self {
        self.remote = remote;
        self
    }
}

/// How a container CLI finds the daemon that executes its commands, and describes its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cli {
    /// Docker's client, and those that are like it.
    Docker,
    /// Nerdctl, whose daemon is containerd.
    Nerdctl,
    /// Podman, which needs no daemon.
    Podman,
}

/// The client of an engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client<'a> {
    pub(crate) cli: Cli,
    pub(crate) program: &'a Path,
    pub(crate) host: &'a Host,
    /// The address of podman's service, if only its answers say that there is one.
    pub(crate) service: Option<&'a str>,
}

impl Client<'_> {
    /// Where the client's commands are executed.
    pub(crate) fn daemon(&self) -> Daemon {
        match self.cli {
            Cli::Docker => daemon::of_docker(self.host),
            Cli::Nerdctl => daemon::of_nerdctl(self.host),
            Cli::Podman => {
                if let Some(address) = self.service {
                    return Daemon::at(address);
                }
                let name = self
                    .program
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy();
                let always = !HAS_CONTAINERS || name.contains("podman-remote");
                daemon::of_podman(self.host, always)
            }
        }
    }

    /// Whether a daemon executes its commands: here, in a virtual machine, or elsewhere.
    pub(crate) fn has_daemon(&self) -> bool {
        !HAS_CONTAINERS || self.daemon() != Daemon::None
    }

    /// The remedy if a daemon elsewhere does not answer; `None` if it is one of this machine.
    pub(crate) fn unreachable(&self) -> Option<String> {
        let Daemon::Elsewhere(address) = self.daemon() else {
            return None;
        };
        let names: &[&str] = match self.cli {
            Cli::Docker => &["DOCKER_HOST", "DOCKER_CONTEXT"],
            Cli::Nerdctl => &[],
            Cli::Podman => &["CONTAINER_HOST", "CONTAINER_CONNECTION"],
        };
        let is_set = |name: &&&str| self.host.variable(name).is_some_and(|it| !it.is_empty());
        let (origin, other) = match names.iter().find(is_set) {
            Some(name) => (format!("`{name}` names"), format!("unset `{name}`")),
            None => (
                "the current context is".to_owned(),
                "choose another one (`docker context use default`)".to_owned(),
            ),
        };
        let program = self
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        Some(format!(
            "{origin} {address}: check that `{program} version` reaches it, and that its daemon runs there; or {other} to \
             use an engine of this machine"
        ))
    }

    /// The remedy if the engine does not answer because the caller runs in a container that does
    /// not have its socket; `None` if that is not the reason.
    pub(crate) fn missing_socket(&self) -> Option<String> {
        let caller = Caller::look(self.host);
        let Daemon::Socket(path) = self.daemon() else {
            return None;
        };
        if caller.ids.is_empty() {
            return None;
        }
        let path = path.display();
        Some(format!(
            "this process runs in a container: start that container with the socket of an engine that runs (`-v \
             {path}:{path}`), or use the sandbox, which needs no daemon"
        ))
    }

    fn ask(&self, words: &[&str], cancel: &Cancel) -> Result<Output> {
        let command = Invocation::new(self.program).args(words.iter().copied());
        process::output(&command, &self.host.variables, cancel)
    }
}

/// What the answer depends on: a key, and files. `None` if it is known without a question.
pub(crate) fn dependencies(
    client: &Client<'_>,
    preference: ReachPreference,
) -> Option<(String, Vec<PathBuf>)> {
    let daemon = client.daemon();
    let caller = Caller::look(client.host);
    let stamped = match &daemon {
        Daemon::None => return None,
        Daemon::Socket(path) => vec![path.clone()],
        Daemon::Elsewhere(_) => Vec::new(),
    };
    if caller.ids.is_empty() && preference.nested != Some(true) {
        return None;
    }
    let key = format!(
        "{} at {daemon:?} as {} for {preference:?} in {caller:?}",
        client.program.display(),
        client.host.uid
    );
    Some((key, stamped))
}

/// Finds out where the engine of `client` sees the caller's files.
///
/// # Errors
///
/// [`ErrorKind::OutOfReach`] if the preference contradicts what is found, and the errors of the
/// client's process.
pub(crate) fn find(
    client: &Client<'_>,
    preference: ReachPreference,
    cancel: &Cancel,
) -> Result<Reach> {
    let daemon = client.daemon();
    if preference.remote == Some(true) {
        return Ok(Reach::Remote(Remote {
            address: match &daemon {
                Daemon::Elsewhere(address) => Some(address.clone()),
                Daemon::Socket(path) => Some(format!("unix://{}", path.display())),
                Daemon::None => None,
            },
            reason: "the caller says so".to_owned(),
            transfer: None,
        }));
    }
    // What runs in the caller's process tree sees what the caller sees.
    if daemon == Daemon::None {
        return Ok(Reach::Shared);
    }
    let caller = Caller::look(client.host);
    if preference.nested != Some(false) {
        if let Some(container) = inspect(client, &caller, preference, cancel)? {
            let store = match container.merged_dir() {
                Some(_) => None,
                None => store(client, cancel)?,
            };
            let root = container.root(&caller, store.as_ref());
            return Ok(Reach::Nested(container.nested(&caller, root)));
        }
        if preference.nested == Some(true) {
            return Err(not_in_container(client, &caller));
        }
    }
    let remote = match &daemon {
        Daemon::Elsewhere(address) => Some(Remote {
            address: Some(address.clone()),
            reason: "its daemon is not at a socket of this machine".to_owned(),
            transfer: None,
        }),
        Daemon::Socket(path) if caller.is_from_outside(path) => Some(Remote {
            address: Some(format!("unix://{}", path.display())),
            reason: format!(
                "its daemon is outside of this container, and does not have a container {}",
                caller.ids.join(" or ")
            ),
            transfer: None,
        }),
        _ => None,
    };
    Ok(match remote {
        Some(remote) if preference.remote.is_none() => Reach::Remote(remote),
        _ => Reach::Shared,
    })
}

/// Asks the engine for the container of `caller`; `None` if it has none.
fn inspect(
    client: &Client<'_>,
    caller: &Caller,
    preference: ReachPreference,
    cancel: &Cancel,
) -> Result<Option<Inspected>> {
    let by_name = caller.host_name.iter();
    let by_name = by_name.filter(|_| preference.nested == Some(true));
    for name in caller.ids.iter().chain(by_name) {
        let output = client.ask(&["container", "inspect", name], cancel)?;
        if !output.exit.success() {
            continue;
        }
        let container = Inspected::parse(&output.stdout).ok_or_else(|| {
            let message = format!(
                "`{} container inspect {name}` gave an answer that cannot be parsed",
                client.program.display()
            );
            Error::new(ErrorKind::OutOfReach, message)
                .with_help("set `CROSS_CONTAINER_IN_CONTAINER=false` if this is not a container of that engine")
        })?;
        if container.is_of(caller) {
            return Ok(Some(container));
        }
    }
    Ok(None)
}

/// Asks the engine for the directory of its store; `None` if it does not tell.
fn store(client: &Client<'_>, cancel: &Cancel) -> Result<Option<Store>> {
    let format = match client.cli {
        Cli::Docker | Cli::Nerdctl => "{{.Driver}} {{.DockerRootDir}}",
        Cli::Podman => "{{.Store.GraphDriverName}} {{.Store.GraphRoot}}",
    };
    let output = client.ask(&["info", "--format", format], cancel)?;
    Ok(Store::parse(&output.stdout).filter(|_| output.exit.success()))
}

fn not_in_container(client: &Client<'_>, caller: &Caller) -> Error {
    let program = client.program.display();
    let message = match caller.is_in_container() {
        true => format!(
            "`{program}` does not have the container in which this process runs ({})",
            match &caller.ids[..] {
                [] => caller.host_name.clone().unwrap_or_default(),
                ids => ids.join(" or "),
            }
        ),
        false => format!("this process does not run in a container of `{program}`"),
    };
    Error::new(ErrorKind::OutOfReach, message).with_help(
        "give the container the socket of the engine that runs it (`-v \
         /var/run/docker.sock:/var/run/docker.sock`); or unset CROSS_CONTAINER_IN_CONTAINER, if this is no \
         container or the engine runs inside of it",
    )
}

impl Caller {
    /// Whether the caller runs in a container, and the socket at `path` was mounted into it.
    fn is_from_outside(&self, path: &Path) -> bool {
        if self.ids.is_empty() {
            return false;
        }
        let real = os::canonical(path).unwrap_or_else(|_| path.to_owned());
        let mounts = self.mounts.iter();
        let with_path = mounts.filter(|mount| real.starts_with(&mount.point));
        let nearest = with_path.max_by_key(|mount| mount.point.components().count());
        // What the container has for itself is its root directory, or memory that was empty.
        nearest.is_some_and(|mount| mount.point != Path::new("/") && mount.root != Path::new("/"))
    }
}
