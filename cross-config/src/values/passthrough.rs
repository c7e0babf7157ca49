//! Variables and directories that are passed to an environment.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::values::scalar::{Scalar, has_chars, invalid, is_blank, resolve_path};
use crate::variables;

/// A variable that is passed to the environment, with its own value or that of the host.
///
/// `Debug` hides the value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passthrough {
    /// The variable's name.
    pub name: String,
    /// The value; `None` passes the value on the host, if it is set there.
    pub value: Option<String>,
}

impl Scalar for Passthrough {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let (name, value) = split(key, text, "`NAME=value`")?;
        Ok(Self {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        })
    }

    fn describe(&self) -> String {
        match self.value {
            Some(_) => format!("{}=[redacted]", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Debug for Passthrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passthrough({})", self.describe())
    }
}

/// A host directory that is mounted at its own path and named by a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// The name of the variable, which is set to the path in the environment.
    pub name: String,
    /// The directory; `None` takes the path from the variable on the host, if it is set there.
    pub path: Option<PathBuf>,
}

impl Scalar for Volume {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let (name, path) = split(key, text, "`NAME=/path`")?;
        if path.is_some_and(is_blank) {
            return Err(invalid(key, text, "`NAME=/path`, or `NAME` alone"));
        }
        Ok(Self {
            name: name.to_owned(),
            path: path.map(PathBuf::from),
        })
    }

    fn describe(&self) -> String {
        match &self.path {
            Some(path) => format!("{}={}", self.name, path.display()),
            None => self.name.clone(),
        }
    }

    fn resolve_paths(&mut self, _key: &str, base: &Path) -> Result<(), Diagnostic> {
        self.path = self.path.take().map(|path| resolve_path(base, path));
        Ok(())
    }
}

/// Splits `NAME` or `NAME=value`.
fn split<'t>(
    key: &str,
    text: &'t str,
    full: &str,
) -> Result<(&'t str, Option<&'t str>), Diagnostic> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    // Messages contain only the name, because the value may be a secret.
    if !has_chars(name, is_variable_char, is_variable_char) {
        let expected = format!("the name of a variable (letters, digits, `_`), or {full}");
        return Err(invalid(key, name, &expected));
    }
    if variables::RESERVED.contains(&name) {
        let message = format!("`{name}` in `{key}` is reserved");
        return Err(
            Diagnostic::error(DiagnosticCode::ReservedName, message).help(format!(
                "remove `{name}`, which the library sets; to choose a runner, set `runner`"
            )),
        );
    }
    Ok((name, value))
}

fn is_variable_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<W: Scalar>(text: &str) -> Option<DiagnosticCode> {
        W::parse("key", text).err().map(|problem| problem.code)
    }

    #[test]
    fn passthrough_takes_a_name_or_a_name_and_value() {
        let with_value = Passthrough::parse("key", "A=b=c").unwrap();
        assert_eq!(
            (with_value.name.as_str(), with_value.value.as_deref()),
            ("A", Some("b=c"))
        );
        assert_eq!(Passthrough::parse("key", "A").unwrap().value, None);
        assert_eq!(
            Passthrough::parse("key", "A=").unwrap().value.as_deref(),
            Some("")
        );
        assert_eq!(
            code::<Passthrough>("A-B"),
            Some(DiagnosticCode::InvalidValue)
        );
        assert_eq!(
            code::<Passthrough>("=b"),
            Some(DiagnosticCode::InvalidValue)
        );
        assert_eq!(
            code::<Passthrough>("CROSS_RUNNER"),
            Some(DiagnosticCode::ReservedName)
        );
        assert_eq!(
            code::<Passthrough>("CROSS_RUNNER=x"),
            Some(DiagnosticCode::ReservedName)
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Passthrough::parse("key", "TOKEN=hunter2").unwrap();
        assert!(!format!("{secret:?} {}", secret.describe()).contains("hunter2"));
        let message = Passthrough::parse("key", "TO-KEN=hunter2").unwrap_err();
        assert!(!format!("{message:?}").contains("hunter2"));
    }

    #[test]
    fn a_volume_is_a_name_with_or_without_a_path() {
        let parse = |text| Volume::parse("key", text).unwrap();
        let mut given = parse("DATA=./data");
        assert_eq!(given.describe(), "DATA=./data");
        Scalar::resolve_paths(&mut given, "key", Path::new("/w")).unwrap();
        assert_eq!(given.path.as_deref(), Some(Path::new("/w/data")));
        let mut by_host = parse("DATA");
        Scalar::resolve_paths(&mut by_host, "key", Path::new("/w")).unwrap();
        assert_eq!((by_host.describe().as_str(), by_host.path), ("DATA", None));
        for (bad, expected) in [
            ("DATA=", DiagnosticCode::InvalidValue),
            ("", DiagnosticCode::InvalidValue),
            ("/data:/data", DiagnosticCode::InvalidValue),
            ("CROSS_RUNNER=/x", DiagnosticCode::ReservedName),
        ] {
            assert_eq!(code::<Volume>(bad), Some(expected), "{bad}");
        }
    }
}
