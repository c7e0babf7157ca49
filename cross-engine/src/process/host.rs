//! What this crate has to know about the machine it runs on: given by the caller, as values.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::process::error::{Error, Result};
use crate::process::invocation::Variables;

/// Variables that say how a server is reached.
pub(crate) const PROXY_VARIABLES: [&str; 10] = [
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// The machine as the caller describes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Host {
    /// The variables that tools of the host (a container CLI, `mmdebstrap`) start from. `PATH` in
    /// them is where programs are looked for.
    pub variables: Variables,
    /// Where environments and other things that can be made again are kept.
    pub cache: PathBuf,
    /// The user that files belong to.
    pub uid: u32,
    /// The group that files belong to.
    pub gid: u32,
}

impl Host {
    /// The machine with these variables and this cache directory; user and group are those of the
    /// calling process.
    pub fn new(variables: Variables, cache: impl Into<PathBuf>) -> Self {
        Host {
            variables,
            cache: cache.into(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        }
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(|v| v.as_os_str())
    }

    /// The program a shell would start for `name`: a name is looked up on `PATH`, a path is taken
    /// as it is.
    pub fn find_program(&self, name: impl AsRef<Path>) -> Option<PathBuf> {
        let name = name.as_ref();
        if name.components().count() > 1 {
            return is_executable(name).then(|| name.to_owned());
        }
        std::env::split_paths(self.variable("PATH")?)
            .map(|dir| dir.join(name))
            .find(|path| is_executable(path))
    }

    /// How many bytes this user may still write where the cache is or will be.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the file system cannot be asked.
    pub fn cache_free_bytes(&self) -> Result<u64> {
        let there = self.cache.ancestors().find(|dir| dir.exists());
        free_bytes(there.unwrap_or(Path::new("/")))
    }
}

/// How many bytes this user may still write in `dir`.
pub(crate) fn free_bytes(dir: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(dir)
        .map_err(|errno| Error::io("ask for the free space of", dir, errno.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_that_of_the_nearest_directory_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), dir.path().join("not/yet/there"));
        assert!(host.cache_free_bytes().unwrap() > 0);
        assert!(!host.cache.exists(), "asking makes nothing");
    }

    #[test]
    fn programs_are_found_on_the_given_path_only() {
        let host = |path: &str| {
            Host::new(
                Variables::from([("PATH".into(), path.into())]),
                "/nonexistent",
            )
        };
        assert_eq!(
            host("/nonexistent:/bin").find_program("sh"),
            Some(PathBuf::from("/bin/sh"))
        );
        assert_eq!(host("/nonexistent").find_program("sh"), None);
        assert_eq!(
            host("").find_program("/bin/sh"),
            Some(PathBuf::from("/bin/sh"))
        );
    }
}
