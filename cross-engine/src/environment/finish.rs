//! The last steps of building an environment's root file system.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment::base_rootfs;
use crate::environment::blueprint::Blueprint;
use crate::environment::contents_file::{self, CONTENTS};
use crate::environment::dedup;
use crate::environment::manifest::Manifest;
use crate::image::store;
use crate::os::{self, FileFacts};
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;

/// Creates the mount points that runs need, changes the owner to the caller, replaces files that
/// other root file systems have by hard links, and writes the contents and the manifest.
pub(crate) fn finish(root: &Path, blueprint: &Blueprint, host: &Host) -> Result<()> {
    let certificates = root.join("etc/ssl/certs");
    fs::create_dir_all(&certificates).on("create directory", &certificates)?;
    for file in ["etc/resolv.conf", "etc/hosts", "etc/passwd", "etc/group"] {
        let path = root.join(file);
        // A mount on a link would follow it.
        if path.is_symlink() {
            fs::remove_file(&path).on("remove", &path)?;
        }
        if !path.exists() {
            fs::write(&path, "").on("write", &path)?;
        }
    }
    let bytes = change_owner(root, host).on("change the owner of", root)?;
    dedup::link_equal(
        root,
        &similar_rootfs(blueprint, host),
        &root.with_file_name("link"),
    )
    .on("link files of", root)?;
    let home = root.parent().unwrap_or(root);
    let contents = contents_file::of_root(root, blueprint)?;
    if let Some(locked) = &blueprint.locked {
        locked.check(&contents, &blueprint.name)?;
    }
    contents_file::write(&home.join(CONTENTS), &contents)?;
    Manifest::new(blueprint, bytes).write(home)
}

/// The root file systems that have files in common with `blueprint`'s: its base's, then those of
/// its suite, the newest first.
fn similar_rootfs(blueprint: &Blueprint, host: &Host) -> Vec<PathBuf> {
    let base = blueprint.usable_base();
    let base = base.map(|base| base_rootfs::base_dir(host, &base.name).join("root"));
    let entries = fs::read_dir(host.cache.join(store::ENVIRONMENTS))
        .into_iter()
        .flatten();
    let mut others: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((Manifest::read(&entry.path())?, entry.path())))
        .filter(|(manifest, _)| manifest.is_similar(blueprint))
        .map(|(manifest, dir)| (std::cmp::Reverse(manifest.built_at()), dir.join("root")))
        .collect();
    others.sort();
    let others = others.into_iter().map(|(_, root)| root);
    base.into_iter().chain(others).collect()
}

/// Changes the owner of a tree to the caller, and returns its size on disk in bytes.
fn change_owner(dir: &Path, host: &Host) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        let facts = FileFacts::of(&meta);
        if (facts.uid, facts.gid) != (host.uid, host.gid) {
            os::change_owner(&path, host.uid, host.gid)?;
        }
        bytes += facts.allocated;
        if meta.is_dir() {
            bytes += change_owner(&path, host)?;
        }
    }
    Ok(bytes)
}
