//! The directories that the key `writable` names: each is one of the workspace, in which nothing is
//! that the host obeys.

use std::path::{Component, Path, PathBuf};

use cross_config::Sourced;
use cross_engine::os;

use crate::cargo::workspace::Workspace;
use crate::host::places::real_path;
use crate::model::error::{Error, ErrorKind, Result};

/// Directories that are never writable: git and cargo run on the host what is in them.
pub(crate) const NEVER_WRITABLE: [&str; 2] = [".git", ".cargo"];

/// The real path of a writable directory.
pub(crate) fn writable_dir(
    dir: &Sourced<PathBuf>,
    workspace: &Workspace,
    cargo_home: &Path,
) -> Result<PathBuf> {
    let path = workspace.root.join(&dir.value);
    let refused = |why: &str, help: &str| {
        let (path, origin) = (path.display(), &dir.origin);
        let message = format!("`{path}` in `writable` ({origin}) {why}");
        Err(Error::new(ErrorKind::Config, message).with_help(help))
    };
    let Ok(real_dir) = os::canonical(&path) else {
        return refused(
            "does not exist",
            "create the directory, or correct its name",
        );
    };
    if !real_dir.is_dir() {
        return refused("is not a directory", "name the directory that it is in");
    }
    let real_root = real_path(&workspace.root);
    let below = match real_dir.strip_prefix(&real_root) {
        Ok(below) if below.as_os_str().is_empty() => {
            return refused(
                "is the workspace's root",
                "name the directories that are written",
            );
        }
        Ok(below) => below,
        Err(_) => {
            return refused(
                "is not in the workspace",
                "mount a directory elsewhere with `env.volumes`",
            );
        }
    };
    let is_never = |part: Component<'_>| {
        let name = part.as_os_str();
        NEVER_WRITABLE
            .iter()
            .any(|never| name.eq_ignore_ascii_case(never))
    };
    let home = real_path(cargo_home);
    let is_home = real_dir.starts_with(&home) || home.starts_with(&real_dir);
    if below.components().any(is_never) || is_home {
        return refused(
            "is never writable",
            "remove it: git and cargo on the host run what is there",
        );
    }
    let target = real_path(&workspace.target_directory);
    if real_dir.starts_with(&target) || target.starts_with(&real_dir) {
        return refused(
            "holds what is published",
            "write to OUT_DIR or CARGO_TARGET_TMPDIR instead",
        );
    }
    let mut packages = workspace.members.iter();
    let package = packages.find(|(_, manifest)| real_path(manifest).starts_with(&real_dir));
    if let Some((name, _)) = package {
        return refused(
            &format!("holds the package `{name}`"),
            "name the directories in it that are written: a manifest is obeyed on the host",
        );
    }
    Ok(workspace.root.join(below))
}
