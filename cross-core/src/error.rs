//! The one error of the library: what class it is, what happened, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

use cross_config::Diagnostic;

use crate::on_host::MissingTool;
use crate::outcome::CompilerDiagnostic;
use crate::test_summary::TestSummary;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: [`kind`](Error::kind) to act on, `Display` to read, [`help`](Error::help) to mend it.
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
    /// The request is not to use a network, and what it needs is not here; the message names all of it.
    /// [`Cross::prefetch`](crate::Cross::prefetch) makes it be here.
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
    /// What was built needs a newer glibc than was asked for; the message names every symbol that does.
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
    /// more than one thing) to embed. See [`build_script`](crate::build_script).
    BuildScript,
    /// A build script asked to build the package it belongs to, or asked again from within a build that
    /// a build script began. See [`build_script`](crate::build_script).
    Recursion,
    /// Reading or writing a file failed.
    Io,
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
            message: message.into(),
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
        let message = format!("cannot {verb} `{}`: {source}", path.display());
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

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
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
        self.0.source.as_deref().map(|e| e as _)
    }
}

/// The engine crate's errors keep their words and their remedy.
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
        Engine::Path => ErrorKind::Path,
        Engine::Cancelled => ErrorKind::Cancelled,
        Engine::Deadline => ErrorKind::Deadline,
        _ => ErrorKind::Io,
    };
    // As in this crate's own errors, the message has the cause.
    let message = match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    let mut ours = Error::new(kind, message);
    ours.0.help = error.help().map(str::to_owned);
    ours.with_source(error)
}

/// Attaches the verb and the path to an I/O error.
pub(crate) trait IoContext<T> {
    fn on(self, verb: &str, path: impl AsRef<Path>) -> Result<T>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn on(self, verb: &str, path: impl AsRef<Path>) -> Result<T> {
        self.map_err(|e| Error::io(verb, path.as_ref(), e))
    }
}

/// Takes over an error of the engine crate.
pub(crate) trait EngineContext<T> {
    fn engine(self) -> Result<T>;
}

impl<T> EngineContext<T> for cross_engine::Result<T> {
    fn engine(self) -> Result<T> {
        self.map_err(from_engine)
    }
}
