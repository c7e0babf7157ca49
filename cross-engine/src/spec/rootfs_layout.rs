//! How a root file system's entries appear under a sandbox's empty `/`, so that any path of the
//! host can be a mount point.
//!
//! A directory of the root file system is bound read only as a whole, unless a mount lies inside
//! it: the kernel cannot create a mount point in a read-only tree. Such a directory is made empty
//! and its entries are bound one by one, down to where the mount begins.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::error::{IoContext as _, Result};

/// The entries of a sandbox's `/`, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout(pub(crate) Vec<Entry>);

/// One entry and what it is, by its path inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Bound read only from the root file system.
    Bind(PathBuf),
    /// A symbolic link to this text.
    Link(PathBuf, PathBuf),
    /// An empty directory.
    Dir(PathBuf),
}

/// Entries the sandbox makes itself, or which have nothing that builds need.
const OWN: [&str; 10] = [
    "dev", "proc", "sys", "tmp", "run", "root", "home", "boot", "mnt", "media",
];

/// Reads how the file system at `root` has to be laid out for mounts at `targets`.
///
/// # Errors
///
/// When a directory of the root file system cannot be read.
pub fn read_layout(root: &Path, targets: &[&Path]) -> Result<Layout> {
    let mut entries = Vec::new();
    expand(root, Path::new("/"), targets, &mut entries)?;
    Ok(Layout(entries))
}

fn expand(root: &Path, inside: &Path, targets: &[&Path], into: &mut Vec<Entry>) -> Result<()> {
    let outside = under(root, inside);
    let mut names: Vec<_> = fs::read_dir(&outside)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .on("read directory", &outside)?;
    names.sort();
    for name in names {
        let here = inside.join(&name);
        if inside == Path::new("/") && OWN.iter().any(|own| name == *own) {
            continue;
        }
        let on_disk = under(root, &here);
        let kind = fs::symlink_metadata(&on_disk)
            .on("inspect", &on_disk)?
            .file_type();
        if kind.is_symlink() {
            let text = fs::read_link(&on_disk).on("read link", &on_disk)?;
            into.push(Entry::Link(here, text));
        } else if kind.is_dir() && targets.iter().any(|t| *t != here && t.starts_with(&here)) {
            // A mount point that exists can be mounted over where it is.
            let new_point = targets
                .iter()
                .filter(|t| t.starts_with(&here))
                .any(|t| !under(root, t).exists());
            if new_point {
                into.push(Entry::Dir(here.clone()));
                expand(root, &here, targets, into)?;
            } else {
                into.push(Entry::Bind(here));
            }
        } else {
            into.push(Entry::Bind(here));
        }
    }
    Ok(())
}

/// The path on the host of `inside`, an absolute path in the root file system.
pub(crate) fn under(root: &Path, inside: &Path) -> PathBuf {
    root.join(inside.strip_prefix("/").unwrap_or(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for made in ["usr/bin", "usr/src", "usr/lib", "etc", "root", "tmp"] {
            fs::create_dir_all(dir.path().join(made)).unwrap();
        }
        fs::write(dir.path().join("etc/resolv.conf"), "").unwrap();
        std::os::unix::fs::symlink("usr/bin", dir.path().join("bin")).unwrap();
        dir
    }

    fn check(targets: &[&str], expected: &[&str]) {
        let root = root();
        let targets: Vec<_> = targets.iter().map(Path::new).collect();
        let got: Vec<_> = read_layout(root.path(), &targets)
            .unwrap()
            .0
            .iter()
            .map(|entry| match entry {
                Entry::Bind(path) => format!("bind {}", path.display()),
                Entry::Link(path, text) => format!("link {} -> {}", path.display(), text.display()),
                Entry::Dir(path) => format!("dir {}", path.display()),
            })
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn entries_are_bound_whole() {
        check(
            &["/w/app", "/home/u/.cargo/registry"],
            &["link /bin -> usr/bin", "bind /etc", "bind /usr"],
        );
    }

    #[test]
    fn a_project_below_usr_src_opens_the_way_to_it() {
        check(
            &["/usr/src/app"],
            &[
                "link /bin -> usr/bin",
                "bind /etc",
                "dir /usr",
                "bind /usr/bin",
                "bind /usr/lib",
                "dir /usr/src",
            ],
        );
    }

    #[test]
    fn an_existing_file_is_mounted_over() {
        check(
            &["/etc/resolv.conf"],
            &["link /bin -> usr/bin", "bind /etc", "bind /usr"],
        );
    }
}
