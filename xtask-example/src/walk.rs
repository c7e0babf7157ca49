//! The files that a path on the command line stands for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The file itself, or all files below a directory in a stable order.
///
/// Below a directory, hidden entries and symbolic links are left out (a link can lead to a loop,
/// or to a file that is found anyway). What cannot be listed goes to `failures`.
pub(crate) fn files(path: &Path, failures: &mut Vec<anyhow::Error>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let result = fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .map(|metadata| match metadata.is_dir() {
            true => walk(path, &mut found, failures),
            false => found.push(path.to_owned()),
        });
    failures.extend(result.err());
    found
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>, failures: &mut Vec<anyhow::Error>) {
    let listed = list(directory).with_context(|| format!("cannot list {}", directory.display()));
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) => return failures.push(error),
    };
    for (path, kind) in entries {
        if kind.is_dir() {
            walk(&path, found, failures);
        } else if kind.is_file() {
            found.push(path);
        }
    }
}

fn list(directory: &Path) -> Result<Vec<(PathBuf, fs::FileType)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push((entry.path(), entry.file_type()?));
        }
    }
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(entries)
}
