//! Engines, as values.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engines::isolation::Isolation;
use crate::reach::answer::Reach;
use crate::reach::transfer::Transfer;

/// The program that supervises runs of the host. Every supported system has it.
pub(crate) const SHELL: &str = "sh";

/// The kinds of engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EngineKind {
    /// bubblewrap on a directory. It needs no daemon and no root.
    Sandbox,
    /// The docker CLI and its daemon.
    Docker,
    /// The podman CLI.
    Podman,
    /// The nerdctl CLI and its daemon, containerd. It is used only if it is requested by name.
    Nerdctl,
    /// The host without any isolation. It is used only if it is requested by name.
    Host,
}

impl EngineKind {
    /// Every kind with isolation that is used without being named, in the order in which `auto`
    /// tries them for a recipe.
    pub const ALL: [EngineKind; 3] = [EngineKind::Sandbox, EngineKind::Docker, EngineKind::Podman];

    /// The name used in configuration, messages and plans.
    pub fn name(self) -> &'static str {
        match self {
            EngineKind::Sandbox => "sandbox",
            EngineKind::Docker => "docker",
            EngineKind::Podman => "podman",
            EngineKind::Nerdctl => "nerdctl",
            EngineKind::Host => "host",
        }
    }

    /// The program that is searched on `PATH`.
    pub fn program(self) -> &'static str {
        match self {
            EngineKind::Sandbox => "bwrap",
            EngineKind::Docker => "docker",
            EngineKind::Podman => "podman",
            EngineKind::Nerdctl => "nerdctl",
            EngineKind::Host => SHELL,
        }
    }

    /// The Debian packages that provide it, or its usual name if none does.
    pub fn packages(self) -> &'static [&'static str] {
        match self {
            EngineKind::Sandbox => &["bubblewrap", "mmdebstrap", "uidmap"],
            EngineKind::Docker => &["docker.io"],
            EngineKind::Podman => &["podman", "uidmap"],
            EngineKind::Nerdctl => &["nerdctl"],
            EngineKind::Host => &[],
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine that responded to a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Engine {
    /// Its kind by its own answer: podman behind a `docker` command is podman.
    pub kind: EngineKind,
    /// Its program.
    pub program: PathBuf,
    /// Its version: the server's, if there is one.
    pub version: String,
    /// Whether it is rootless, so that root in a container is the caller, as with Docker Desktop on
    /// Linux. For the sandbox: whether it has a user namespace of its own.
    pub rootless: bool,
    /// Whether its runs have a kernel of their own: in a virtual machine, as Docker Desktop's, or
    /// on another machine. They do not see what only this kernel has, such as its named pipes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_kernel: bool,
    /// Its native architecture, as Go and OCI spell it (`amd64`, `arm64`).
    pub architecture: String,
    /// The caller's user and group. A rootful container runs as these, so that the caller owns the
    /// files.
    pub user: (u32, u32),
    /// Where it sees the caller's files. It is [`Reach::Shared`] until
    /// [`Engine::find_reach`](crate::Engine::find_reach) has found it out.
    #[serde(default)]
    pub reach: Reach,
    /// The service that its client passes commands to by its own answer, though neither its name
    /// nor a variable says so: a wrapper of `podman --remote`. The text is boxed because an engine
    /// is a variant beside small ones.
    #[serde(skip)]
    pub(crate) service: Option<Box<str>>,
    /// What the sandbox has to know of the kernel.
    #[serde(skip)]
    pub(crate) isolation: Isolation,
}

#[cfg(test)]
impl Engine {
    /// A rootful engine that nobody has probed, for a caller other than root.
    pub(crate) fn sample(kind: EngineKind) -> Self {
        Engine {
            kind,
            program: kind.program().into(),
            version: String::new(),
            rootless: false,
            own_kernel: false,
            architecture: "amd64".into(),
            user: (1000, 1001),
            reach: Reach::default(),
            service: None,
            isolation: Isolation::default(),
        }
    }
}

impl Engine {
    /// Overrides whether the engine is rootless.
    #[must_use]
    pub fn with_rootless(mut self, rootless: bool) -> Self {
        self.rootless = rootless;
        self
    }

    /// Overrides the user and group of rootful containers.
    #[must_use]
    pub fn with_user(mut self, uid: u32, gid: u32) -> Self {
        self.user = (uid, gid);
        self
    }

    /// Makes displayed commands name the volumes that have what a run sees, if the engine does not
    /// see the caller's files.
    #[must_use]
    pub fn with_transfer(mut self, transfer: &Transfer) -> Self {
        if let Reach::Remote(remote) = &mut self.reach {
            remote.transfer = Some(transfer.clone());
        }
        self
    }

    /// Whether its machine is known to have another architecture than this one.
    pub(crate) fn is_of_another_architecture(&self) -> bool {
        let names = [("x86_64", "amd64"), ("aarch64", "arm64")];
        let ours = names
            .into_iter()
            .find(|(rust, _)| *rust == std::env::consts::ARCH);
        let is_known = names.into_iter().any(|(_, name)| self.architecture == name);
        is_known && ours.is_some_and(|(_, name)| self.architecture != name)
    }

    /// Whether the engine's environments are images in its own store.
    pub fn has_images(&self) -> bool {
        matches!(
            self.kind,
            EngineKind::Docker | EngineKind::Podman | EngineKind::Nerdctl
        )
    }

    /// Whether its runs see the host as it is: all of its files, programs and variables.
    pub fn is_host(&self) -> bool {
        self.kind == EngineKind::Host
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.version)?;
        if self.rootless && self.has_images() {
            f.write_str(" (rootless)")?;
        }
        Ok(())
    }
}

/// The caller's choice of engine.
///
/// It is made from an [`EngineKind`] or from a text: `auto`, the name of a kind (`bwrap` and
/// `bubblewrap` name the sandbox too), or a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EnginePreference {
    /// The first usable engine, in the documented order.
    #[default]
    Auto,
    /// An engine of this kind.
    Kind(EngineKind),
    /// This program, which determines the kind.
    Program(PathBuf),
}

impl From<EngineKind> for EnginePreference {
    fn from(kind: EngineKind) -> Self {
        EnginePreference::Kind(kind)
    }
}

impl From<&str> for EnginePreference {
    fn from(text: &str) -> Self {
        match text {
            "auto" => EnginePreference::Auto,
            "sandbox" | "bwrap" | "bubblewrap" => EnginePreference::Kind(EngineKind::Sandbox),
            "docker" => EnginePreference::Kind(EngineKind::Docker),
            "podman" => EnginePreference::Kind(EngineKind::Podman),
            "nerdctl" => EnginePreference::Kind(EngineKind::Nerdctl),
            "host" => EnginePreference::Kind(EngineKind::Host),
            program => EnginePreference::Program(program.into()),
        }
    }
}

impl From<&String> for EnginePreference {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for EnginePreference {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl fmt::Display for EnginePreference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnginePreference::Auto => f.write_str("auto"),
            EnginePreference::Kind(kind) => kind.fmt(f),
            EnginePreference::Program(program) => program.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_read_as_they_are_written() {
        let read = |text: &str| EnginePreference::from(text);
        assert_eq!(read("auto"), EnginePreference::Auto);
        assert_eq!(read("bwrap"), EnginePreference::Kind(EngineKind::Sandbox));
        assert_eq!(
            read("/opt/docker"),
            EnginePreference::Program("/opt/docker".into())
        );
        let by_name = [EngineKind::Nerdctl, EngineKind::Host];
        for kind in EngineKind::ALL.into_iter().chain(by_name) {
            assert_eq!(read(kind.name()), EnginePreference::Kind(kind));
        }
    }
}
