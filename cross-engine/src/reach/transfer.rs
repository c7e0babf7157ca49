//! Which volume of a remote engine has which of the caller's files.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::os::System;

/// What is kept in a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum VolumeKind {
    /// A toolchain. All workspaces share it.
    Toolchain,
    /// Fetched crates. All workspaces share them.
    Registry,
    /// The sources of a workspace, and the generated files of its runs.
    Sources,
    /// The target directory of a workspace and an environment.
    Target,
}

impl VolumeKind {
    /// The name in labels, messages and plans.
    pub fn name(self) -> &'static str {
        match self {
            VolumeKind::Toolchain => "toolchain",
            VolumeKind::Registry => "registry",
            VolumeKind::Sources => "sources",
            VolumeKind::Target => "target",
        }
    }

    /// The kind with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [
            VolumeKind::Toolchain,
            VolumeKind::Registry,
            VolumeKind::Sources,
            VolumeKind::Target,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for VolumeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What cargo fetches into its home directory.
const FETCHED: [&str; 2] = ["registry", "git"];

/// A volume, and which of the caller's files it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Tree {
    /// The name of the volume.
    pub volume: String,
    /// What is kept in it.
    pub kind: VolumeKind,
    /// The directory of the caller's that it stands for. A mount belongs to the tree with the
    /// longest root that its source is in. Of a `CARGO_HOME`, a registry has what cargo fetches;
    /// programs and whatever else is beside it are sent like sources.
    pub root: PathBuf,
    /// What is sent of a toolchain or a registry, each path whole and only once: files and
    /// directories below `root`. Of sources, everything is sent that a run sees.
    #[serde(skip)]
    pub parts: Vec<PathBuf>,
    /// The directory that people know the volume by, if it is not `root`.
    #[serde(skip)]
    pub workspace: Option<PathBuf>,
}

/// How the name of the container that fills a volume ends, after the volume's.
pub(crate) const FILLED: &str = "-filled";

/// The volumes that a run uses on a remote engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Transfer {
    /// The volumes.
    pub trees: Vec<Tree>,
    /// Whether directories that are marked as caches (`CACHEDIR.TAG`) are sent, too.
    pub with_caches: bool,
}

impl Tree {
    /// A volume of this kind for `root`. Nothing is sent of a toolchain or registry yet.
    pub fn new(volume: impl Into<String>, kind: VolumeKind, root: impl Into<PathBuf>) -> Self {
        Tree {
            volume: volume.into(),
            kind,
            root: root.into(),
            parts: Vec::new(),
            workspace: None,
        }
    }

    /// Names the workspace whose sources it has.
    #[must_use]
    pub fn of_workspace(mut self, root: impl Into<PathBuf>) -> Self {
        self.workspace = Some(root.into());
        self
    }

    /// Sends these parts.
    #[must_use]
    pub fn parts(mut self, parts: impl IntoIterator<Item = PathBuf>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// Whether files are only ever added: several workspaces share them, and they do not change.
    pub(crate) fn only_grows(&self) -> bool {
        matches!(self.kind, VolumeKind::Toolchain | VolumeKind::Registry)
    }
}

impl Transfer {
    /// Uses these volumes.
    pub fn new(trees: impl IntoIterator<Item = Tree>) -> Self {
        Transfer {
            trees: trees.into_iter().collect(),
            with_caches: false,
        }
    }

    /// Sets whether directories that are marked as caches are sent, too.
    #[must_use]
    pub fn with_caches(mut self, yes: bool) -> Self {
        self.with_caches = yes;
        self
    }

    /// The tree that has the file or directory at `path`.
    pub fn tree_of(&self, path: &Path) -> Option<&Tree> {
        // A root that is `/` has the files of every drive.
        let inside = |path: &Path| System::HERE.inside(path).ok();
        let path = inside(path)?;
        let has = |tree: &&Tree| {
            let below = inside(&tree.root)
                .and_then(|root| path.strip_prefix(root).ok().map(Path::to_owned));
            below.is_some_and(|below| {
                tree.kind != VolumeKind::Registry
                    || FETCHED.iter().any(|part| below.starts_with(part))
            })
        };
        let trees = self.trees.iter().filter(has);
        trees.max_by_key(|tree| tree.root.components().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_innermost_tree() {
        let transfer = Transfer::new([
            Tree::new("s", VolumeKind::Sources, "/"),
            Tree::new("t", VolumeKind::Target, "/w/app/target/cross/x-1"),
            Tree::new("r", VolumeKind::Registry, "/h/.cargo"),
        ]);
        let volume = |path: &str| transfer.tree_of(Path::new(path)).unwrap().volume.as_str();
        assert_eq!(volume("/w/app"), "s");
        assert_eq!(volume("/w/app/target/cross/x-1"), "t");
        assert_eq!(volume("/w/app/target/cross/x-12"), "s");
        assert_eq!(volume("/h/.cargo/registry"), "r");
        assert_eq!(volume("/h/.cargo/git/db"), "r");
        assert_eq!(volume("/h/.cargo/bin/cargo-nextest"), "s");
    }
}
