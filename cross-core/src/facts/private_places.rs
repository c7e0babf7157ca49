//! What of the host no run sees, whichever link, literal or flag leads there.

use std::path::Path;

use crate::host::places::real_path;

/// Directories of the environment's own system. A link into them leads to the same place inside.
const SYSTEM: [&str; 11] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr",
];

/// What is private.
#[derive(Debug)]
pub(crate) struct Private<'a> {
    /// The user's home directory.
    pub(crate) home: Option<&'a Path>,
    pub(crate) cargo_home: &'a Path,
    /// The cache of this library.
    pub(crate) cache: &'a Path,
}

impl Private<'_> {
    /// Why no run may see `real`, as the rest of a sentence that begins with it; `None` if it may.
    pub(crate) fn reason(&self, real: &Path) -> Option<String> {
        let overlaps = |dir: &Path| {
            let dir = real_path(dir);
            real.starts_with(&dir) || dir.starts_with(real)
        };
        let home = self.home.map(real_path);
        if home.as_ref().is_some_and(|home| home.starts_with(real)) {
            return Some("which is private: the home directory is there".to_owned());
        }
        if overlaps(self.cache) {
            return Some("which is private: the cache directory is there".to_owned());
        }
        if overlaps(self.cargo_home) {
            return Some("which is private: the cargo home is there".to_owned());
        }
        if let Some(home) = home {
            let below = real.strip_prefix(&home).ok();
            let first = below.and_then(|below| below.components().next());
            let first = first.map(|name| name.as_os_str().to_string_lossy().into_owned());
            if let Some(name) = first.filter(|name| name.starts_with('.')) {
                return Some(format!(
                    "which is private: it is in `{name}` of the home directory"
                ));
            }
        }
        let hidden = real.components().find(|part| {
            let name = part.as_os_str();
            name == ".git" || name == ".cargo"
        });
        let name = hidden?.as_os_str().to_string_lossy().into_owned();
        Some(format!(
            "which is private: it is in a directory `{name}`, which may hold secrets"
        ))
    }
}

/// Whether the environment has a place of its own there.
pub(crate) fn is_system(real: &Path) -> bool {
    let is_of_the_kernel = real.starts_with("/run") && !real.starts_with("/run/media");
    is_of_the_kernel || SYSTEM.iter().any(|dir| real.starts_with(dir))
}
