//! The one place where the caller's paths of a run become those that its engine sees.

use std::path::{Path, PathBuf};

use crate::os::{self, System};
use crate::process::error::{Error, ErrorKind, Result};
use crate::reach::answer::{Nested, OuterRoot, Reach, Remote};
use crate::spec::mount::{Access, Mount, arrange_mounts};

/// A mount as the engine's machine has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlacedMount {
    /// What is mounted.
    pub(crate) source: Place,
    /// The path inside.
    pub(crate) target: PathBuf,
    /// Whether it is writable.
    pub(crate) access: Access,
}

/// Something of the engine's machine that can be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing: an empty directory in memory.
    Memory,
    /// A path of its file system.
    Path(PathBuf),
    /// A part of a volume, by its path in it.
    Volume(String, PathBuf),
}

impl Reach {
    /// Arranges mounts, which have the caller's paths, and converts them to those that the engine
    /// can make, outer before inner.
    ///
    /// In a container, this reads the symbolic links of the caller's file system: the engine would
    /// follow them in its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfReach`] if the engine cannot see a path.
    pub(crate) fn place(&self, mounts: Vec<Mount>) -> Result<Vec<PlacedMount>> {
        let mounts = arrange_mounts(mounts);
        match self {
            Reach::Shared => Ok(mounts.into_iter().map(unchanged).collect()),
            Reach::Nested(nested) => nested.place(&mounts),
            Reach::Remote(remote) => remote.place(mounts),
        }
    }

    /// Converts the path of one file, which a client passes on to the engine by name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OutOfReach`] if the engine cannot see it.
    pub(crate) fn path(&self, path: &Path) -> Result<PathBuf> {
        match self {
            Reach::Shared => Ok(path.to_owned()),
            Reach::Nested(nested) => nested.path(path),
            // A run finds out where the engine has it.
            Reach::Remote(_) => Ok(path.to_owned()),
        }
    }
}

fn unchanged(mount: Mount) -> PlacedMount {
    PlacedMount {
        source: match mount.access {
            Access::Scratch => Place::Memory,
            Access::Read | Access::Write => Place::Path(mount.source),
        },
        target: mount.target,
        access: mount.access,
    }
}

impl Nested {
    fn place(&self, mounts: &[Mount]) -> Result<Vec<PlacedMount>> {
        let mut placed = Vec::new();
        for mount in mounts {
            if mount.access == Access::Scratch {
                placed.push(unchanged(mount.clone()));
                continue;
            }
            let real = real_path(&mount.source);
            placed.push(PlacedMount {
                source: Place::Path(self.real_path(&real, &mount.source)?),
                target: mount.target.clone(),
                access: mount.access,
            });
            placed.extend(self.mounted_below(&real, mount, mounts)?);
        }
        placed.sort_by(|a, b| a.target.cmp(&b.target));
        Ok(placed)
    }

    /// What the caller's container has mounted below the source of `mount`, which the engine does
    /// not see there. `real` is the source without links, and `all` are all mounts of the run.
    fn mounted_below(&self, real: &Path, mount: &Mount, all: &[Mount]) -> Result<Vec<PlacedMount>> {
        let mut found = Vec::new();
        let whole = self.real_path(real, &mount.source)?;
        for outer in &self.mounts {
            let Ok(rest) = outer.destination.strip_prefix(real) else {
                continue;
            };
            let target = mount.target.join(rest);
            let is_covered = |other: &Mount| {
                target.starts_with(&other.target)
                    && other.target.starts_with(&mount.target)
                    && other.target != mount.target
            };
            if rest.as_os_str().is_empty() || all.iter().any(is_covered) {
                continue;
            }
            let source = self.real_path(&outer.destination, &outer.destination)?;
            if source == whole.join(rest) {
                continue;
            }
            found.push(PlacedMount {
                source: Place::Path(source),
                target,
                access: mount.access,
            });
        }
        Ok(found)
    }

    fn path(&self, path: &Path) -> Result<PathBuf> {
        self.real_path(&real_path(path), path)
    }

    /// The path on the engine's machine of `real`, which is `named` without links.
    fn real_path(&self, real: &Path, named: &Path) -> Result<PathBuf> {
        match self.mount_of(real) {
            Some(mount) => match &mount.source {
                Some(source) => Ok(below(source, real, &mount.destination)),
                None => Err(self.out_of_reach(
                    named,
                    &format!(
                        "it is on a file system of type {} at `{}`, which only the container has",
                        mount.file_system,
                        mount.destination.display()
                    ),
                )),
            },
            None => match &self.root {
                OuterRoot::At(root) => Ok(below(root, real, Path::new("/"))),
                OuterRoot::Unknown(why) => Err(self.out_of_reach(
                    named,
                    &format!("it is in the container's root file system, and {why}"),
                )),
            },
        }
    }

    fn out_of_reach(&self, path: &Path, why: &str) -> Error {
        let shown = path.display();
        let message = format!(
            "the engine outside of this container ({}) does not see `{shown}`: {why}",
            self.short_id()
        );
        Error::new(ErrorKind::OutOfReach, message).with_help(format!(
            "start the outer container with `-v {shown}:{shown}` or with a directory above it, or move \
             it to a directory that is mounted; `CROSS_CACHE_DIR` sets the cache directory"
        ))
    }
}

impl Remote {
    /// The mounts with their volumes, for display. A run finds out where the engine has them.
    fn place(&self, mounts: Vec<Mount>) -> Result<Vec<PlacedMount>> {
        let transfer = self.transfer.as_ref().ok_or_else(|| self.refused())?;
        let mut placed = Vec::new();
        for mount in mounts {
            let mut one = unchanged(mount);
            if let Place::Path(path) = &one.source {
                let tree = transfer.tree_of(path).ok_or_else(|| self.refused())?;
                one.source = Place::Volume(tree.volume.clone(), part(path));
            }
            placed.push(one);
        }
        Ok(placed)
    }

    /// The error for a run whose engine does not see the caller's files.
    fn refused(&self) -> Error {
        let message = format!("the engine does not see the caller's files: {self}");
        Error::new(ErrorKind::OutOfReach, message).with_help(
            "use an engine on this machine for tools that other programs start; `CROSS_REMOTE=0` says that the engine \
             sees this machine's files at the same paths",
        )
    }
}

/// Where a volume has the caller's `path`: below its root, by the path's place inside.
pub(crate) fn part(path: &Path) -> PathBuf {
    let inside = System::HERE
        .inside(path)
        .unwrap_or_else(|_| path.to_owned());
    let below = inside.strip_prefix("/").unwrap_or(&inside);
    System::HERE.for_linux(&Path::new("tree").join(below))
}

/// `path` without symbolic links. What does not exist yet has none.
fn real_path(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let Ok(real) = os::canonical(existing) {
            return below(&real, path, existing);
        }
    }
    path.to_owned()
}

/// `path`, which is below `from`, at the same place below `to`.
fn below(to: &Path, path: &Path, from: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(rest) if !rest.as_os_str().is_empty() => to.join(rest),
        _ => to.to_owned(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::reach::answer::OuterMount;
    use std::fs;

    /// A container whose root is `at`, with mounts: a destination, and a source or a file system.
    fn nested(root: OuterRoot, mounts: &[(&Path, Result<&str, &str>)]) -> Reach {
        let mounts = mounts.iter().map(|(destination, source)| OuterMount {
            destination: destination.to_path_buf(),
            source: source.ok().map(PathBuf::from),
            file_system: source.err().unwrap_or("ext4").to_owned(),
        });
        Reach::Nested(Nested {
            container: "c0ffee".repeat(11),
            root,
            mounts: mounts.collect(),
        })
    }

    fn at(root: &str) -> OuterRoot {
        OuterRoot::At(root.into())
    }

    /// Each placed mount in one line: the source, the target and the access.
    fn placed(reach: &Reach, mounts: Vec<Mount>) -> Vec<String> {
        let line = |mount: PlacedMount| {
            let source = match &mount.source {
                Place::Volume(name, part) => format!("{name}:{}", part.display()),
                Place::Memory => "memory".to_owned(),
                Place::Path(path) => path.display().to_string(),
            };
            format!("{source} {} {:?}", mount.target.display(), mount.access)
        };
        let placed = reach.place(mounts).unwrap();
        placed.into_iter().map(line).collect()
    }

    #[test]
    fn the_longest_destination_counts_and_the_rest_is_in_the_root() {
        let reach = nested(
            at("/var/lib/e/merged"),
            &[
                (Path::new("/nowhere/a"), Ok("/home/u/a")),
                (Path::new("/nowhere/a/b"), Ok("/disk/b")),
            ],
        );
        let mounts = vec![
            Mount::read("/nowhere/a/b/c"),
            Mount::write("/nowhere/ab").at("/x"),
            Mount::scratch("/tmp/home"),
            Mount::read("/nowhere/a/z"),
        ];
        assert_eq!(
            placed(&reach, mounts),
            [
                "/disk/b/c /nowhere/a/b/c Read",
                "/home/u/a/z /nowhere/a/z Read",
                "memory /tmp/home Scratch",
                "/var/lib/e/merged/nowhere/ab /x Write",
            ]
        );
    }

    #[test]
    fn what_is_mounted_below_is_mounted_too_unless_the_run_has_something_there() {
        let reach = nested(
            at("/merged"),
            &[
                (Path::new("/nowhere/w"), Ok("/home/w")),
                (Path::new("/nowhere/w/vendor"), Ok("/disk/vendor")),
                (Path::new("/nowhere/w/target"), Ok("/disk/target")),
                (Path::new("/nowhere/w/same"), Ok("/home/w/same")),
            ],
        );
        let mounts = vec![
            Mount::read("/nowhere/w"),
            Mount::scratch("/nowhere/w/target"),
            Mount::write("/nowhere/w/target/cross/t"),
        ];
        assert_eq!(
            placed(&reach, mounts),
            [
                "/home/w /nowhere/w Read",
                "memory /nowhere/w/target Scratch",
                "/disk/target/cross/t /nowhere/w/target/cross/t Write",
                "/disk/vendor /nowhere/w/vendor Read",
            ]
        );
    }

    #[test]
    fn links_are_those_of_the_caller() {
        let dir = tempfile::tempdir().unwrap();
        let dir = os::canonical(dir.path()).unwrap();
        fs::create_dir(dir.join("real")).unwrap();
        std::os::unix::fs::symlink(dir.join("real"), dir.join("link")).unwrap();
        let reach = nested(at("/merged"), &[(&dir.join("real"), Ok("/disk/real"))]);
        let mounts = vec![Mount::write(dir.join("link/not/yet")).at("/x")];
        assert_eq!(placed(&reach, mounts), ["/disk/real/not/yet /x Write"]);
    }

    #[test]
    fn what_is_out_of_reach_is_named_with_the_option_of_the_outer_container() {
        let unknown = OuterRoot::Unknown("the storage driver `zfs` is not known".to_owned());
        let reach = nested(unknown, &[(Path::new("/nowhere/t"), Err("tmpfs"))]);
        for (path, why) in [
            ("/nowhere/t/app", "tmpfs at `/nowhere/t`"),
            ("/nowhere/app", "`zfs` is not known"),
        ] {
            let error = reach.place(vec![Mount::read(path)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OutOfReach);
            let message = error.to_string();
            assert!(message.contains(why) && message.contains(path), "{message}");
            let help = error.help().unwrap();
            assert!(help.contains(&format!("`-v {path}:{path}`")), "{help}");
        }
        let below = reach.place(vec![Mount::read("/nowhere")]).unwrap_err();
        assert_eq!(below.kind(), ErrorKind::OutOfReach);
    }
}
