//! The layout of a root file system in a sandbox, whose `/` is empty, so that any path of the host
//! can be a mount point.
//!
//! A directory of the root file system is bound read only as a whole, unless it is empty or a mount
//! lies inside it, because the kernel cannot create a mount point in a read-only tree. Such a
//! directory is created empty, and its entries are bound one by one, down to the mount point.
//! Each bind costs an eighth of a millisecond in every run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::error::{IoContext as _, Result};

/// The entries of a sandbox's `/`, in the order in which they are created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootfsLayout(pub(crate) Vec<Entry>);

/// An entry, by its path inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Bound read only from the root file system.
    Bind(PathBuf),
    /// A symbolic link, and its target.
    Link(PathBuf, PathBuf),
    /// An empty directory.
    Dir(PathBuf),
    /// The entries that [`LAYOUT_SCRIPT`] prints, which a shell has opened as this descriptor.
    Described(u8),
}

/// Defines the function `layout ROOT TARGET…` of a POSIX shell, which prints what
/// [`read_rootfs_layout`] reads as arguments of bubblewrap, each ended by a NUL.
pub const LAYOUT_SCRIPT: &str = include_str!("rootfs_layout/layout.sh");

/// The descriptor at which a printed command finds what [`LAYOUT_SCRIPT`] prints. Lower ones than
/// those of the lifeline, the jobserver and the filter.
pub const LAYOUT_DESCRIPTOR: u8 = 5;

/// Entries that the sandbox creates itself, or that builds do not need.
const OMITTED: [&str; 10] = [
    "dev", "proc", "sys", "tmp", "run", "root", "home", "boot", "mnt", "media",
];

/// Reads the layout of the file system at `root` for mounts at `targets`.
///
/// # Errors
///
/// If a directory of the root file system cannot be read.
pub fn read_rootfs_layout(root: &Path, targets: &[&Path]) -> Result<RootfsLayout> {
    let mut entries = Vec::new();
    expand(root, Path::new("/"), targets, &mut entries)?;
    Ok(RootfsLayout(entries))
}

/// The layout that the root file system of an environment will have for mounts at `targets`, before
/// there is one to read: that of Debian with merged directories. `None` if a mount lies inside a
/// directory whose entries only its packages decide.
pub fn expected_rootfs_layout(targets: &[&Path]) -> Option<RootfsLayout> {
    let is_inside = |dir: &str| {
        let mut inside = targets.iter().filter(|target| target.starts_with(dir));
        inside.any(|target| !EXPECTED_FILES.iter().any(|file| *target == Path::new(file)))
    };
    let mut entries = Vec::new();
    for name in [
        "bin", "etc", "lib", "lib64", "opt", "sbin", "srv", "usr", "var",
    ] {
        let path = Path::new("/").join(name);
        entries.push(match name {
            "etc" | "usr" | "var" if is_inside(&format!("/{name}")) => return None,
            "etc" | "usr" | "var" => Entry::Bind(path),
            "opt" | "srv" => Entry::Dir(path),
            linked => Entry::Link(path, Path::new("usr").join(linked)),
        });
    }
    Some(RootfsLayout(entries))
}

/// What every finished root file system has as a mount point.
const EXPECTED_FILES: [&str; 5] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/passwd",
    "/etc/group",
    "/etc/ssl/certs",
];

impl RootfsLayout {
    /// The layout that a shell reads from the environment when it runs the printed command, by
    /// [`LAYOUT_SCRIPT`] at [`LAYOUT_DESCRIPTOR`].
    pub fn described() -> Self {
        RootfsLayout(vec![Entry::Described(LAYOUT_DESCRIPTOR)])
    }

    /// Whether a shell reads it: see [`described`](RootfsLayout::described).
    pub fn is_described(&self) -> bool {
        matches!(self.0[..], [Entry::Described(_)])
    }

    /// Whether it has no entries: that of an environment which does not exist.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn expand(root: &Path, inside: &Path, targets: &[&Path], entries: &mut Vec<Entry>) -> Result<()> {
    let host_dir = under(root, inside);
    let mut names: Vec<_> = fs::read_dir(&host_dir)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .on("read directory", &host_dir)?;
    names.sort();
    for name in names {
        let path = inside.join(&name);
        if inside == Path::new("/") && OMITTED.iter().any(|omitted| name == *omitted) {
            continue;
        }
        let on_disk = under(root, &path);
        let kind = fs::symlink_metadata(&on_disk)
            .on("inspect", &on_disk)?
            .file_type();
        if kind.is_symlink() {
            let text = fs::read_link(&on_disk).on("read link", &on_disk)?;
            entries.push(Entry::Link(path, text));
        } else if kind.is_dir()
            && targets
                .iter()
                .any(|target| *target != path && target.starts_with(&path))
        {
            // An existing file or directory can be mounted over.
            let needs_mount_point = targets
                .iter()
                .filter(|target| target.starts_with(&path))
                .any(|target| !under(root, target).exists());
            if needs_mount_point {
                entries.push(Entry::Dir(path.clone()));
                expand(root, &path, targets, entries)?;
            } else {
                entries.push(Entry::Bind(path));
            }
        } else if kind.is_dir() && is_empty(&on_disk) {
            entries.push(Entry::Dir(path));
        } else {
            entries.push(Entry::Bind(path));
        }
    }
    Ok(())
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
}

/// The path on the host of `inside`, an absolute path in the root file system.
pub(crate) fn under(root: &Path, inside: &Path) -> PathBuf {
    root.join(inside.strip_prefix("/").unwrap_or(inside))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::process::cancel::Cancel;
    use crate::process::invocation::{Invocation, Variables};
    use crate::process::output;

    fn root() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for dir_name in [
            "usr/bin",
            "usr/src",
            "usr/lib/x",
            "etc",
            "root",
            "srv",
            "tmp",
        ] {
            fs::create_dir_all(dir.path().join(dir_name)).unwrap();
        }
        fs::write(dir.path().join("etc/resolv.conf"), "").unwrap();
        std::os::unix::fs::symlink("usr/bin", dir.path().join("bin")).unwrap();
        dir
    }

    fn check(targets: &[&str], expected: &[&str]) {
        let root = root();
        let targets: Vec<_> = targets.iter().map(Path::new).collect();
        let got: Vec<_> = read_rootfs_layout(root.path(), &targets)
            .unwrap()
            .0
            .iter()
            .map(|entry| match entry {
                Entry::Bind(path) => format!("bind {}", path.display()),
                Entry::Link(path, text) => format!("link {} -> {}", path.display(), text.display()),
                Entry::Dir(path) => format!("dir {}", path.display()),
                Entry::Described(number) => format!("described at {number}"),
            })
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn entries_are_bound_whole_unless_they_are_empty() {
        check(
            &["/w/app", "/home/u/.cargo/registry"],
            &["link /bin -> usr/bin", "bind /etc", "dir /srv", "bind /usr"],
        );
    }

    /// What a shell prints, in the order of the names.
    #[test]
    fn a_shell_reads_the_same_layout() {
        let root = root();
        fs::write(root.path().join("usr/lib/x/.hidden"), "").unwrap();
        fs::write(root.path().join("usr/bin/with space"), "").unwrap();
        for targets in [
            &["/w/app"][..],
            &["/usr/src/app", "/etc/resolv.conf"],
            &["/usr/lib/x/deep/er", "/srv/app", "/usr/src/b"],
            &["/etc/new", "/usr"],
        ] {
            let text = format!("{LAYOUT_SCRIPT}layout \"$@\" | tr '\\0' '\\n'\n");
            let shell = Invocation::new("sh")
                .args(["-euc", &text, "sh", root.path().to_str().unwrap()])
                .args(targets.iter().copied());
            let variables = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
            let said = output(&shell, &variables, &Cancel::new()).unwrap();
            assert!(said.exit.success(), "{said:?}");
            let targets: Vec<_> = targets.iter().map(Path::new).collect();
            let read = read_rootfs_layout(root.path(), &targets).unwrap();
            let mut expected = String::new();
            for entry in &read.0 {
                let words = match entry {
                    Entry::Bind(path) => {
                        ["--ro-bind".into(), under(root.path(), path), path.clone()].to_vec()
                    }
                    Entry::Link(path, text) => {
                        ["--symlink".into(), text.clone(), path.clone()].to_vec()
                    }
                    Entry::Dir(path) => ["--dir".into(), path.clone()].to_vec(),
                    Entry::Described(_) => panic!("nothing is left to be read"),
                };
                expected.extend(words.iter().map(|word| format!("{}\n", word.display())));
            }
            assert_eq!(said.stdout, expected, "{targets:?}");
        }
    }

    #[test]
    fn the_layout_of_what_is_not_there_yet_is_that_of_debian() {
        let hosts = Path::new("/etc/hosts");
        let layout = expected_rootfs_layout(&[hosts, Path::new("/opt/app")]).unwrap();
        assert!(layout.0.contains(&Entry::Bind("/usr".into())));
        assert!(
            layout
                .0
                .contains(&Entry::Link("/lib64".into(), "usr/lib64".into()))
        );
        assert!(expected_rootfs_layout(&[Path::new("/usr/src/app")]).is_none());
    }

    #[test]
    fn a_project_below_usr_src_opens_the_way_to_it() {
        check(
            &["/usr/src/app"],
            &[
                "link /bin -> usr/bin",
                "bind /etc",
                "dir /srv",
                "dir /usr",
                "dir /usr/bin",
                "bind /usr/lib",
                "dir /usr/src",
            ],
        );
    }

    #[test]
    fn an_existing_file_is_mounted_over() {
        check(
            &["/etc/resolv.conf"],
            &["link /bin -> usr/bin", "bind /etc", "dir /srv", "bind /usr"],
        );
    }
}
