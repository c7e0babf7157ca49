//! Problems of the configuration as data: code, severity, location, message and remedy.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::diagnostics::origin::{Origin, SourceLocation};

/// The kind of a problem. Codes are stable, so that callers can set a severity for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DiagnosticCode {
    /// The file is not valid TOML.
    Syntax,
    /// The key is unknown.
    UnknownKey,
    /// The type of the value is not one that the key takes.
    WrongType,
    /// The value has the right type but is invalid.
    InvalidValue,
    /// The name is reserved for the library.
    ReservedName,
    /// The feature of `cross` is not supported by this version.
    NotSupportedYet,
    /// The triple is not in the target table: it is misspelled, or a custom target.
    UnknownTarget,
    /// The table name of a triple that contains a dot is not quoted.
    UnquotedTarget,
    /// A `CROSS_BUILD_*`, `CROSS_CONTAINER_*` or `CROSS_TARGET_*` variable is unknown.
    UnknownVariable,
    /// A named file does not exist.
    MissingFile,
    /// The file exists but cannot be read as UTF-8 text.
    UnreadableFile,
    /// The file is named `cross.toml` instead of `Cross.toml`.
    LowerCaseFile,
    /// The name of the key or variable is deprecated.
    Deprecated,
    /// The value has no effect in combination with other values.
    NoEffect,
    /// Both an image and a Dockerfile are configured for one target. The Dockerfile is built and
    /// tagged with the name of the image.
    ImageAndDockerfile,
}

impl DiagnosticCode {
    /// All codes, in declaration order.
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

    /// The stable name, in kebab-case.
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

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for DiagnosticCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Whether a problem makes the configuration unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// The problem is reported, and the configuration is used. The library never turns a warning
    /// into an error.
    Warning,
    /// The configuration cannot be used.
    Error,
}

/// A problem of the configuration.
///
/// `Display` is one line without the remedy:
/// ``Cross.toml:3:1: unknown key `tagets` [unknown-key]``.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The kind of the problem.
    pub code: DiagnosticCode,
    /// Whether the problem makes the configuration unusable.
    pub severity: Severity,
    /// The location of the problem, if it is in a file.
    pub location: Option<SourceLocation>,
    /// The variable that has the problem, if any.
    pub variable: Option<String>,
    /// The message: a lowercase fragment that names the key, file or variable.
    pub message: String,
    /// The remedy.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: DiagnosticCode, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            location: None,
            variable: None,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn warning(code: DiagnosticCode, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(mut self, location: SourceLocation) -> Self {
        self.location = Some(location);
        self
    }

    pub(crate) fn variable(mut self, name: impl Into<String>) -> Self {
        self.variable = Some(name.into());
        self
    }

    /// Sets the location or variable from `origin`. Other origins are prefixed to the message.
    pub(crate) fn located_by(mut self, origin: &Origin) -> Self {
        match origin {
            Origin::CargoToml(location) | Origin::CrossToml(location) => self.at(location.clone()),
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
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
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
        let names: BTreeSet<_> = DiagnosticCode::ALL
            .iter()
            .map(|code| code.as_str())
            .collect();
        assert_eq!(names.len(), DiagnosticCode::ALL.len());
        for name in names {
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{name}"
            );
        }
    }

    #[test]
    fn display_is_place_message_code() {
        let diagnostic = Diagnostic::error(DiagnosticCode::UnknownKey, "unknown key `tagets`");
        assert_eq!(
            diagnostic
                .clone()
                .at(SourceLocation::new("Cross.toml", 3, 1))
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
