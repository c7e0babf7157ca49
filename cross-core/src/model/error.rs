//! The one error of the library: what class it is, what happened, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

use cross_config::Diagnostic;
use cross_engine::Stopped;

use crate::model::host_tool::MissingTool;
use crate::model::outcome::CompilerDiagnostic;
use crate::model::redact::redact;
use crate::model::test_summary::TestSummary;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate: its [`kind`](Error::kind), a message (`Display`) and, where one is known,
/// a [remedy](Error::help).
///
/// The message leaves the causes to [`source`](std::error::Error::source), so that a printer of the
/// whole chain says everything once. `Debug`, which `fn main() -> Result<()>` prints, is a report of
/// several lines: the message, its causes, the remedy and the compiler's diagnostics.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

/// What class of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for asks for nothing, or contradicts itself: no target, a target twice.
    Request,
    /// The target is not one this library knows.
    UnknownTarget,
    /// The target is known, but nothing here can build for it yet.
    UnsupportedTarget,
    /// The configuration has problems; the message lists every one of them with its place.
    Config,
    /// There is no manifest, or cargo cannot read it.
    Manifest,
    /// A dependency could not be fetched.
    Fetch,
    /// The request is not to use a network, and what it needs is not here; the message names all of
    /// it. [`Cross::prefetch`](crate::Cross::prefetch) makes it be here.
    Offline,
    /// The Rust toolchain that was asked for is not there or lacks the target's `std`.
    Toolchain,
    /// No engine that could serve the request answers on this machine.
    NoEngine,
    /// The engine that was named is not installed or does not answer.
    EngineUnusable,
    /// The engine answered, but could not start what was asked of it.
    EngineCannotStart,
    /// A program that is needed is not on `PATH`.
    ToolMissing,
    /// The package mirror or the image registry could not be reached.
    Unreachable,
    /// A package of the recipe does not exist in its suite.
    PackageNotFound,
    /// An image does not exist in its registry, or not for the platform that was asked for.
    ImageNotFound,
    /// A command of `pre-build` or of a Dockerfile failed; the message has its last lines.
    CommandFailed,
    /// An environment could not be made.
    Environment,
    /// The machine cannot be set up from here: a command of the set-up failed, or it takes rights
    /// that this user does not have. The message or the help has the command.
    Setup,
    /// Cargo failed: the code does not compile, or cargo refused the request.
    /// [`code`](Error::code) has its exit code.
    CargoFailed,
    /// What was built needs a newer glibc than was asked for; the message names every symbol that
    /// does.
    GlibcFloor,
    /// Everything compiled, but a test failed. [`tests`](Error::tests) has the numbers.
    TestFailed,
    /// The emulator crashed, or could not start the program: that says nothing about the test.
    EmulatorCrashed,
    /// A debugger was asked for, and nothing here that runs the target's programs serves one.
    Debugger,
    /// The program that was run returned a failure. [`code`](Error::code) has its exit code.
    ProgramFailed,
    /// What ran was killed by a signal that nobody here sent.
    Killed,
    /// What a build script asked for cannot be had: the process is none, or the build made nothing (or
    /// more than one thing) to embed. See [`build_script`](crate::api::build_script).
    BuildScript,
    /// A build script asked to build the package it belongs to, or asked again from within a build that
    /// a build script began. See [`build_script`](crate::api::build_script).
    Recursion,
    /// Reading or writing a file failed.
    Io,
    /// What ran in an environment left something that is not read: a link, a named pipe, a device,
    /// or too much. The message names it.
    Untrusted,
    /// A path cannot be given to an engine (it is not UTF-8).
    Path,
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
    code: Option<i32>,
    tests: Option<TestSummary>,
    diagnostics: Vec<Diagnostic>,
    compiler: Vec<CompilerDiagnostic>,
    missing: Vec<MissingTool>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: redact(&message.into()).into_owned(),
            help: None,
            code: None,
            tests: None,
            diagnostics: Vec::new(),
            compiler: Vec::new(),
            missing: Vec::new(),
            source: None,
        }))
    }

    pub(crate) fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        let message = format!("cannot {verb} `{}`", path.display());
        let error = Error::new(ErrorKind::Io, message);
        match source.kind() {
            io::ErrorKind::StorageFull => error.with_help(format!(
                "free some space on the file system of `{}`",
                path.display()
            )),
            _ => error,
        }
        .with_source(source)
    }

    pub(crate) fn stopped(why: Stopped, what: &str) -> Self {
        let kind = match why {
            Stopped::Deadline => ErrorKind::Deadline,
            _ => ErrorKind::Cancelled,
        };
        Error::new(kind, format!("{why} during {what}"))
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(redact(&help.into()).into_owned());
        self
    }

    pub(crate) fn with_code(mut self, code: Option<i32>) -> Self {
        self.0.code = code;
        self
    }

    pub(crate) fn with_tests(mut self, tests: TestSummary) -> Self {
        self.0.tests = Some(tests);
        self
    }

    pub(crate) fn with_diagnostics(mut self, diagnostics: Vec<Diagnostic>) -> Self {
        self.0.diagnostics = diagnostics;
        self
    }

    pub(crate) fn with_compiler(mut self, said: Vec<CompilerDiagnostic>) -> Self {
        self.0.compiler = said;
        self
    }

    pub(crate) fn with_missing(mut self, missing: Vec<MissingTool>) -> Self {
        self.0.missing = missing;
        self
    }

    /// The same error once more, without its causes: for each of several that it befalls.
    pub(crate) fn again(&self) -> Self {
        Error(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            help: self.0.help.clone(),
            code: self.0.code,
            tests: self.0.tests.clone(),
            diagnostics: self.0.diagnostics.clone(),
            compiler: self.0.compiler.clone(),
            missing: self.0.missing.clone(),
            source: None,
        }))
    }

    /// The same error, which says that it is about `target`.
    pub(crate) fn about(mut self, target: &str) -> Self {
        self.0.message = format!("{target}: {}", self.0.message);
        self
    }

    fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// What class of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the reader can do about it, where that is known.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The exit code of the cargo or the program that failed.
    pub fn code(&self) -> Option<i32> {
        self.0.code
    }

    /// Everything that this machine lacks for a request to the engine `host`, for
    /// [`ErrorKind::ToolMissing`].
    pub fn missing_tools(&self) -> &[MissingTool] {
        &self.0.missing
    }

    /// Every problem of the configuration with its code, place and remedy, for
    /// [`ErrorKind::Config`].
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// What the compiler had to say, for [`ErrorKind::CargoFailed`].
    pub fn compiler_diagnostics(&self) -> &[CompilerDiagnostic] {
        &self.0.compiler
    }

    /// What came of the tests, for [`ErrorKind::TestFailed`] and [`ErrorKind::EmulatorCrashed`].
    pub fn tests(&self) -> Option<&TestSummary> {
        self.0.tests.as_ref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Debug::fmt(&self.0, f);
        }
        f.write_str(&self.0.message)?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, "\ncaused by: {cause}")?;
            source = cause.source();
        }
        if let Some(help) = self.help() {
            write!(f, "\nhelp: {help}")?;
        }
        for diagnostic in self.compiler_diagnostics() {
            write!(f, "\n\n{}", diagnostic.rendered.trim_end())?;
        }
        Ok(())
    }
}

/// Takes over an error of the engine crate with its message, remedy and causes.
pub(crate) fn from_engine(error: cross_engine::Error) -> Error {
    use cross_engine::ErrorKind as Engine;
    let kind = match error.kind() {
        Engine::NoEngine => ErrorKind::NoEngine,
        Engine::EngineUnusable => ErrorKind::EngineUnusable,
        Engine::EngineCannotStart => ErrorKind::EngineCannotStart,
        Engine::ToolMissing => ErrorKind::ToolMissing,
        Engine::Unreachable => ErrorKind::Unreachable,
        Engine::PackageNotFound => ErrorKind::PackageNotFound,
        Engine::ImageNotFound | Engine::PlatformNotFound => ErrorKind::ImageNotFound,
        Engine::CommandFailed => ErrorKind::CommandFailed,
        Engine::Environment => ErrorKind::Environment,
        Engine::Killed => ErrorKind::Killed,
        Engine::Untrusted => ErrorKind::Untrusted,
        Engine::Path => ErrorKind::Path,
        Engine::Cancelled => ErrorKind::Cancelled,
        Engine::Deadline => ErrorKind::Deadline,
        _ => ErrorKind::Io,
    };
    let mut ours = Error::new(kind, error.to_string());
    ours.0.help = error.help().map(|help| redact(help).into_owned());
    ours.0.source = error.into_source().map(without_secrets);
    ours
}

/// A cause whose words have a URL with secrets is replaced by its redacted words.
fn without_secrets(
    cause: Box<dyn std::error::Error + Send + Sync>,
) -> Box<dyn std::error::Error + Send + Sync> {
    let words = cause.to_string();
    match redact(&words) {
        redacted if redacted == words => cause,
        redacted => redacted.into_owned().into(),
    }
}

/// Adds the failed operation and its path to an I/O error.
pub(crate) trait IoContext<T> {
    fn on(self, verb: &str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn on(self, verb: &str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|e| Error::io(verb, path.as_ref(), e))
    }
}

/// Turns an error of the engine crate into one of this crate.
pub(crate) trait MapEngineError<T> {
    fn map_engine_error(self) -> Result<T>;
}

impl<T> MapEngineError<T> for cross_engine::Result<T> {
    fn map_engine_error(self) -> Result<T> {
        self.map_err(from_engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_shows_the_password_of_a_url() {
        let error = Error::new(ErrorKind::Fetch, "no `https://me:s3cret@a.invalid/`")
            .with_help("try `http://s3cret@b.invalid`");
        assert_eq!(error.to_string(), "no `https://[redacted]@a.invalid/`");
        assert_eq!(error.help(), Some("try `http://[redacted]@b.invalid`"));
        let cause = without_secrets("see https://s3cret@c.invalid".into());
        assert_eq!(cause.to_string(), "see https://[redacted]@c.invalid");
    }

    #[test]
    fn a_chain_says_everything_once_and_the_report_says_all_of_it() {
        let cause = io::Error::other("the disk is gone");
        let error = Error::io("write", Path::new("/w/a"), cause).with_help("mount it again");
        assert_eq!(error.to_string(), "cannot write `/w/a`");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("the disk is gone"));
        assert_eq!(
            format!("{error:?}"),
            "cannot write `/w/a`\ncaused by: the disk is gone\nhelp: mount it again"
        );
    }
}
