//! What of a build's context is not sent to the builder: what its owner says, and directories of caches.
//!
//! A directory that is marked as a cache (by a file `CACHEDIR.TAG`, as cargo marks `target`) can be
//! gigabytes and is no source. To leave it out, a builder is given a list that is not in the user's
//! directory: podman takes one by an option, BuildKit where it has the Containerfile's name. The
//! legacy builder of docker knows the list in the context only, so that there everything is sent which
//! that list leaves.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::process::error::{IoContext as _, Result};

/// How the file `CACHEDIR.TAG` of a cache begins (<https://bford.info/cachedir/>).
const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// The list for the context `dir` of the Containerfile `file`, if something has to be left out beside
/// what the list says that is found there.
///
/// What we leave out comes first, so that a line `!target` of the user's takes it back.
pub(crate) fn ignored(dir: &Path, file: &Path) -> Result<Option<String>> {
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

/// The list that a builder would read: one of the Containerfile's own before the context's.
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

/// Adds the patterns of the caches below `dir`, which is `inside` the context. What is in a cache is
/// part of it.
fn find_caches(dir: &Path, inside: &Path, into: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(dir).on("read directory", dir)? {
        let entry = entry.on("read directory", dir)?;
        let (path, name) = (entry.path(), entry.file_name());
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) || name == OsStr::new(".git") {
            continue;
        }
        let inside = inside.join(&name);
        if is_cache(&path) {
            // What is not UTF-8 cannot be in a list.
            into.extend(inside.to_str().map(pattern));
        } else if fs::read_dir(&path).is_ok() {
            find_caches(&path, &inside, into)?;
        }
    }
    Ok(())
}

fn is_cache(dir: &Path) -> bool {
    let mut begin = [0; SIGNATURE.len()];
    let tag = fs::File::open(dir.join("CACHEDIR.TAG"));
    tag.and_then(|mut tag| tag.read_exact(&mut begin)).is_ok() && begin == SIGNATURE
}

/// A pattern that matches this path alone. A path that begins with `#` or `!` begins with a backslash.
fn pattern(path: &str) -> String {
    let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '\\');
    let mut text = String::new();
    for (n, c) in path.chars().enumerate() {
        if special(c) || (n == 0 && matches!(c, '#' | '!')) {
            text.push('\\');
        }
        text.push(c);
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
        let list = ignored(dir.path(), &dir.path().join("Dockerfile")).unwrap();
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
        let list = ignored(dir.path(), &dir.path().join("ci/Dockerfile")).unwrap();
        assert_eq!(list.unwrap(), "target\nmine\n");
    }

    #[test]
    fn without_caches_the_builder_reads_its_own_list() {
        let dir = context(&[(".dockerignore", "*.log\n"), ("src/main.rs", "")]);
        let list = ignored(dir.path(), &dir.path().join("Dockerfile")).unwrap();
        assert_eq!(list, None);
    }
}
