//! The answers to the question where an engine sees the caller's files.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::reach::transfer::Transfer;

/// Where an engine sees the caller's files, which decides what a mount of a run becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reach {
    /// At the caller's own paths.
    #[default]
    Shared,
    /// At the paths of a container's host: the caller runs in that container, and the engine
    /// outside.
    Nested(Nested),
    /// Nowhere: the engine is on another machine, or sees other files.
    Remote(Remote),
}

/// The container in which the caller runs, as its engine describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Nested {
    /// The container's full ID.
    pub container: String,
    /// Where the engine sees the container's root file system.
    pub root: OuterRoot,
    /// The other mounts of the container, sorted by their destination.
    pub mounts: Vec<OuterMount>,
}

/// The root file system of the caller's container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum OuterRoot {
    /// The engine sees it at this path.
    At(PathBuf),
    /// The engine does not tell where it is, for this reason.
    Unknown(String),
}

/// A mount in the caller's container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OuterMount {
    /// The path in the container, without symbolic links.
    pub destination: PathBuf,
    /// The path at which the engine sees it; `None` for a file system that only the container has.
    pub source: Option<PathBuf>,
    /// The type of the file system, such as `tmpfs`.
    pub file_system: String,
}

/// An engine that does not see the caller's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Remote {
    /// The address of its daemon, without a password, if it is known.
    pub address: Option<String>,
    /// Why it is known not to see the caller's files, as a sentence fragment.
    pub reason: String,
    /// The volumes that have what a run sees, if it can be sent.
    #[serde(skip)]
    pub(crate) transfer: Option<Transfer>,
}

impl Reach {
    /// Whether the engine sees the caller's files at the caller's own paths.
    pub fn is_shared(&self) -> bool {
        *self == Reach::Shared
    }

    /// The ID of the container in which the caller runs, if the engine is outside of it.
    pub(crate) fn outer(&self) -> Option<&str> {
        match self {
            Reach::Nested(nested) => Some(&nested.container),
            Reach::Shared | Reach::Remote(_) => None,
        }
    }
}

impl Nested {
    /// The first digits of the container's ID, as engines display it.
    pub fn short_id(&self) -> &str {
        self.container.get(..12).unwrap_or(&self.container)
    }

    /// The mount that has `path`, which has no symbolic links; `None` for the root file system.
    pub(super) fn mount_of(&self, path: &Path) -> Option<&OuterMount> {
        let mounts = self.mounts.iter();
        let with_path = mounts.filter(|mount| path.starts_with(&mount.destination));
        with_path.max_by_key(|mount| mount.destination.components().count())
    }
}

impl fmt::Display for Reach {
    /// Writes a sentence fragment whose subject is the engine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Shared => f.write_str("sees the caller's files at the same paths"),
            Reach::Nested(nested) => {
                write!(f, "runs outside of this container ({})", nested.short_id())?;
                match &nested.root {
                    OuterRoot::At(path) => write!(f, ", and sees `/` at {}", path.display())?,
                    OuterRoot::Unknown(_) => f.write_str(", and sees its mounts only")?,
                }
                for mount in &nested.mounts {
                    if let Some(source) = &mount.source {
                        let destination = mount.destination.display();
                        write!(f, ", `{destination}` at {}", source.display())?;
                    }
                }
                Ok(())
            }
            Reach::Remote(remote) => write!(f, "does not see the caller's files: {remote}"),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match &self.address {
            Some(address) => write!(f, " ({address})"),
            None => Ok(()),
        }
    }
}
