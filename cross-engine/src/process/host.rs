//! The host machine, described by the caller.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::os::{self, System};
use crate::process::error::{IoContext as _, Result};
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
            uid: os::users::uid(),
            gid: os::users::gid(),
        }
    }

    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(|value| value.as_os_str())
    }

    /// The user's home directory, by the convention of this system.
    pub fn home(&self) -> Option<PathBuf> {
        System::HERE.home(self.values())
    }

    /// Cargo's home: `CARGO_HOME`, else `.cargo` in the home directory.
    pub fn cargo_home(&self) -> Option<PathBuf> {
        System::HERE.cargo_home(self.values())
    }

    /// Rustup's home: `RUSTUP_HOME`, else `.rustup` in the home directory.
    pub fn rustup_home(&self) -> Option<PathBuf> {
        System::HERE.rustup_home(self.values())
    }

    /// The directory of the user's settings: `XDG_CONFIG_HOME`, else `.config` in the home
    /// directory; on Windows `APPDATA`.
    pub fn user_settings(&self) -> Option<PathBuf> {
        System::HERE.user_settings(self.values())
    }

    fn values(&self) -> impl Fn(&str) -> Option<OsString> {
        |name| self.variable(name).map(OsStr::to_owned)
    }

    /// Finds the executable that a shell would start for `name`: a bare name is searched on `PATH`,
    /// a path is used as it is. On Windows, the endings of `PATHEXT` are tried.
    pub fn find_program(&self, name: impl AsRef<Path>) -> Option<PathBuf> {
        let name = name.as_ref();
        match System::HERE {
            System::Windows => self.find_with_ending(name),
            // A relative path is relative to the process's directory, as it is for the process
            // door.
            _ => which::which_in(name, self.variable("PATH"), ".").ok(),
        }
    }

    /// Finds a program whose file has an ending that its name may lack. `which` would read the
    /// endings from the process and not from the caller's variables.
    fn find_with_ending(&self, name: &Path) -> Option<PathBuf> {
        let file = name.file_name()?;
        let names = System::Windows.program_names(file, self.variable("PATHEXT"));
        let dirs = match name.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            Some(dir) => vec![dir.to_owned()],
            None => std::env::split_paths(self.variable("PATH")?).collect(),
        };
        // An empty directory would be the current one, which may be the project's.
        let dirs = dirs.iter().filter(|dir| !dir.as_os_str().is_empty());
        let mut files = dirs.flat_map(|dir| names.iter().map(|name| dir.join(name)));
        files.find(|file| file.is_file())
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
    os::free_bytes(dir).on("query the free space of", dir)
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
    fn programs_with_an_ending_are_found_in_the_order_of_the_directories() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        for (dir, file) in [(&first, "docker.cmd"), (&second, "docker.exe")] {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join(file), "").unwrap();
        }
        std::fs::write(first.join("tool"), "no program").unwrap();
        let path = std::env::join_paths([&first, &second]).unwrap();
        let variables = [
            ("PATH".into(), path),
            ("PATHEXT".into(), ".exe;.cmd".into()),
        ];
        let host = Host::new(variables.into(), "/nonexistent");
        let find = |name: &Path| host.find_with_ending(name);
        assert_eq!(find("docker".as_ref()), Some(first.join("docker.cmd")));
        assert_eq!(find("docker.exe".as_ref()), Some(second.join("docker.exe")));
        assert_eq!(
            find(&second.join("docker")),
            Some(second.join("docker.exe"))
        );
        assert_eq!(find("tool".as_ref()), None);
    }

    #[cfg(unix)]
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
