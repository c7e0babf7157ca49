//! The crate's error type.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::os::System;
use crate::process::cancel::Stopped;
use crate::process::untrusted::refused::Refused;

/// An error of this crate: its [`kind`](Error::kind), a message (`Display`) and, where one is
/// known, a [remedy](Error::help).
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The category of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No engine on this machine can serve the request.
    NoEngine,
    /// The requested engine is not installed or does not respond.
    EngineUnusable,
    /// The engine responded, but could not start the command.
    EngineCannotStart,
    /// A required program is not on `PATH`.
    ToolMissing,
    /// The package mirror or the image registry cannot be reached.
    Unreachable,
    /// A package of the recipe does not exist in its suite.
    PackageNotFound,
    /// The image does not exist in its registry, or this user may not see it.
    ImageNotFound,
    /// A lock does not hold: a mirror serves another file than the lock names, or what was made is
    /// not what the lock says.
    Lock,
    /// An archive cannot be written or imported: it is cut, damaged, hostile, of a newer format or for
    /// another architecture, or a part of it is there and differs.
    Archive,
    /// The image exists, but not for the requested platform.
    PlatformNotFound,
    /// A user's command failed while an environment or an image was built.
    CommandFailed,
    /// An environment could not be built, or the record of one in the cache is damaged.
    Environment,
    /// The command was killed from outside of this process.
    Killed,
    /// Reading or writing a file failed.
    Io,
    /// A run left something that is not read: a link, a named pipe, a device, or too much.
    /// [`why_refused`](Error::why_refused) says which.
    Untrusted,
    /// A path cannot be passed to an engine because it is not UTF-8.
    Path,
    /// The engine does not see a file of the caller's that a run needs, or any of them.
    OutOfReach,
    /// The caller cancelled.
    Cancelled,
    /// The caller's deadline passed.
    Deadline,
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Inner {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    unusable: Vec<UnusableEngine>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    refused: Option<Refused>,
    disk_full: bool,
}

/// An engine that cannot be used, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnusableEngine {
    /// What was requested: the name of a kind of engine, or a program.
    pub engine: String,
    /// Why it cannot be used, in the engine's own words where it printed any.
    pub reason: String,
    /// The remedy.
    pub help: String,
    /// Whether its program is installed.
    pub installed: bool,
}

impl fmt::Display for UnusableEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.engine, self.reason)
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            help: None,
            unusable: Vec::new(),
            source: None,
            refused: None,
            disk_full: false,
        }))
    }

    /// An error about the file at `path`, which a run left there and which is not read.
    pub(crate) fn refused(path: &Path, why: Refused) -> Self {
        let message = format!("`{}` is not read: {why}", path.display());
        let mut error = Error::new(ErrorKind::Untrusted, message).with_help(
            "something that ran in the environment (a build script, a macro, a test) put it there: look for it in the \
             project's own code and in its dependencies",
        );
        error.0.refused = Some(why);
        error
    }

    /// The same about a directory to which files are copied. It is outside, and the user's.
    pub(crate) fn of_destination(mut self) -> Self {
        if self.0.refused.is_none() {
            return self;
        }
        self.0.message = self.0.message.replace("is not read", "gets no files");
        self.with_help(
            "replace it by a directory, or name the directory that it leads to with `--target-dir` or `CARGO_TARGET_DIR`",
        )
    }

    /// `verb` names the failed operation ("read", "create directory") on `path`.
    pub(crate) fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        let error = Error::new(ErrorKind::Io, format!("cannot {verb} `{}`", path.display()));
        let error = match source.kind() {
            io::ErrorKind::StorageFull => error.with_help(format!(
                "free some space on the file system of `{}`",
                path.display()
            )),
            io::ErrorKind::IsADirectory => error.with_help(format!(
                "`{}` is a directory, where a file belongs: move it away",
                path.display()
            )),
            io::ErrorKind::ReadOnlyFilesystem => error.with_help(format!(
                "mount the file system of `{}` writable, or choose another directory; \
                 `CROSS_CACHE_DIR` sets the cache directory",
                path.display()
            )),
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                let mut above = path.ancestors();
                match above.find(|above| above.exists() && !above.is_dir()) {
                    Some(file) => error.with_help(format!(
                        "`{}` is not a directory: move it away, or choose another directory",
                        file.display()
                    )),
                    None => error,
                }
            }
            io::ErrorKind::PermissionDenied => error.with_help(denied(path, System::HERE)),
            io::ErrorKind::NotFound => {
                let mut above = path.ancestors().skip(1);
                match above.find(|above| above.exists()) {
                    Some(above) => error.with_help(format!(
                        "of its path only `{}` exists; `CROSS_CACHE_DIR` sets the cache directory",
                        above.display()
                    )),
                    None => error,
                }
            }
            _ => error,
        };
        error.with_source(source)
    }

    pub(crate) fn stopped(why: Stopped, what: &str) -> Self {
        let kind = match why {
            Stopped::Cancelled => ErrorKind::Cancelled,
            Stopped::Deadline => ErrorKind::Deadline,
        };
        Error::new(kind, format!("{why} during {what}"))
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    pub(crate) fn with_unusable(mut self, unusable: Vec<UnusableEngine>) -> Self {
        self.0.unusable = unusable;
        self
    }

    pub(crate) fn with_disk_full(mut self) -> Self {
        self.0.disk_full = true;
        self
    }

    pub(crate) fn is_disk_full(&self) -> bool {
        self.0.disk_full
    }

    /// The cause of this error, for an error that takes its place.
    pub fn into_source(self) -> Option<Box<dyn std::error::Error + Send + Sync>> {
        self.0.source
    }

    /// The category of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The remedy, where one is known.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Why something is not read, for [`ErrorKind::Untrusted`].
    pub fn why_refused(&self) -> Option<&Refused> {
        self.0.refused.as_ref()
    }

    pub(crate) fn io_kind(&self) -> Option<io::ErrorKind> {
        let source = self.0.source.as_ref()?;
        Some(source.downcast_ref::<io::Error>()?.kind())
    }

    /// The engines that were tried, with the reason why each cannot be used.
    pub fn unusable(&self) -> &[UnusableEngine] {
        &self.0.unusable
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The remedy for what may not be read or written.
fn denied(path: &Path, system: System) -> String {
    let path = path.display();
    let cause = match system {
        System::Windows => format!(
            "another program has `{path}` open, which its end or a restart undoes, or this user may not write it: \
             `icacls` shows who may"
        ),
        _ => format!(
            "`{path}` or a directory above it belongs to another user: `ls -ld` shows to whom"
        ),
    };
    cause + "; `CROSS_CACHE_DIR` sets the cache directory"
}

/// `path` as the UTF-8 text that argv, plans and engines need.
pub(crate) fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::new(
            ErrorKind::Path,
            format!("path `{}` is not UTF-8", path.display()),
        )
        .with_help(
            "rename it, or name another one: it is part of the project, of `CARGO_HOME`, of the cache \
             (`CROSS_CACHE_DIR`), or of a directory that `env.volumes` mounts",
        )
    })
}

/// Adds the failed operation and its path to an I/O error.
pub(crate) trait IoContext<T> {
    fn on(self, verb: &str, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn on(self, verb: &str, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|error| Error::io(verb, &path.into(), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_cross_threads() {
        fn assert<T: Send + Sync + std::error::Error + 'static>() {}
        assert::<Error>();
    }

    #[test]
    fn a_full_disk_names_its_remedy() {
        let error = Error::io(
            "write",
            Path::new("/w/target"),
            io::Error::from(io::ErrorKind::StorageFull),
        );
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.to_string(), "cannot write `/w/target`");
        let source = std::error::Error::source(&error).expect("the cause is the source");
        assert!(!source.to_string().is_empty());
        assert!(
            error
                .help()
                .is_some_and(|help| help.contains("free some space"))
        );
    }
}
