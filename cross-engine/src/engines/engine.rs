//! What an engine is, and why one is not usable.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engines::floor::Floor;

/// The program that owns a run of the host: every system that can run this has one.
pub(crate) const SHELL: &str = "sh";

/// The kinds of engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// bubblewrap on a directory: no daemon, no root.
    Sandbox,
    /// The docker command line and its daemon.
    Docker,
    /// The podman command line.
    Podman,
    /// The machine as it is, without any isolation: only where it is asked for by this name.
    Host,
}

impl Kind {
    /// Every kind that isolates, in the order in which `auto` tries them for a recipe.
    pub const ALL: [Kind; 3] = [Kind::Sandbox, Kind::Docker, Kind::Podman];

    /// The name used in configuration, messages and plans.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sandbox => "sandbox",
            Kind::Docker => "docker",
            Kind::Podman => "podman",
            Kind::Host => "host",
        }
    }

    /// The program that is looked for on `PATH`.
    pub fn program(self) -> &'static str {
        match self {
            Kind::Sandbox => "bwrap",
            Kind::Docker => "docker",
            Kind::Podman => "podman",
            Kind::Host => SHELL,
        }
    }

    /// The Debian packages that provide it.
    pub fn packages(self) -> &'static [&'static str] {
        match self {
            Kind::Sandbox => &["bubblewrap", "mmdebstrap", "uidmap"],
            Kind::Docker => &["docker.io"],
            Kind::Podman => &["podman", "uidmap"],
            Kind::Host => &[],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Engine {
    /// What it is, by its own answer: podman behind a `docker` command is podman.
    pub kind: Kind,
    /// The program that was asked.
    pub program: PathBuf,
    /// The version of what runs the containers: the server's, where there is one.
    pub version: String,
    /// Whether it runs without root's rights, so that its root is the caller. Of the sandbox: whether it has a
    /// user namespace of its own.
    pub rootless: bool,
    /// The architecture of what it runs natively, as Go and OCI spell it (`amd64`, `arm64`).
    pub architecture: String,
    /// The caller's user and group: what a rootful container runs as, so that files are theirs.
    pub user: (u32, u32),
    /// What the sandbox has to know of the kernel.
    #[serde(skip)]
    pub(crate) floor: Floor,
}

impl Engine {
    /// The same engine, taken to be rootless or not, whatever it answered.
    #[must_use]
    pub fn with_rootless(mut self, rootless: bool) -> Self {
        self.rootless = rootless;
        self
    }

    /// The same engine, whose rootful containers run as this user and group.
    #[must_use]
    pub fn with_user(mut self, uid: u32, gid: u32) -> Self {
        self.user = (uid, gid);
        self
    }

    /// Whether environments are images in a store of the engine's own.
    pub fn has_images(&self) -> bool {
        matches!(self.kind, Kind::Docker | Kind::Podman)
    }

    /// Whether what it runs sees the machine as it is: all of its files, programs and variables.
    pub fn is_bare(&self) -> bool {
        self.kind == Kind::Host
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

/// Which engine the caller wants.
///
/// It is made from a [`Kind`] or from a text: `auto`, the name of a kind (`bwrap` and `bubblewrap`
/// name the sandbox too), or a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EnginePreference {
    /// The first that serves, in the documented order.
    #[default]
    Auto,
    /// This kind and no other.
    Kind(Kind),
    /// This program, whatever kind it turns out to be.
    Program(PathBuf),
}

impl From<Kind> for EnginePreference {
    fn from(kind: Kind) -> Self {
        EnginePreference::Kind(kind)
    }
}

impl From<&str> for EnginePreference {
    fn from(text: &str) -> Self {
        match text {
            "auto" => EnginePreference::Auto,
            "sandbox" | "bwrap" | "bubblewrap" => EnginePreference::Kind(Kind::Sandbox),
            "docker" => EnginePreference::Kind(Kind::Docker),
            "podman" => EnginePreference::Kind(Kind::Podman),
            "host" => EnginePreference::Kind(Kind::Host),
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
        assert_eq!(read("bwrap"), EnginePreference::Kind(Kind::Sandbox));
        assert_eq!(
            read("/opt/docker"),
            EnginePreference::Program("/opt/docker".into())
        );
        for kind in Kind::ALL.into_iter().chain([Kind::Host]) {
            assert_eq!(read(kind.name()), EnginePreference::Kind(kind));
        }
    }
}
