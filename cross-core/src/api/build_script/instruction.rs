//! The instructions that a build script prints for cargo.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::outcome::CompilerDiagnostic;
use crate::model::step::Warning;

use super::Built;

/// An instruction for cargo. Its `Display` writes the line to print.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Instruction {
    /// `cargo::rerun-if-changed`: a file that the build depends on.
    RerunIfChanged(String),
    /// `cargo::rerun-if-env-changed`: a variable that the build depends on.
    RerunIfEnvChanged(String),
    /// `cargo::rustc-env`: a variable that `env!` reads in the package.
    #[non_exhaustive]
    RustcEnv {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
    },
    /// `cargo::warning`: a warning that cargo shows.
    Warning(String),
}

/// How much of the compiler's warnings cargo shows, in bytes.
const SHOWN: usize = 64 << 10;

impl Instruction {
    pub(super) fn rerun_if_changed(path: &Path) -> Result<Self> {
        Ok(Instruction::RerunIfChanged(path_text(path)?))
    }

    pub(super) fn rustc_env(name: &str, path: &Path) -> Result<Self> {
        Ok(Instruction::RustcEnv {
            name: name.to_owned(),
            value: path_text(path)?,
        })
    }

    pub(super) fn warning(text: &str) -> Self {
        Instruction::Warning(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The warnings of the inner build's request: those of its plan and of its execution.
    pub(super) fn warnings(warnings: &[Warning]) -> Vec<Self> {
        let instruction = |warning: &Warning| match &warning.help {
            Some(help) => {
                let text = format!("{}: {help}", warning.message);
                Instruction::warning(text.trim_end_matches(": "))
            }
            None => Instruction::warning(&warning.message),
        };
        warnings.iter().map(instruction).collect()
    }

    /// The warnings of the inner build's compiler, as it rendered them, with file and line.
    pub(super) fn compiler_warnings(diagnostics: &[CompilerDiagnostic]) -> Vec<Self> {
        let mut shown = 0;
        let mut warnings = Vec::new();
        for diagnostic in diagnostics {
            let text = diagnostic.shown();
            shown += text.len();
            if shown > SHOWN {
                let rest = "the compiler printed more: `Built::outcome` has all of it";
                warnings.push(Instruction::warning(rest));
                break;
            }
            warnings.extend(lines(&text).map(|line| Instruction::Warning(line.to_owned())));
        }
        warnings
    }
}

/// A path as the text of an instruction, which is one line of UTF-8.
fn path_text(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.contains('\n'));
    text.map(str::to_owned).ok_or_else(|| {
        let message = format!("the path {path:?} cannot be passed to cargo");
        let help = "instructions for cargo are lines of UTF-8: rename the file or directory";
        Error::new(ErrorKind::Path, message).with_help(help)
    })
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instruction::RerunIfChanged(path) => write!(f, "cargo::rerun-if-changed={path}"),
            Instruction::RerunIfEnvChanged(name) => write!(f, "cargo::rerun-if-env-changed={name}"),
            Instruction::RustcEnv { name, value } => write!(f, "cargo::rustc-env={name}={value}"),
            Instruction::Warning(text) => write!(f, "cargo::warning={text}"),
        }
    }
}

/// The lines for cargo that tell how a build ended, made by [`report`].
#[derive(Clone, Copy, Debug)]
pub struct ErrorReport<'a>(&'a Result<Built>);

/// Reports the result of a build to cargo: as its instructions, or as an error with its remedy and
/// the compiler's diagnostics, which makes cargo fail the outer build.
///
/// ```no_run
/// // build.rs
/// use cross_core::build_script;
///
/// fn main() {
///     let built = build_script::build("thumbv7em-none-eabihf");
///     print!("{}", build_script::report(&built));
/// }
/// ```
pub fn report(result: &Result<Built>) -> ErrorReport<'_> {
    ErrorReport(result)
}

impl fmt::Display for ErrorReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match self.0 {
            Ok(built) => return built.fmt(f),
            Err(error) => error,
        };
        let help = error.help().map(|help| format!("help: {help}"));
        let message = [error.to_string()].into_iter().chain(help);
        for text in message.chain(error.evidence()) {
            for line in lines(&text) {
                writeln!(f, "cargo::error={line}")?;
            }
        }
        Ok(())
    }
}

/// The lines of a text that cargo shows. None of them can be an instruction of its own.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split(['\n', '\r']);
    lines.filter(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_one_line() {
        let path = Path::new("/w/a b.rs");
        let line = Instruction::rerun_if_changed(path).unwrap().to_string();
        assert_eq!(line, "cargo::rerun-if-changed=/w/a b.rs");
        let line = Instruction::rustc_env("FIRMWARE", path).unwrap();
        assert_eq!(line.to_string(), "cargo::rustc-env=FIRMWARE=/w/a b.rs");
        let line = Instruction::warning("two\n  lines").to_string();
        assert_eq!(line, "cargo::warning=two lines");
        let line = Instruction::RerunIfEnvChanged("A".to_owned()).to_string();
        assert_eq!(line, "cargo::rerun-if-env-changed=A");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_line_of_utf_8_is_refused() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        for bytes in [&b"/w/a\nb"[..], b"/w/\xff"] {
            let path = Path::new(OsStr::from_bytes(bytes));
            let error = Instruction::rerun_if_changed(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Path);
        }
    }

    #[test]
    fn an_error_is_reported_with_its_remedy() {
        let error = Error::new(ErrorKind::NoEngine, "no engine:\nnone").with_help("install one");
        assert_eq!(
            report(&Err(error)).to_string(),
            "cargo::error=no engine:\ncargo::error=none\ncargo::error=help: install one\n"
        );
    }

    fn diagnostic(level: &str, rendered: &str) -> CompilerDiagnostic {
        CompilerDiagnostic {
            level: level.to_owned(),
            package: "firmware".to_owned(),
            code: None,
            message: String::new(),
            place: None,
            rendered: rendered.to_owned(),
        }
    }

    #[test]
    fn diagnostics_are_reported_with_file_and_line_and_start_no_instruction() {
        let rendered = "\u{1b}[31merror\u{1b}[0m: no\n --> a.rs:2:9\rcargo::rustc-env=A=b\n";
        let error = Error::new(ErrorKind::CargoFailed, "no")
            .with_compiler(vec![diagnostic("error", rendered)]);
        assert_eq!(
            report(&Err(error)).to_string(),
            "cargo::error=no\ncargo::error=error: no\n\
             cargo::error= --> a.rs:2:9\\rcargo::rustc-env=A=b\n"
        );
        let all = [
            diagnostic("warning", "warning: unused\n --> a.rs:1:1\n"),
            diagnostic("warning", &"x".repeat(SHOWN)),
        ];
        let shown = Instruction::compiler_warnings(&all);
        let shown: Vec<_> = shown.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown[..2],
            [
                "cargo::warning=warning: unused",
                "cargo::warning= --> a.rs:1:1"
            ]
        );
        assert!(shown[2].starts_with("cargo::warning=the compiler printed more"));
        assert_eq!(shown.len(), 3);
    }
}
