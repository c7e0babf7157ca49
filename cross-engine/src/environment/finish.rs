//! The last steps of making an environment's root file system.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

use crate::environment::base_rootfs;
use crate::environment::blueprint::Blueprint;
use crate::environment::dedup;
use crate::environment::manifest::Manifest;
use crate::image::store;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;

/// Makes the mount points that runs need and the caller the owner, stores once what other root file
/// systems have, too, and writes the manifest.
pub(crate) fn finish(root: &Path, blueprint: &Blueprint, host: &Host) -> Result<()> {
    let certificates = root.join("etc/ssl/certs");
    fs::create_dir_all(&certificates).on("create directory", &certificates)?;
    for file in ["etc/resolv.conf", "etc/hosts", "etc/passwd", "etc/group"] {
        let path = root.join(file);
        // A link would lead the mount astray.
        if path.is_symlink() {
            fs::remove_file(&path).on("remove", &path)?;
        }
        if !path.exists() {
            fs::write(&path, "").on("write", &path)?;
        }
    }
    let bytes = take_over(root, host).on("take over", root)?;
    dedup::link_equal(root, &alike(blueprint, host), &root.with_file_name("link"))
        .on("link files of", root)?;
    Manifest::new(blueprint, bytes).write(root.parent().unwrap_or(root))
}

/// Root file systems that have files in common with `blueprint`'s: its base's, then those of its suite,
/// the latest first.
fn alike(blueprint: &Blueprint, host: &Host) -> Vec<PathBuf> {
    let base = blueprint.beginning();
    let base = base.map(|base| base_rootfs::home(host, &base.name).join("root"));
    let homes = fs::read_dir(host.cache.join(store::HOME))
        .into_iter()
        .flatten();
    let mut others: Vec<_> = homes
        .flatten()
        .filter_map(|home| Some((Manifest::read(&home.path())?, home.path())))
        .filter(|(manifest, _)| manifest.is_of(blueprint))
        .map(|(manifest, home)| (std::cmp::Reverse(manifest.made_at()), home.join("root")))
        .collect();
    others.sort();
    let others = others.into_iter().map(|(_, root)| root);
    base.into_iter().chain(others).collect()
}

/// Makes the caller the owner of a tree, and returns the bytes it occupies on disk.
fn take_over(dir: &Path, host: &Host) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        if (meta.uid(), meta.gid()) != (host.uid, host.gid) {
            lchown(&path, Some(host.uid), Some(host.gid))?;
        }
        bytes += meta.blocks() * 512;
        if meta.is_dir() {
            bytes += take_over(&path, host)?;
        }
    }
    Ok(bytes)
}
