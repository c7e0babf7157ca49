//! Where places of the host are seen inside.
//!
//! A tree of the host is seen with its links. What a link leads to is seen only where a mount is,
//! and no engine mounts anything on a link. So a mount is made where the links that a run sees
//! lead to.

use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::{Access, Mount};

use crate::facts::private_places::is_system;
use crate::host::places::{self, LINKS, real_path};

/// The mounts that show `mount`, whose paths are equal, where it is written and where it really is.
pub(crate) fn written_and_real(mount: Mount) -> impl Iterator<Item = Mount> {
    let real = real_path(&mount.source);
    let elsewhere = (real != mount.source).then(|| {
        let mut there = Mount::read(real);
        there.access = mount.access;
        there
    });
    elsewhere.into_iter().chain([mount])
}

/// Whether a mount of `path` would show more than `mounts` do. A mount of a directory above one of
/// them would hide it, and the environment has the directories of the system itself.
pub(crate) fn shows_more(path: &Path, mounts: &[Mount]) -> bool {
    let real = real_path(path);
    let is_shown = |place: &Path| {
        let mut mounts = mounts.iter();
        mounts.any(|mount| mount.access != Access::Scratch && place.starts_with(&mount.target))
    };
    let is_above = mounts.iter().any(|mount| mount.target.starts_with(&real));
    let is_known = is_shown(path) && is_shown(&real);
    real.exists() && !is_system(&real) && !is_above && !is_known
}

/// Moves each mount to where a run sees its target.
pub(crate) fn settle(mut mounts: Vec<Mount>) -> Vec<Mount> {
    // What is mounted further out decides which links are seen.
    let mut order: Vec<usize> = (0..mounts.len()).collect();
    order.sort_by_key(|at| mounts[*at].target.components().count());
    let mut outer: Vec<Mount> = Vec::new();
    for at in order {
        let mut links = 0;
        while let Some(next) = followed(&mounts[at].target, &outer).filter(|_| links < LINKS) {
            mounts[at].target = next;
            links += 1;
        }
        outer.push(mounts[at].clone());
    }
    mounts
}

/// Where the outermost link of `target` leads to that is seen in one of the mounts; `None` if there
/// is none.
fn followed(target: &Path, mounts: &[Mount]) -> Option<PathBuf> {
    let around = |mount: &&Mount| target != mount.target && target.starts_with(&mount.target);
    let outer = mounts.iter().filter(around);
    let tree = outer.max_by_key(|mount| mount.target.components().count())?;
    if tree.access == Access::Scratch {
        return None;
    }
    let mut rest = target.strip_prefix(&tree.target).ok()?.components();
    let (mut seen, mut source) = (tree.target.clone(), tree.source.clone());
    while let Some(part) = rest.next() {
        source.push(part);
        if let Ok(to) = fs::read_link(&source) {
            return Some(places::normal(&seen.join(to)).join(rest.as_path()));
        }
        seen.push(part);
    }
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use cross_engine::os;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_mount_is_made_where_the_links_that_are_seen_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let top = os::canonical(dir.path()).unwrap();
        for made in ["app", "disk/lib"] {
            fs::create_dir_all(top.join(made)).unwrap();
        }
        symlink(top.join("via"), top.join("app/lib")).unwrap();
        symlink("disk/lib", top.join("via")).unwrap();
        let settled = settle(vec![
            Mount::read("/cache/text").at(top.join("app/lib/file")),
            Mount::read(top.join("app/lib")),
            Mount::read(top.join("app")),
            Mount::scratch("/none"),
        ]);
        let targets: Vec<_> = settled.iter().map(|mount| &mount.target).collect();
        let expected = [top.join("via/file"), top.join("via"), top.join("app")];
        assert_eq!(targets[..3], expected.iter().collect::<Vec<_>>());
        let both: Vec<_> = written_and_real(Mount::write(top.join("app/lib"))).collect();
        let expected = [top.join("disk/lib"), top.join("app/lib")];
        assert_eq!(both, expected.map(Mount::write));
    }
}
