//! Writes files and directories on the host. Each file is replaced atomically.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::model::hash::hex;
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::model::step::Prepared;
use sha2::{Digest as _, Sha256};

/// The tag that marks a directory as a cache, by the Cache Directory Tagging Specification.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This file is a cache directory tag created by cross-core.\n\
    # For information about cache directory tags see https://bford.info/cachedir/\n";

/// Creates the directories and files.
pub(crate) fn prepare(entries: &[Prepared]) -> Result<()> {
    for entry in entries {
        match entry {
            Prepared::Directory(path) => fs::create_dir_all(path).on("create directory", path)?,
            Prepared::EmptyDirectory(path) => {
                match fs::remove_dir_all(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    removed => removed.on("empty directory", path)?,
                }
                fs::create_dir_all(path).on("create directory", path)?;
            }
            Prepared::CacheDirectory(path) => {
                if !path.exists() {
                    fs::create_dir_all(path).on("create directory", path)?;
                    write(&path.join("CACHEDIR.TAG"), CACHEDIR_TAG, false)?;
                }
            }
            Prepared::File {
                path,
                text,
                executable,
            } => write(path, text, *executable)?,
        }
    }
    Ok(())
}

/// Writes `text` to `path` unless the file has that content already. Other processes see the old
/// file or the new one.
pub(crate) fn write(path: &Path, text: &str, executable: bool) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|current| current == text) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).on("create directory", dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir).on("create a file in", dir)?;
    file.write_all(text.as_bytes()).on("write", path)?;
    let mode = if executable { 0o755 } else { 0o644 };
    fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).on("write", path)?;
    file.persist(path)
        .map(drop)
        .map_err(|e| Error::io("write", path, e.error))
}

/// Publishes the built artifacts at their paths: as hard links, or as copies where the file system
/// has no hard links between the two places.
pub(crate) fn publish(built: &[Artifact]) -> Result<()> {
    for artifact in built {
        let from = &artifact.inside;
        if artifact.kind == ArtifactKind::Test || *from == artifact.path {
            continue;
        }
        if !from.exists() {
            return Err(Error::new(
                ErrorKind::Io,
                format!(
                    "cargo reported that it built `{}`, but the file does not exist",
                    from.display()
                ),
            ));
        }
        publish_file(from, &artifact.path)?;
    }
    Ok(())
}

/// The SHA-256 of the file at `path`, in hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).on("open", path)?;
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut hasher).on("read", path)?;
    Ok(hex(&hasher.finalize()))
}

/// Publishes one file at `to`, atomically.
fn publish_file(from: &Path, to: &Path) -> Result<()> {
    if same_file(from, to) {
        return Ok(());
    }
    let dir = to.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).on("create directory", dir)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let temporary = dir.join(format!(".{name}.{}", std::process::id()));
    if fs::hard_link(from, &temporary).is_err() {
        fs::copy(from, &temporary).on("copy the artifact to", to)?;
    }
    fs::rename(&temporary, to).on("publish", to)
}

/// Publishes the contents of `from`, cargo's directory for a target, below `to`.
///
/// Publishes the files that cargo makes for its user: those of each profile, its examples and the
/// documentation. Cargo's intermediate files are left out. A file of a profile that is not
/// published yet is published only if `filter` accepts it.
pub(crate) fn mirror(from: &Path, to: &Path, filter: &mut Filter<'_>) -> Result<()> {
    for profile in directories(from) {
        let (from, to) = (from.join(&profile), to.join(&profile));
        if profile == "doc" {
            mirror_tree(&from, &to)?;
            continue;
        }
        mirror_files(&from, &to, filter)?;
        mirror_files(&from.join("examples"), &to.join("examples"), filter)?;
    }
    Ok(())
}

/// Whether a file may be published; takes the file and the path it would be published at.
pub(crate) type Filter<'a> = dyn FnMut(&Path, &Path) -> Result<bool> + 'a;

fn mirror_tree(from: &Path, to: &Path) -> Result<()> {
    mirror_files(from, to, &mut |_, _| Ok(true))?;
    for inner in directories(from) {
        mirror_tree(&from.join(&inner), &to.join(&inner))?;
    }
    Ok(())
}

fn mirror_files(from: &Path, to: &Path, filter: &mut Filter<'_>) -> Result<()> {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.');
        if hidden || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(name));
        if !same_file(&from, &to) && filter(&from, &to)? {
            publish_file(&from, &to)?;
        }
    }
    Ok(())
}

/// The names of the directories in `dir`; none if `dir` does not exist.
fn directories(dir: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name())
        .collect()
}

fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) else {
        return false;
    };
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// The version of rustc that cargo recorded in a target directory.
pub(crate) fn recorded_rustc(target_dir: &Path) -> Option<String> {
    let text = fs::read_to_string(target_dir.join(".rustc_info.json")).ok()?;
    let record: serde_json::Value = serde_json::from_str(&text).ok()?;
    let outputs = record.get("outputs")?.as_object()?;
    outputs.values().find_map(|output| {
        let stdout = output.get("stdout")?.as_str()?;
        let release = stdout
            .lines()
            .find_map(|line| line.strip_prefix("release: "))?;
        Some(release.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_links_the_built_file_and_replaces_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("built/app"), dir.path().join("out/app"));
        fs::create_dir_all(from.parent().unwrap()).unwrap();
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        let artifact = Artifact {
            package: "app".into(),
            name: "app".into(),
            kind: ArtifactKind::Executable,
            profile: "dev".into(),
            path: to.clone(),
            inside: from.clone(),
            glibc: None,
            sha256: None,
        };
        publish(&[artifact]).unwrap();
        assert_eq!(sha256(&to).unwrap()[..8], *"11507a0e");
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
        assert!(same_file(&from, &to));
        let left: Vec<_> = fs::read_dir(to.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file is left");
    }

    #[test]
    fn an_unchanged_file_is_not_written_again_and_has_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/run");
        let script = Prepared::File {
            path: path.clone(),
            text: "#!/bin/sh\n".into(),
            executable: true,
        };
        prepare(std::slice::from_ref(&script)).unwrap();
        let first = path.metadata().unwrap().modified().unwrap();
        prepare(&[script]).unwrap();
        assert_eq!(path.metadata().unwrap().modified().unwrap(), first);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    }
}
