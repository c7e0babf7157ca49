//! What passes into an environment: variables, and directories by variables.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::values::scalar::{Word, absolute, invalid, is_blank, is_made_of};
use crate::variables;

/// A variable that reaches the environment, with a value of its own or the host's.
///
/// `Debug` hides the value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passthrough {
    /// The variable's name.
    pub name: String,
    /// Its value; `None` passes the host's value on, if the host has one.
    pub value: Option<String>,
}

impl Word for Passthrough {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let (name, value) = split(key, text, "`NAME=value`")?;
        Ok(Self {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        })
    }

    fn show(&self) -> String {
        match self.value {
            Some(_) => format!("{}=[redacted]", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Debug for Passthrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passthrough({})", self.show())
    }
}

/// A directory of the host that is mounted at its own path, which a variable names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// The name of the variable, which is set in the environment to the path.
    pub name: String,
    /// The directory; `None` takes the path the host's variable has, if it has one.
    pub path: Option<PathBuf>,
}

impl Word for Volume {
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

    fn show(&self) -> String {
        match &self.path {
            Some(path) => format!("{}={}", self.name, path.display()),
            None => self.name.clone(),
        }
    }

    fn rebase(&mut self, _key: &str, base: &Path) -> Result<(), Diagnostic> {
        self.path = self.path.take().map(|path| absolute(base, path));
        Ok(())
    }
}

/// `NAME` or `NAME=something`.
fn split<'t>(
    key: &str,
    text: &'t str,
    full: &str,
) -> Result<(&'t str, Option<&'t str>), Diagnostic> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    // Only the name goes into a message: the value may be a secret.
    if !is_made_of(name, is_variable_char, is_variable_char) {
        let wanted = format!("a variable's name (letters, digits, `_`), or {full}");
        return Err(invalid(key, name, &wanted));
    }
    if variables::RESERVED.contains(&name) {
        let message = format!("`{name}` in `{key}` is reserved");
        return Err(Diagnostic::error(Code::ReservedName, message).help(format!(
            "remove `{name}`: the library sets it itself; to choose a runner, set `runner`"
        )));
    }
    Ok((name, value))
}

fn is_variable_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<W: Word>(text: &str) -> Option<Code> {
        W::parse("key", text).err().map(|it| it.code)
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
        assert_eq!(code::<Passthrough>("A-B"), Some(Code::InvalidValue));
        assert_eq!(code::<Passthrough>("=b"), Some(Code::InvalidValue));
        assert_eq!(
            code::<Passthrough>("CROSS_RUNNER"),
            Some(Code::ReservedName)
        );
        assert_eq!(
            code::<Passthrough>("CROSS_RUNNER=x"),
            Some(Code::ReservedName)
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Passthrough::parse("key", "TOKEN=hunter2").unwrap();
        assert!(!format!("{secret:?} {}", secret.show()).contains("hunter2"));
        let message = Passthrough::parse("key", "TO-KEN=hunter2").unwrap_err();
        assert!(!format!("{message:?}").contains("hunter2"));
    }

    #[test]
    fn a_volume_is_a_name_with_or_without_a_path() {
        let parse = |text| Volume::parse("key", text).unwrap();
        let mut given = parse("DATA=./data");
        assert_eq!(given.show(), "DATA=./data");
        Word::rebase(&mut given, "key", Path::new("/w")).unwrap();
        assert_eq!(given.path.as_deref(), Some(Path::new("/w/data")));
        let mut by_host = parse("DATA");
        Word::rebase(&mut by_host, "key", Path::new("/w")).unwrap();
        assert_eq!((by_host.show().as_str(), by_host.path), ("DATA", None));
        for (bad, expected) in [
            ("DATA=", Code::InvalidValue),
            ("", Code::InvalidValue),
            ("/data:/data", Code::InvalidValue),
            ("CROSS_RUNNER=/x", Code::ReservedName),
        ] {
            assert_eq!(code::<Volume>(bad), Some(expected), "{bad}");
        }
    }
}
