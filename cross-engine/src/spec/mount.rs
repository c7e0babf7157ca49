//! Mounts: the parts of the host's file system that a run sees.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// A part of the host's file system that is visible inside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Mount {
    /// The path on the host.
    pub source: PathBuf,
    /// The path inside.
    pub target: PathBuf,
    /// Whether it is writable.
    pub access: Access,
}

/// The access to a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write.
    Write,
    /// An empty directory in memory, private to the run. `source` is ignored.
    Scratch,
}

/// Where runs see what cargo has to name and whose path on the host has white space, at which cargo
/// splits the command line of a runner.
const NAMEABLE: &str = "/run/cross-nameable";

/// The path at which a run sees `path`, so that cargo can name it in a command line: `path` itself,
/// or one with the same last components, as many as `kept`.
pub fn nameable(path: &Path, kept: usize) -> PathBuf {
    let text = path.as_os_str().to_string_lossy();
    if !text.contains(char::is_whitespace) {
        return path.to_owned();
    }
    let components: Vec<_> = path.iter().collect();
    let last = components.len().saturating_sub(kept);
    Path::new(NAMEABLE).join(components[last..].iter().collect::<PathBuf>())
}

impl Mount {
    /// Mounts `path` at the same path, read only.
    pub fn read(path: impl Into<PathBuf>) -> Self {
        Mount::of(path.into(), Access::Read)
    }

    /// Mounts `path` at the same path, writable.
    pub fn write(path: impl Into<PathBuf>) -> Self {
        Mount::of(path.into(), Access::Write)
    }

    /// Mounts an empty, private directory at `path`.
    pub fn scratch(path: impl Into<PathBuf>) -> Self {
        Mount::of(path.into(), Access::Scratch)
    }

    /// Changes the path inside to `target`.
    #[must_use]
    pub fn at(mut self, target: impl Into<PathBuf>) -> Self {
        self.target = target.into();
        self
    }

    fn of(path: PathBuf, access: Access) -> Self {
        Mount {
            source: path.clone(),
            target: path,
            access,
        }
    }
}

/// Sorts mounts into the order in which they can be made, outer before inner, and removes redundant
/// ones. Of several mounts at one path the wider access wins, and a path of the host wins over an
/// empty directory. A mount that an outer mount with the same access covers is removed.
pub fn arrange_mounts(mut mounts: Vec<Mount>) -> Vec<Mount> {
    mounts.sort_by(|a, b| a.target.cmp(&b.target).then(b.rank().cmp(&a.rank())));
    mounts.dedup_by(|narrower, wider| narrower.target == wider.target);
    let mut arranged: Vec<Mount> = Vec::new();
    for mount in mounts {
        let covered = arranged
            .iter()
            .rev()
            .find(|outer| mount.target.starts_with(&outer.target))
            .is_some_and(|outer| outer.shows(&mount));
        if !covered {
            arranged.push(mount);
        }
    }
    arranged
}

impl Mount {
    /// Orders the mounts at one path.
    fn rank(&self) -> u8 {
        match self.access {
            Access::Scratch => 0,
            Access::Read => 1,
            Access::Write => 2,
        }
    }

    /// Whether the mount `inner`, whose target is below that of `self`, is visible through `self`
    /// in the same way. Nothing is visible in an empty directory.
    fn shows(&self, inner: &Mount) -> bool {
        let rest = inner.target.strip_prefix(&self.target);
        self.access == inner.access
            && self.access != Access::Scratch
            && rest.is_ok_and(|rest| self.source.join(rest) == inner.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_arranged_outer_first_and_without_repetition() {
        let got = arrange_mounts(vec![
            Mount::write("/w/app/target"),
            Mount::read("/home/u/.cargo/registry"),
            Mount::write("/w/app"),
            Mount::write("/w/app"),
            Mount::scratch("/home/u/.cargo"),
            Mount::read("/w/app/vendor"),
        ]);
        let shown: Vec<_> = got
            .iter()
            .map(|mount| format!("{:?} {}", mount.access, mount.target.display()))
            .collect();
        assert_eq!(
            shown,
            [
                "Scratch /home/u/.cargo",
                "Read /home/u/.cargo/registry",
                "Write /w/app",
                "Read /w/app/vendor",
            ]
        );
    }

    #[test]
    fn the_wider_access_wins_at_one_place() {
        let got = arrange_mounts(vec![Mount::read("/w"), Mount::write("/w")]);
        assert_eq!(got, [Mount::write("/w")]);
    }

    #[test]
    fn what_is_of_the_host_wins_over_an_empty_directory_at_one_place() {
        let got = arrange_mounts(vec![Mount::scratch("/w"), Mount::read("/w")]);
        assert_eq!(got, [Mount::read("/w")]);
    }

    #[test]
    fn an_empty_directory_in_an_empty_directory_is_kept() {
        let both = vec![Mount::scratch("/tmp"), Mount::scratch("/tmp/home")];
        assert_eq!(arrange_mounts(both.clone()), both);
    }

    #[test]
    fn another_source_at_an_inner_place_is_kept() {
        let inner = Mount::read("/etc/hosts").at("/w/hosts");
        assert_eq!(
            arrange_mounts(vec![Mount::read("/w"), inner.clone()])[1],
            inner
        );
    }
}
