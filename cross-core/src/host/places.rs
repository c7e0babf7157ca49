//! Paths of the host: made absolute, and with their links followed.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use cross_engine::os::{self, System};

/// The limit of links in one path, as in Linux.
pub(crate) const LINKS: usize = 40;

/// Returns the absolute `path` without `.` and `..`. It leads where the operating system goes: the
/// directory above a link is the one above what the link leads to. Other links stay as written.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if fs::read_link(&normal).is_ok() {
                    normal = real_path(&normal);
                }
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// Returns the absolute `path` with its links followed, also those that lead to what does not exist
/// yet.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    match System::HERE {
        System::Windows => one_spelling(path),
        // Its disks ignore case, mostly, and know how a name was written first.
        System::Mac => one_spelling(&followed(path)),
        _ => followed(path),
    }
}

/// Names of Windows have several spellings (`C:\Users` is `c:\USERS`, and may be `C:\USERS~1`), of
/// which the system tells one for what exists.
fn one_spelling(path: &Path) -> PathBuf {
    let mut ancestors = path.ancestors();
    let existing = ancestors.find_map(|ancestor| Some((ancestor, os::canonical(ancestor).ok()?)));
    let Some((existing, mut real)) = existing else {
        return path.to_owned();
    };
    for part in path.strip_prefix(existing).unwrap_or(path).components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    real
}

fn followed(path: &Path) -> PathBuf {
    let mut real = PathBuf::new();
    let mut links = 0;
    let mut rest = reversed(path);
    while let Some(part) = rest.pop() {
        if part == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&part);
        match fs::read_link(&next) {
            Ok(to) if links < LINKS => {
                links += 1;
                rest.extend(reversed(&to));
            }
            _ => real = next,
        }
    }
    real
}

/// The components of a path, the first one last. An absolute path has its root among them.
fn reversed(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev();
    let parts = parts.filter(|part| *part != Component::CurDir);
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_leads_where_the_operating_system_goes() {
        let dir = tempfile::tempdir().unwrap();
        let top = os::canonical(dir.path()).unwrap();
        fs::create_dir_all(top.join("a/real/deep")).unwrap();
        symlink("a/real/deep", top.join("link")).unwrap();
        let normal_of = |path: &str| normal(&top.join(path));
        assert_eq!(normal_of("./a/../x"), top.join("x"));
        assert_eq!(normal_of("link/x"), top.join("link/x"));
        assert_eq!(normal_of("link/../x"), top.join("a/real/x"));
        assert_eq!(normal_of("none/../x"), top.join("x"));
        assert_eq!(normal(Path::new("/../x")), Path::new("/x"));
    }

    #[test]
    fn links_are_followed_to_what_does_not_exist_yet() {
        let dir = tempfile::tempdir().unwrap();
        let top = os::canonical(dir.path()).unwrap();
        symlink("../none/x", top.join("up")).unwrap();
        symlink(top.join("none/y"), top.join("there")).unwrap();
        symlink("there/z", top.join("twice")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        let above = top.parent().unwrap();
        assert_eq!(real_path(&top.join("up/t")), above.join("none/x/t"));
        assert_eq!(real_path(&top.join("twice")), top.join("none/y/z"));
        assert_eq!(real_path(&top.join("loop")), top.join("loop"));
        assert_eq!(real_path(Path::new("/")), Path::new("/"));
    }
}
