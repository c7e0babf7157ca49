//! One problem as data: code, severity, place, message, remedy.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::diagnostics::origin::{Origin, Place};

/// What kind of problem it is. Stable: callers set policy per code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The file is not TOML.
    Syntax,
    /// A key that means nothing here.
    UnknownKey,
    /// A value of a type the key does not take.
    WrongType,
    /// A value of the right type that can't work.
    InvalidValue,
    /// A name that the library needs for itself.
    ReservedName,
    /// A key or variable of `cross` that this version does not serve.
    NotSupportedYet,
    /// A triple that is not in the target table: perhaps misspelled, perhaps custom.
    UnknownTarget,
    /// A triple with a dot in it, written as a table name without quotes.
    UnquotedTarget,
    /// A `CROSS_BUILD_*` or `CROSS_TARGET_*` variable that means nothing.
    UnknownVariable,
    /// A file that was named and does not exist.
    MissingFile,
    /// A file that exists and can't be read as UTF-8 text.
    UnreadableFile,
    /// `cross.toml` where `Cross.toml` is read.
    LowerCaseFile,
    /// An old spelling of a key or variable, which is read as the new one.
    Deprecated,
    /// A value that changes nothing, because of what else is said or not said.
    NoEffect,
    /// Both an image and a Dockerfile for one target: the Dockerfile is built, and named as the image.
    ImageAndDockerfile,
}

impl Code {
    /// Every code, in the order of their declaration.
    pub const ALL: &'static [Self] = &[
        Self::Syntax,
        Self::UnknownKey,
        Self::WrongType,
        Self::InvalidValue,
        Self::ReservedName,
        Self::NotSupportedYet,
        Self::UnknownTarget,
        Self::UnquotedTarget,
        Self::UnknownVariable,
        Self::MissingFile,
        Self::UnreadableFile,
        Self::LowerCaseFile,
        Self::Deprecated,
        Self::NoEffect,
        Self::ImageAndDockerfile,
    ];

    /// The code's stable name, in kebab-case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::UnknownKey => "unknown-key",
            Self::WrongType => "wrong-type",
            Self::InvalidValue => "invalid-value",
            Self::ReservedName => "reserved-name",
            Self::NotSupportedYet => "not-supported-yet",
            Self::UnknownTarget => "unknown-target",
            Self::UnquotedTarget => "unquoted-target",
            Self::UnknownVariable => "unknown-variable",
            Self::MissingFile => "missing-file",
            Self::UnreadableFile => "unreadable-file",
            Self::LowerCaseFile => "lower-case-file",
            Self::Deprecated => "deprecated",
            Self::NoEffect => "no-effect",
            Self::ImageAndDockerfile => "image-and-dockerfile",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether a problem stops the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// It is said, and the request goes on. The library never turns a warning into a failure.
    Warning,
    /// The configuration can't be used.
    Error,
}

/// One problem of the configuration.
///
/// `Display` is one line without the remedy:
/// ``Cross.toml:3:1: unknown key `tagets` [unknown-key]``.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// What kind of problem it is.
    pub code: Code,
    /// Whether it stops the request.
    pub severity: Severity,
    /// Where in a file it is, if it is in a file.
    pub place: Option<Place>,
    /// The variable it is about, if it is about one.
    pub variable: Option<String>,
    /// What is wrong: a lowercase fragment that names the key, file or variable.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            place: None,
            variable: None,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(crate) fn variable(mut self, name: impl Into<String>) -> Self {
        self.variable = Some(name.into());
        self
    }

    /// Points at what `origin` points at; what has no place names itself in front of the message.
    pub(crate) fn located_by(mut self, origin: &Origin) -> Self {
        match origin {
            Origin::CargoToml(place) | Origin::CrossToml(place) => self.at(place.clone()),
            Origin::Variable(name) => self.variable(name),
            Origin::BuiltIn | Origin::Embedder(_) | Origin::Request => {
                self.message = format!("{origin}: {}", self.message);
                self
            }
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if let Some(variable) = &self.variable {
            write!(f, "{variable}: ")?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{name}"
            );
        }
    }

    #[test]
    fn display_is_place_message_code() {
        let diagnostic = Diagnostic::error(Code::UnknownKey, "unknown key `tagets`");
        assert_eq!(
            diagnostic
                .clone()
                .at(Place::new("Cross.toml", 3, 1))
                .to_string(),
            "Cross.toml:3:1: unknown key `tagets` [unknown-key]"
        );
        assert_eq!(
            diagnostic.clone().variable("CROSS_X").to_string(),
            "CROSS_X: unknown key `tagets` [unknown-key]"
        );
        assert_eq!(
            diagnostic
                .located_by(&Origin::Embedder("xtask".into()))
                .to_string(),
            "embedder xtask: unknown key `tagets` [unknown-key]"
        );
    }
}
