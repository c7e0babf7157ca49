//! A part of an archive: what is placed whole or not at all.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a part of an archive is. It decides where the part is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PartKind {
    /// An environment of the sandbox.
    Environment,
    /// A package of the package cache.
    Package,
    /// A toolchain of rustup's.
    Toolchain,
    /// Something that cargo fetched, by its path in `CARGO_HOME`.
    Crate,
}

impl fmt::Display for PartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PartKind::Environment => "environment",
            PartKind::Package => "package",
            PartKind::Toolchain => "toolchain",
            PartKind::Crate => "crate",
        })
    }
}

/// A part of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArchivedPart {
    /// What it is.
    pub kind: PartKind,
    /// The name of the environment or the toolchain, the file of the package, or the path in
    /// `CARGO_HOME`.
    pub name: String,
    /// The size of its files in bytes.
    pub bytes: u64,
    /// Whether it was there before an import, which leaves what is there as it is. `false` for an
    /// export.
    pub was_there: bool,
}

/// Receives the bytes that were read or written so far, and how many there are. It breaks to stop.
pub type ArchiveSink<'a> = dyn FnMut(u64, u64) -> std::ops::ControlFlow<()> + 'a;
