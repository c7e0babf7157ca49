//! What the kernel tells of itself and of processes, in files.

use std::path::{Path, PathBuf};

/// The path of `name` among the files in which the kernel describes itself and its processes:
/// `/proc/self/mountinfo`. Which of them exist depends on the kernel. `None` on Windows, where
/// anybody can create such a path.
pub fn kernel_file(name: &str) -> Option<PathBuf> {
    Some(Path::new("/proc").join(name))
}
