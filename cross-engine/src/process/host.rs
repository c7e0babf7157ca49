//! The host machine, described by the caller.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::process::error::{Error, Result};
use crate::process::invocation::Variables;

/// The variables that configure proxies.
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

/// The host machine: its environment variables, the cache directory and the user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Host {
    /// The environment of host tools such as a container CLI or `mmdebstrap`. Programs are searched
    /// on its `PATH`.
    pub variables: Variables,
    /// The cache directory. Everything in it can be recreated.
    pub cache: PathBuf,
    /// The user that owns files.
    pub uid: u32,
    /// The group that owns files.
    pub gid: u32,
}

impl Host {
    /// Creates a host with these variables and this cache directory. User and group are those of
    /// the calling process.
    pub fn new(variables: Variables, cache: impl Into<PathBuf>) -> Self {
        Host {
            variables,
            cache: cache.into(),
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        }
    }

    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(|value| value.as_os_str())
    }

    /// Finds the executable that a shell would start for `name`: a bare name is searched on `PATH`,
    /// a path is used as it is.
    pub fn find_program(&self, name: impl AsRef<Path>) -> Option<PathBuf> {
        // A relative path is relative to the process's directory, as it is for the process door.
        which::which_in(name.as_ref(), self.variable("PATH"), ".").ok()
    }

    /// The free space for this user on the file system of the cache directory, in bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file system cannot be queried.
    pub fn cache_free_bytes(&self) -> Result<u64> {
        let existing = self.cache.ancestors().find(|dir| dir.exists());
        free_bytes(existing.unwrap_or(Path::new("/")))
    }
}

/// The free space for this user on the file system of `dir`, in bytes.
pub(crate) fn free_bytes(dir: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(dir)
        .map_err(|errno| Error::io("query the free space of", dir, errno.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
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
