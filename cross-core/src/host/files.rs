//! Files and directories of the host. What is written replaces a file atomically.

use std::fs;
use std::io;
use std::path::Path;

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, RegularFile, limits};
use cross_engine::process::whole_file;
use hmac_sha256::Hash;

use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::hash::hex;
use crate::model::step::Prepared;

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

/// Whether the file at `path` is there with this `text`.
fn holds(path: &Path, text: &str) -> bool {
    let there = RegularFile::open(path).and_then(|file| file.bytes(text.len() as u64));
    there.is_ok_and(|there| there == text.as_bytes())
}

/// Writes `text` to `path` unless the file has that content already. Other processes see the old
/// file or the new one.
pub(crate) fn write(path: &Path, text: &str, executable: bool) -> Result<()> {
    if holds(path, text) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).on("create directory", dir)?;
    let mode = if executable { 0o755 } else { 0o644 };
    whole_file::write(path, text.as_bytes(), mode).map_engine_error()
}

/// Opens the file at `path`, which has to be below `dir`.
pub(crate) fn open(dir: &Dir, path: &Path) -> Result<RegularFile> {
    dir.file(relative(dir, path)?).map_engine_error()
}

/// `path`, which has to be below `dir`, from there.
pub(crate) fn relative<'p>(dir: &Dir, path: &'p Path) -> Result<&'p Path> {
    dir.relative(path).ok_or_else(|| {
        let (path, dir) = (path.display(), dir.path().display());
        Error::new(
            ErrorKind::Untrusted,
            format!("`{path}` is not below `{dir}`"),
        )
    })
}

/// The SHA-256 of `file`, in hexadecimal.
pub(crate) fn sha256(file: &RegularFile, cancel: &Cancel) -> Result<String> {
    let mut hasher = Hash::new();
    loop {
        let bytes = file.chunk().map_engine_error()?;
        if bytes.is_empty() {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&bytes);
        let stopped = |why| Error::stopped(why, "the computing of checksums");
        cancel.check().map_err(stopped)?;
    }
}

/// The version of the rustc that cargo recorded in a target directory.
pub(crate) fn recorded_rustc(target_dir: &Dir) -> Option<String> {
    let file = target_dir.file(".rustc_info.json").ok()?;
    let text = file.text(limits::RECORD).ok()?;
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
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_are_written_once_and_with_their_mode() {
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
