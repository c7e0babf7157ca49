//! Checks that the cache belongs to the caller alone, since its content is run, mounted and
//! trusted.

use std::fs;
use std::path::Path;

use cross_engine::os::{self, FileFacts, FileKind};

use crate::host::places::real_path;
use crate::model::error::{Error, ErrorKind, IoContext as _, Result};

/// The permissions of group and others.
const OTHERS: u32 = 0o077;
/// The permission of group and others to write.
const OTHERS_WRITE: u32 = 0o022;

/// Checks the directory of the cache and those in it. One that does not exist is created, unless it
/// would be in a project that `dir` is in.
///
/// # Errors
///
/// [`ErrorKind::Config`] for a cache that is a link, belongs to another user, or can be written by
/// others.
pub(crate) fn check(cache: &Path, uid: u32, dir: &Path) -> Result<()> {
    let Ok(meta) = cache.symlink_metadata() else {
        // A project that contains the cache is refused, and gets no directory by that.
        if !is_in_project(cache, dir) {
            create(cache);
        }
        return Ok(());
    };
    let facts = FileFacts::of(&meta);
    check_entry(cache, cache, &facts, uid, OTHERS_WRITE)?;
    // Others reach what is in the cache only where they may enter it.
    let others = match facts.mode & OTHERS {
        0 => 0,
        _ => OTHERS_WRITE,
    };
    for entry in fs::read_dir(cache).on("read directory", cache)? {
        let path = entry.on("read directory", cache)?.path();
        // It may be gone meanwhile. Nobody but the caller makes a link here, such as to
        // environments on another disk: what counts is the directory that the link leads to.
        let entry = path.symlink_metadata().map(|meta| FileFacts::of(&meta));
        let facts = match entry {
            Ok(facts) if facts.kind == FileKind::SymbolicLink && facts.uid == uid => {
                path.metadata().map(|meta| FileFacts::of(&meta))
            }
            entry => entry,
        };
        if let Ok(facts) = facts {
            check_entry(cache, &path, &facts, uid, others)?;
        }
    }
    Ok(())
}

/// Creates the cache for its user alone, if it does not exist.
pub(crate) fn create(cache: &Path) {
    // A cache that cannot be created is found out by what needs it.
    drop(os::create_private_directory(cache, true));
}

/// Whether `cache` is below a directory that may be the root of a workspace that `dir` is in.
fn is_in_project(cache: &Path, dir: &Path) -> bool {
    let (cache, dir) = (real_path(cache), real_path(dir));
    let mut roots = dir
        .ancestors()
        .filter(|dir| dir.join("Cargo.toml").exists());
    roots.any(|root| cache.starts_with(root))
}

fn check_entry(cache: &Path, path: &Path, facts: &FileFacts, uid: u32, others: u32) -> Result<()> {
    let (why, help) = if facts.kind == FileKind::SymbolicLink {
        (
            "is a link".to_owned(),
            "name the directory itself: set CROSS_CACHE_DIR, or call `cache_dir`".to_owned(),
        )
    } else if facts.uid != uid {
        (
            format!("belongs to the user {}", facts.uid),
            "use a cache of your own: set CROSS_CACHE_DIR, or call `cache_dir`".to_owned(),
        )
    } else if facts.mode & others != 0 {
        (
            format!("can be written by others (mode {:o})", facts.mode & 0o7777),
            format!(
                "remove what others may have written there, then `chmod 700 '{}'`",
                path.display()
            ),
        )
    } else {
        return Ok(());
    };
    let (cache, shown) = (cache.display(), path.display());
    let message = match cache.to_string() == shown.to_string() {
        true => format!("the cache directory `{cache}` {why}"),
        false => format!("`{shown}` in the cache directory `{cache}` {why}"),
    };
    Err(Error::new(ErrorKind::Config, message).with_help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::os::unix::fs::symlink;

    /// The directory of a request.
    const ELSEWHERE: &str = "/";

    fn facts(path: &Path) -> FileFacts {
        FileFacts::of(&path.metadata().unwrap())
    }

    fn uid(path: &Path) -> u32 {
        facts(path).uid
    }

    #[cfg(unix)]
    fn set_mode(path: &Path, mode: u32) {
        os::set_mode(path, mode).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_new_cache_is_the_callers_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("new/cache");
        check(&cache, uid(dir.path()), Path::new(ELSEWHERE)).unwrap();
        assert_eq!(facts(&cache).mode & 0o777, 0o700);
    }

    #[test]
    fn a_new_cache_in_the_project_is_not_created() {
        let top = tempfile::tempdir().unwrap();
        let (dir, cache) = (top.path().join("app/member"), top.path().join("app/cache"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(top.path().join("app/Cargo.toml"), "").unwrap();
        check(&cache, uid(top.path()), &dir).unwrap();
        assert!(!cache.exists());
        create(&cache);
        assert!(cache.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_cache_that_others_can_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let uid = uid(dir.path());
        for mode in [0o777, 0o770, 0o702, 0o1777] {
            set_mode(dir.path(), mode);
            let error = check(dir.path(), uid, Path::new(ELSEWHERE)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("can be written by others"));
        }
        let inner = dir.path().join("files");
        fs::create_dir(&inner).unwrap();
        set_mode(&inner, 0o777);
        set_mode(dir.path(), 0o755);
        let error = check(dir.path(), uid, Path::new(ELSEWHERE))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("`{}` in", inner.display())));
        set_mode(dir.path(), 0o700);
        check(dir.path(), uid, Path::new(ELSEWHERE)).unwrap();
    }

    #[test]
    fn a_cache_of_another_users_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = check(dir.path(), uid(dir.path()) + 1, Path::new(ELSEWHERE)).unwrap_err();
        assert!(error.to_string().contains("belongs to the user"));
    }

    #[cfg(unix)]
    #[test]
    fn a_cache_that_is_a_link_is_refused_and_so_is_what_a_link_in_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::create_dir(&real).unwrap();
        symlink("real", &link).unwrap();
        let uid = uid(&real);
        assert!(
            check(&link, uid, Path::new(ELSEWHERE))
                .unwrap_err()
                .to_string()
                .ends_with("is a link")
        );
        let elsewhere = dir.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, real.join("environments")).unwrap();
        check(&real, uid, Path::new(ELSEWHERE)).unwrap();
        set_mode(&elsewhere, 0o777);
        let error = check(&real, uid, Path::new(ELSEWHERE))
            .unwrap_err()
            .to_string();
        assert!(error.contains("can be written by others"), "{error}");
    }
}
