//! The error type of the library: its kind, its message and its remedy.

use std::fmt;
use std::io;
use std::path::Path;

use cross_config::Diagnostic;
use cross_engine::Stopped;

use crate::model::host_tool::MissingTool;
use crate::model::outcome::CompilerDiagnostic;
use crate::model::printable::beginning;
use crate::model::redact::redact;
use crate::model::test_summary::TestSummary;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of this crate: its [`kind`](Error::kind), its message (`Display`) and, if one is known,
/// its [remedy](Error::help).
///
/// The message does not repeat its causes. They are available from
/// [`source`](std::error::Error::source), so that a printer of the whole chain prints each message
/// once. `Debug`, which `fn main() -> Result<()>` prints, is a report of several lines: the
/// message, its causes, the remedy and the compiler's diagnostics.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

/// The class of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is empty or contradicts itself: no target, or the same target twice.
    Request,
    /// The library does not know the target.
    UnknownTarget,
    /// The target is known, but no environment can build for it yet, or the recipe builds libraries
    /// only and a program was to be linked.
    UnsupportedTarget,
    /// The configuration has problems. The message lists each of them with its location.
    Config,
    /// The manifest does not exist, or cargo cannot read it.
    Manifest,
    /// A dependency could not be fetched.
    Fetch,
    /// The request must not use a network, and something that it needs has not been downloaded. The
    /// message lists everything that is missing. [`Cross::prefetch`](crate::Cross::prefetch)
    /// downloads it.
    Offline,
    /// The requested Rust toolchain does not exist, or it lacks the target's `std`.
    Toolchain,
    /// No engine that can serve the request answers on this machine.
    NoEngine,
    /// The requested engine is not installed or does not answer, or the program was built without the
    /// feature of this crate that it needs.
    EngineUnusable,
    /// The engine answered, but could not start the run.
    EngineCannotStart,
    /// The engine does not see a file that the request needs, or any of the caller's. docs/reach.md
    /// describes how files reach an engine.
    OutOfReach,
    /// A required program is not on `PATH`.
    ToolMissing,
    /// The package mirror or the image registry could not be reached.
    Unreachable,
    /// A package of the recipe does not exist in its suite.
    PackageNotFound,
    /// The lock file cannot be used or does not hold: it is damaged or of a newer version, the
    /// configuration changed since it was written, it lacks a target although it is
    /// [`frozen`](crate::Cross::frozen), or a mirror serves another file than it names. The help
    /// has the command that updates it.
    Lock,
    /// An archive for a machine without a network cannot be written or imported: it is cut, damaged or
    /// hostile, has a newer format or another architecture, something that it has is there and
    /// differs, or something cannot be exported. Nothing is left of a failed import.
    Archive,
    /// An image does not exist in its registry, or not for the requested platform.
    ImageNotFound,
    /// A command of `pre-build` or of a Dockerfile failed. The message has its last lines of
    /// output.
    CommandFailed,
    /// An environment could not be built, or the record of one in the cache is damaged.
    Environment,
    /// The machine could not be set up: a command of the setup failed, or it needs privileges that
    /// this user does not have. The message or the help has the command.
    Setup,
    /// Cargo failed: the code does not compile, or cargo rejected the request.
    /// [`code`](Error::code) has its exit code,
    /// [`compiler_diagnostics`](Error::compiler_diagnostics) the compiler's messages, and
    /// [`cargo_output`](Error::cargo_output) the end of what cargo printed.
    CargoFailed,
    /// An artifact needs a newer glibc than the requested one. The message names every symbol that
    /// needs it.
    GlibcFloor,
    /// An artifact for one of Apple's systems needs a newer version of the system than the
    /// requested one.
    DeploymentTarget,
    /// A program or C code needs an SDK that the user has to provide, by the key `sdk`. The help
    /// says how it is made.
    SdkMissing,
    /// Everything compiled, but a test failed, or a test binary failed in another way.
    /// [`tests`](Error::tests) has the results.
    TestFailed,
    /// The emulator crashed, or could not start the program. This says nothing about the program
    /// itself.
    EmulatorCrashed,
    /// A debugger was requested, and the target's runner cannot serve one.
    Debugger,
    /// The program that was run failed. [`code`](Error::code) has its exit code, and
    /// [`program_output`](Error::program_output) the end of what it printed.
    ProgramFailed,
    /// The process was killed by a signal that this library did not send.
    Killed,
    /// A request of a build script cannot be served: the process is no build script, or the build
    /// did not produce exactly one artifact to embed. See
    /// [`build_script`](crate::api::build_script).
    BuildScript,
    /// A build script requested a build of its own package, or a build script requested a build
    /// inside a build that a build script started. See [`build_script`](crate::api::build_script).
    Recursion,
    /// Reading or writing a file failed.
    Io,
    /// A run left a file or an output that the library refuses to read: a link, a named pipe, a
    /// device, or too much data. The message names it.
    Untrusted,
    /// A path cannot be passed to an engine, because it is not UTF-8.
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
    output: String,
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
            output: String::new(),
            missing: Vec::new(),
            source: None,
        }))
    }

    pub(crate) fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        let message = format!("cannot {verb} `{}`", path.display());
        let error = Error::new(ErrorKind::Io, message);
        match io_help(path, &source) {
            Some(help) => error.with_help(help),
            None => error,
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

    /// Adds a remedy to the one that there is.
    pub(crate) fn and_help(self, help: impl Into<String>) -> Self {
        let help = help.into();
        match self.help() {
            Some(first) => {
                let both = format!("{first}; {help}");
                self.with_help(both)
            }
            None => self.with_help(help),
        }
    }

    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = redact(&message.into()).into_owned();
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Sets the exit code. The code of a success is none: a caller may exit with it.
    pub(crate) fn with_code(mut self, code: Option<i32>) -> Self {
        self.0.code = code.filter(|code| *code != 0);
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

    pub(crate) fn with_compiler(mut self, diagnostics: Vec<CompilerDiagnostic>) -> Self {
        self.0.compiler = diagnostics;
        self
    }

    /// Adds the end of what cargo or a program printed, which is printable and bounded.
    pub(crate) fn with_output(mut self, output: &str) -> Self {
        self.0.output = redact(output).into_owned();
        self
    }

    /// Names the step that was stopped by the caller. Other errors stay as they are.
    pub(crate) fn during(self, step: &str) -> Self {
        self.stopped_at(&format!("in the step `{step}`"))
    }

    /// Says that planning was stopped by the caller, in place of the program that it ran then. Other
    /// errors stay as they are.
    pub(crate) fn during_planning(self) -> Self {
        self.stopped_at("during planning")
    }

    /// Names the place where the caller stopped the request.
    fn stopped_at(mut self, place: &str) -> Self {
        let why = match self.kind() {
            ErrorKind::Cancelled => Stopped::Cancelled,
            ErrorKind::Deadline => Stopped::Deadline,
            _ => return self,
        };
        self.0.message = format!("{why} {place}");
        self
    }

    pub(crate) fn with_missing(mut self, missing: Vec<MissingTool>) -> Self {
        self.0.missing = missing;
        self
    }

    /// Returns a copy without the causes, to report the same error for several targets.
    pub(crate) fn without_causes(&self) -> Self {
        Error(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            help: self.0.help.clone(),
            code: self.0.code,
            tests: self.0.tests.clone(),
            diagnostics: self.0.diagnostics.clone(),
            compiler: self.0.compiler.clone(),
            output: self.0.output.clone(),
            missing: self.0.missing.clone(),
            source: None,
        }))
    }

    /// Prefixes the message with `target`.
    pub(crate) fn with_target(mut self, target: &str) -> Self {
        self.0.message = format!("{target}: {}", self.0.message);
        self
    }

    /// Adds `note` to the message.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.0.message = redact(&format!("{}; {note}", self.0.message)).into_owned();
        self
    }

    fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Returns the class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what the user can do about the error, if that is known.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Returns the exit code of the cargo or the program that failed. It is never 0: a cargo that
    /// reports success although something is missing has no code here.
    pub fn code(&self) -> Option<i32> {
        self.0.code
    }

    /// Returns everything that this machine lacks for a request to the engine `host`, for
    /// [`ErrorKind::ToolMissing`].
    pub fn missing_tools(&self) -> &[MissingTool] {
        &self.0.missing
    }

    /// Returns every problem of the configuration with its code, location and remedy, for
    /// [`ErrorKind::Config`].
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// Returns the compiler's diagnostics, for [`ErrorKind::CargoFailed`].
    pub fn compiler_diagnostics(&self) -> &[CompilerDiagnostic] {
        &self.0.compiler
    }

    /// Returns the end of cargo's standard error, for [`ErrorKind::CargoFailed`] and for the kinds
    /// that name a known cause of cargo's failure ([`ErrorKind::Killed`],
    /// [`ErrorKind::Toolchain`]): the words of a failed build script, a linker or cargo itself. At
    /// most 40 lines and 16 KiB, without colours and secrets in URLs, and with other control
    /// characters escaped. Empty if cargo printed nothing.
    pub fn cargo_output(&self) -> &str {
        match self.kind() {
            ErrorKind::ProgramFailed => "",
            _ => &self.0.output,
        }
    }

    /// Returns the end of what the program printed, for [`ErrorKind::ProgramFailed`]: both streams,
    /// in the order in which their lines came. It is bounded and printable as
    /// [`cargo_output`](Error::cargo_output) is. Empty if the program printed nothing.
    pub fn program_output(&self) -> &str {
        match self.kind() {
            ErrorKind::ProgramFailed => &self.0.output,
            _ => "",
        }
    }

    /// Returns the test results, for [`ErrorKind::TestFailed`] and [`ErrorKind::EmulatorCrashed`].
    /// If tests ran when a request was stopped, the results until then.
    pub fn tests(&self) -> Option<&TestSummary> {
        self.0.tests.as_ref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, "\ncaused by: {cause}")?;
            source = cause.source();
        }
        if let Some(help) = self.help() {
            write!(f, "\nhelp: {help}")?;
        }
        self.evidence()
            .iter()
            .try_for_each(|text| write!(f, "\n\n{text}"))
    }
}

/// How much evidence is shown, in bytes.
const SHOWN: usize = 64 << 10;

impl Error {
    /// Returns what the compiler printed, the errors first, or else the end of the output, for
    /// people to read.
    pub(crate) fn evidence(&self) -> Vec<String> {
        let (errors, others): (Vec<_>, Vec<_>) = self
            .compiler_diagnostics()
            .iter()
            .partition(|diagnostic| diagnostic.level == "error");
        let output = match errors.is_empty() {
            true => &self.0.output,
            false => "",
        };
        let mut left = SHOWN;
        let mut evidence = Vec::new();
        let rendered = errors
            .into_iter()
            .chain(others)
            .map(CompilerDiagnostic::shown);
        for text in rendered.chain([output.to_owned()]) {
            if text.len() > left {
                evidence.push(format!("{}…", beginning(&text, left)));
                break;
            }
            left -= text.len();
            evidence.push(text);
        }
        evidence.retain(|text| !text.is_empty());
        evidence
    }
}

/// The remedy for a failed operation on `path`, if the system's reason has one.
fn io_help(path: &Path, source: &io::Error) -> Option<String> {
    let shown = path.display();
    match source.kind() {
        io::ErrorKind::StorageFull => {
            Some(format!("free some space on the file system of `{shown}`"))
        }
        io::ErrorKind::ReadOnlyFilesystem => Some(format!(
            "mount the file system of `{shown}` writable, or choose another directory"
        )),
        io::ErrorKind::PermissionDenied => Some(format!(
            "`{shown}` or a directory above it belongs to another user: `ls -ld` shows to whom"
        )),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            let file = path
                .ancestors()
                .find(|above| above.exists() && !above.is_dir())?;
            Some(format!(
                "`{}` is not a directory: move it away, or choose another directory",
                file.display()
            ))
        }
        io::ErrorKind::NotFound => {
            let above = path.ancestors().skip(1).find(|above| above.exists())?;
            let parent = path.parent().filter(|parent| *parent != above);
            Some(match parent {
                Some(_) => format!(
                    "there is no `{shown}`: of its path only `{}` exists",
                    above.display()
                ),
                None => format!(
                    "`{}` has no such entry, and cannot get one",
                    above.display()
                ),
            })
        }
        _ => None,
    }
}

/// Converts an error of the engine crate, with its message, remedy and causes.
pub(crate) fn from_engine(error: cross_engine::Error) -> Error {
    use cross_engine::ErrorKind as Engine;
    let kind = match error.kind() {
        Engine::NoEngine => ErrorKind::NoEngine,
        Engine::EngineUnusable => ErrorKind::EngineUnusable,
        Engine::EngineCannotStart => ErrorKind::EngineCannotStart,
        Engine::ToolMissing => ErrorKind::ToolMissing,
        Engine::Unreachable => ErrorKind::Unreachable,
        Engine::Lock => ErrorKind::Lock,
        Engine::Archive => ErrorKind::Archive,
        Engine::PackageNotFound => ErrorKind::PackageNotFound,
        Engine::ImageNotFound | Engine::PlatformNotFound => ErrorKind::ImageNotFound,
        Engine::CommandFailed => ErrorKind::CommandFailed,
        Engine::Environment => ErrorKind::Environment,
        Engine::Killed => ErrorKind::Killed,
        Engine::Untrusted => ErrorKind::Untrusted,
        Engine::Path => ErrorKind::Path,
        Engine::OutOfReach => ErrorKind::OutOfReach,
        Engine::Cancelled => ErrorKind::Cancelled,
        Engine::Deadline => ErrorKind::Deadline,
        _ => ErrorKind::Io,
    };
    let mut converted = Error::new(kind, error.to_string());
    converted.0.help = error.help().map(|help| redact(help).into_owned());
    converted.0.source = error.into_source().map(without_secrets);
    converted
}

/// Replaces a cause whose message has a URL with secrets by its redacted message.
fn without_secrets(
    cause: Box<dyn std::error::Error + Send + Sync>,
) -> Box<dyn std::error::Error + Send + Sync> {
    let message = cause.to_string();
    match redact(&message) {
        redacted if redacted == message => cause,
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

/// Converts errors of the engine crate into errors of this crate.
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
    fn display_leaves_out_the_causes_and_debug_reports_them() {
        let cause = io::Error::other("the disk is gone");
        let error = Error::io("write", Path::new("/w/a"), cause).with_help("mount it again");
        assert_eq!(error.to_string(), "cannot write `/w/a`");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(source.as_deref(), Some("the disk is gone"));
        assert_eq!(
            format!("{error:?}"),
            "cannot write `/w/a`\ncaused by: the disk is gone\nhelp: mount it again"
        );
        // Within something else, too.
        assert_eq!(
            format!("{:#?}", Some(error)),
            "Some(\n    cannot write `/w/a`\n    caused by: the disk is gone\n    help: mount it again,\n)"
        );
    }
}
