//! What can go wrong between this process and an engine, with the remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::process::cancel::Stopped;
use crate::process::untrusted::refused::Refused;

/// An error of this crate: [`kind`](Error::kind) to act on, `Display` to read, and
/// [`help`](Error::help) to mend it.
pub struct Error(Box<Inner>);

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What class of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No engine that could serve the request answers on this machine.
    NoEngine,
    /// The engine that was named is not installed or does not answer.
    EngineUnusable,
    /// The engine answered before but could not start what was asked of it.
    EngineCannotStart,
    /// A program that is needed is not on `PATH`.
    ToolMissing,
    /// The package mirror or the image registry could not be reached.
    Unreachable,
    /// A package of the recipe does not exist in its suite.
    PackageNotFound,
    /// A registry does not have the image, or does not show it to this user.
    ImageNotFound,
    /// There is such an image, but not for the platform that was asked for.
    PlatformNotFound,
    /// A command of the user's failed while an environment or an image was made.
    CommandFailed,
    /// An environment could not be made.
    Environment,
    /// What ran was ended from outside, by nobody here.
    Killed,
    /// Reading or writing a file failed.
    Io,
    /// What ran in an environment left something that is not read: a link, a named pipe, a device, or too much.
    /// [`why_refused`](Error::why_refused) says which.
    Untrusted,
    /// A path cannot be given to an engine (it is not UTF-8).
    Path,
    /// The caller cancelled.
    Cancelled,
    /// The caller's deadline passed.
    Deadline,
}

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    unusable: Vec<Unusable>,
    source: Option<io::Error>,
    refused: Option<Refused>,
    /// Whether a file system was full.
    full: bool,
}

/// An engine that cannot serve, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unusable {
    /// What was asked for: a kind's name or a program.
    pub engine: String,
    /// Why it cannot serve, with the engine's own words where it spoke.
    pub reason: String,
    /// What to do about it.
    pub help: String,
    /// Whether its program is installed at all.
    pub installed: bool,
}

impl fmt::Display for Unusable {
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
            full: false,
        }))
    }

    /// What the inside left at `path` is not read.
    pub(crate) fn refused(path: &Path, why: Refused) -> Self {
        let message = format!("`{}` is not read: {why}", path.display());
        let mut error = Error::new(ErrorKind::Untrusted, message).with_help(
            "something that ran in the environment (a build script, a macro, a test) put it there: look for it in the \
             project's own code and in its dependencies",
        );
        error.0.refused = Some(why);
        error
    }

    /// `verb` is what was tried ("read", "create directory"), `path` on what.
    pub(crate) fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        let mut error = Error::new(
            ErrorKind::Io,
            format!("cannot {verb} `{}`: {source}", path.display()),
        );
        error.0.help = match source.kind() {
            io::ErrorKind::StorageFull => Some(format!(
                "free some space on the file system of `{}`",
                path.display()
            )),
            io::ErrorKind::ReadOnlyFilesystem => Some(format!(
                "mount the file system of `{}` for writing, or choose another directory; for the cache, \
                 `CROSS_CACHE_DIR` names one",
                path.display()
            )),
            _ => None,
        };
        error.0.source = Some(source);
        error
    }

    pub(crate) fn stopped(why: Stopped, what: &str) -> Self {
        match why {
            Stopped::Cancelled => {
                Error::new(ErrorKind::Cancelled, format!("cancelled during {what}"))
            }
            Stopped::Deadline => Error::new(
                ErrorKind::Deadline,
                format!("deadline exceeded during {what}"),
            ),
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    pub(crate) fn with_unusable(mut self, unusable: Vec<Unusable>) -> Self {
        self.0.unusable = unusable;
        self
    }

    pub(crate) fn full(mut self) -> Self {
        self.0.full = true;
        self
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.full
    }

    /// The cause of this error, for an error that takes its place.
    pub fn into_source(self) -> Option<Box<dyn std::error::Error + Send + Sync>> {
        self.0.source.map(Into::into)
    }

    /// What class of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the reader can do about it.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Why something is not read, for [`ErrorKind::Untrusted`].
    pub fn why_refused(&self) -> Option<&Refused> {
        self.0.refused.as_ref()
    }

    pub(crate) fn io_kind(&self) -> Option<io::ErrorKind> {
        self.0.source.as_ref().map(io::Error::kind)
    }

    /// The engines that were tried and why each cannot serve.
    pub fn unusable(&self) -> &[Unusable] {
        &self.0.unusable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|e| e as _)
    }
}

/// `path` as the UTF-8 text that argv, plans and engines need.
pub(crate) fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::new(
            ErrorKind::Path,
            format!("path `{}` is not UTF-8", path.display()),
        )
        .with_help("move the project to a path that is UTF-8: cargo's own messages need it too")
    })
}

/// Attaches the verb and the path to an I/O error.
pub(crate) trait IoContext<T> {
    fn on(self, verb: &str, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn on(self, verb: &str, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|e| Error::io(verb, &path.into(), e))
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
        assert!(error.to_string().starts_with("cannot write `/w/target`: "));
        assert!(
            error
                .help()
                .is_some_and(|help| help.contains("free some space"))
        );
    }
}
