//! The ignore list of a build's context: the user's own, and cache directories.
//!
//! A directory that is marked as a cache (by a file `CACHEDIR.TAG`, as cargo marks `target`) may
//! have gigabytes, and is not source code. To ignore it, a builder gets an ignore file outside of
//! the user's directory: podman by an option, BuildKit by the Containerfile's name. The legacy
//! builder of docker reads only the ignore file in the context, so it gets everything that this
//! does not exclude.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::os::System;
use crate::process::error::{IoContext as _, Result};

/// The start of a file `CACHEDIR.TAG` (<https://bford.info/cachedir/>).
const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Returns the ignore list for the context `dir` of the Containerfile `file`, if there are caches
/// to ignore besides what the user's own list has.
///
/// The caches come first, so that a user's line `!target` includes one again.
pub(crate) fn ignore_list(dir: &Path, file: &Path) -> Result<Option<String>> {
    let mut caches = Vec::new();
    find_caches(dir, Path::new(""), &mut caches)?;
    if caches.is_empty() {
        return Ok(None);
    }
    caches.sort();
    let mut list: String = caches.iter().map(|path| format!("{path}\n")).collect();
    if let Some(own) = own_list(dir, file) {
        list.push_str(&fs::read_to_string(&own).on("read", &own)?);
    }
    Ok(Some(list))
}

/// The ignore file that a builder would read: the Containerfile's own, or the context's.
fn own_list(dir: &Path, file: &Path) -> Option<PathBuf> {
    let beside = |ending: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    [
        beside(".containerignore"),
        beside(".dockerignore"),
        dir.join(".containerignore"),
        dir.join(".dockerignore"),
    ]
    .into_iter()
    .find(|path| path.is_file())
}

/// Adds the patterns of the caches below `dir`, whose path in the context is `inside`. Caches are
/// not searched themselves.
fn find_caches(dir: &Path, inside: &Path, patterns: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(dir).on("read directory", dir)? {
        let entry = entry.on("read directory", dir)?;
        let (path, name) = (entry.path(), entry.file_name());
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || name == OsStr::new(".git") {
            continue;
        }
        let inside = inside.join(&name);
        if is_cache(&path) {
            // A path that is not UTF-8 cannot be in the list.
            patterns.extend(System::HERE.for_linux(&inside).to_str().map(pattern));
        } else if fs::read_dir(&path).is_ok() {
            find_caches(&path, &inside, patterns)?;
        }
    }
    Ok(())
}

fn is_cache(dir: &Path) -> bool {
    let mut start = [0; SIGNATURE.len()];
    let tag = fs::File::open(dir.join("CACHEDIR.TAG"));
    tag.and_then(|mut tag| tag.read_exact(&mut start)).is_ok() && start == SIGNATURE
}

/// A pattern that matches only this path. A leading `#` or `!` is escaped.
fn pattern(path: &str) -> String {
    let is_special = |letter: char| matches!(letter, '*' | '?' | '[' | ']' | '\\');
    let mut text = String::new();
    for (index, letter) in path.chars().enumerate() {
        if is_special(letter) || (index == 0 && matches!(letter, '#' | '!')) {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# made by cargo\n";

    #[test]
    fn caches_are_left_out_before_the_users_own_list() {
        let dir = context(&[
            ("target/CACHEDIR.TAG", TAG),
            ("target/x/CACHEDIR.TAG", TAG),
            ("sub/[odd]/CACHEDIR.TAG", TAG),
            ("!not/CACHEDIR.TAG", TAG),
            ("source/CACHEDIR.TAG", "Signature: another"),
            (".dockerignore", "*.log\n!target/keep\n"),
        ]);
        let list = ignore_list(dir.path(), &dir.path().join("Dockerfile")).unwrap();
        assert_eq!(
            list.unwrap(),
            "\\!not\nsub/\\[odd\\]\ntarget\n*.log\n!target/keep\n"
        );
    }

    #[test]
    fn a_list_of_the_containerfiles_own_comes_before_the_contexts() {
        let dir = context(&[
            ("target/CACHEDIR.TAG", TAG),
            ("ci/Dockerfile.dockerignore", "mine\n"),
            (".dockerignore", "other\n"),
        ]);
        let list = ignore_list(dir.path(), &dir.path().join("ci/Dockerfile")).unwrap();
        assert_eq!(list.unwrap(), "target\nmine\n");
    }

    #[test]
    fn without_caches_the_builder_reads_its_own_list() {
        let dir = context(&[(".dockerignore", "*.log\n"), ("src/main.rs", "")]);
        let list = ignore_list(dir.path(), &dir.path().join("Dockerfile")).unwrap();
        assert_eq!(list, None);
    }
}
