//! Files and directories of the host. What is written replaces a file atomically.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, RegularFile, limits};
use cross_engine::process::whole_file;
use hmac_sha256::Hash;

use crate::host::git_index;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::hash::hex;
use crate::model::step::{CACHEDIR_TAG, CACHEDIR_TAG_FILE, Prepared};

/// Opens a program, a library or an object file that the caller names. What cannot be opened is the
/// caller's error, so that no word about an environment or its cache belongs there.
pub(crate) fn open_program(path: &Path) -> Result<RegularFile> {
    let meta = fs::metadata(path).on("read", path).map_err(|error| {
        error.with_help("name an existing program, library or object file by its path")
    })?;
    if meta.is_dir() {
        let message = format!("cannot read `{}`: it is a directory", path.display());
        return Err(Error::new(ErrorKind::Io, message)
            .with_help("name a program, a library or an object file by its path"));
    }
    RegularFile::open(path).map_engine_error()
}

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
                    write(&path.join(CACHEDIR_TAG_FILE), CACHEDIR_TAG, false)?;
                }
            }
            Prepared::File {
                path,
                text,
                executable,
            } => write(path, text, *executable)?,
            Prepared::GitIndex {
                path,
                index,
                top,
                seen,
                sha256,
                has_filters,
            } => {
                let is_seen = |name: &[u8]| {
                    let file = top.join(&*String::from_utf8_lossy(name));
                    seen.iter().any(|dir| file.starts_with(dir))
                };
                let bytes = RegularFile::open(index).and_then(|file| file.bytes(git_index::LIMIT));
                let bytes = bytes.map_engine_error()?;
                let hash = if *sha256 { 32 } else { 20 };
                let marked = git_index::marked(&bytes, hash, is_seen);
                write_bytes(path, &marked.unwrap_or(bytes), false)?;
                let time = fs::metadata(index).and_then(|meta| meta.modified());
                let mut time = time.on("read the time of", index)?;
                if *has_filters {
                    // Git's times have no fractions.
                    time += Duration::from_secs(1);
                }
                let copy = fs::OpenOptions::new().write(true).open(path);
                copy.and_then(|copy| copy.set_modified(time))
                    .on("set the time of", path)?;
            }
        }
    }
    Ok(())
}

/// Whether the file at `path` is there with these `bytes`.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let there = RegularFile::open(path).and_then(|file| file.bytes(bytes.len() as u64));
    there.is_ok_and(|there| there == bytes)
}

/// Writes `text` to `path` unless the file has that content already. Other processes see the old
/// file or the new one.
pub(crate) fn write(path: &Path, text: &str, executable: bool) -> Result<()> {
    write_bytes(path, text.as_bytes(), executable)
}

fn write_bytes(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    if holds(path, bytes) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).on("create directory", dir)?;
    let mode = if executable { 0o755 } else { 0o644 };
    whole_file::write(path, bytes, mode).map_engine_error()
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

/// The version of the rustc that cargo recorded in a target directory, and its commit, as
/// [`Toolchain`] has them.
pub(crate) fn recorded_rustc(target_dir: &Dir) -> Option<(String, Option<String>)> {
    let file = target_dir.file(".rustc_info.json").ok()?;
    let text = file.text(limits::RECORD).ok()?;
    let record: serde_json::Value = serde_json::from_str(&text).ok()?;
    let outputs = record.get("outputs")?.as_object()?;
    outputs.values().find_map(|output| {
        let stdout = output.get("stdout")?.as_str()?;
        let field = |name| stdout.lines().find_map(|line| line.strip_prefix(name));
        let known = |name| field(name).filter(|value| *value != "unknown");
        let commit = known("commit-hash: ").map(|hash| match known("commit-date: ") {
            Some(day) => format!("{hash} {day}"),
            None => hash.to_owned(),
        });
        Some((field("release: ")?.to_owned(), commit))
    })
}

#[cfg(test)]
mod tests {
    use cross_engine::os::FileFacts;

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
        let mode = FileFacts::of(&path.metadata().unwrap()).mode;
        assert_eq!(mode & 0o777, 0o755);
    }
}
