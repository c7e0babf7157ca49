//! Staging directories, in which something is built before it is moved to its final path.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::os;
use crate::process::error::{IoContext as _, Result};

/// The lock that an import holds, among those of the cache.
pub(crate) const IMPORT_LOCK: &str = "import";
/// What the name of a directory begins with in which an import stages, behind a dot.
pub(crate) const IMPORT_STAGED: &str = "cross-import-";

/// A directory that is removed when it is dropped, unless it was moved.
pub(crate) struct Staging(PathBuf);

impl Staging {
    /// Creates an empty directory. The caller has to hold its lock: files in it are a dead
    /// process's, or are still being removed.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        remove_tree(path)?;
        sweep_renamed(path);
        fs::create_dir_all(path).on("create directory", path)?;
        Ok(Staging(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = remove_tree(&self.0);
    }
}

/// Removes directories that were renamed from `path` for removal, by a process that then died.
fn sweep_renamed(path: &Path) {
    let (Some(home), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let prefix = format!("{}.removing.", name.to_string_lossy());
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            // Another process may be removing it.
            let _ = remove_tree(&entry.path());
        }
    }
}

/// Removes a directory tree, even if its directories are not writable. A tree that does not exist
/// is not an error.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    // Another process may be removing the same tree.
    for _ in 0..3 {
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                make_writable(path);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    fs::remove_dir_all(path).on("remove", path)
}

fn make_writable(dir: &Path) {
    let _ = os::set_mode(dir, 0o700);
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}
