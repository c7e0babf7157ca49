//! Origins of values: files with line and column, variables, the embedder, the request.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// A value with its origin. `Display` shows both: `podman (CROSS_CONTAINER_ENGINE)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// The origin of the value.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// Creates a value with an origin.
    #[must_use]
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// Maps the value and keeps the origin.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced {
            value: change(self.value),
            origin: self.origin,
        }
    }

    /// Borrows the value and clones the origin.
    #[must_use]
    pub fn as_ref(&self) -> Sourced<&T> {
        Sourced {
            value: &self.value,
            origin: self.origin.clone(),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Sourced<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.value, self.origin)
    }
}

/// The origin of a value. Variants are ordered from the lowest to the highest precedence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// The built-in default.
    BuiltIn,
    /// A default of the application that embeds this library, with its name.
    Embedder(String),
    /// `[workspace.metadata.cross]` or `[package.metadata.cross]` of a `Cargo.toml`.
    CargoToml(SourceLocation),
    /// `Cross.toml`, or the file that `CROSS_CONFIG` names.
    CrossToml(SourceLocation),
    /// An environment variable, with its name.
    Variable(String),
    /// The request: set by the caller for a single call.
    Request,
}

impl Origin {
    /// The location in a file, if the value was written in a file.
    #[must_use]
    pub fn location(&self) -> Option<&SourceLocation> {
        match self {
            Self::CargoToml(location) | Self::CrossToml(location) => Some(location),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Embedder(name) => write!(f, "embedder {name}"),
            Self::CargoToml(location) | Self::CrossToml(location) => location.fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Request => f.write_str("request"),
        }
    }
}

/// A location in a file. `Display` is `path:line:column`, which editors and terminals can open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SourceLocation {
    /// The file, with the path that the reader was given.
    #[serde(serialize_with = "lossy")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: PathBuf,
    /// The line, starting at 1.
    pub line: u32,
    /// The column in characters (not bytes), starting at 1.
    pub column: u32,
}

impl SourceLocation {
    /// Creates a location. Lines and columns start at 1.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, line: u32, column: u32) -> Self {
        Self {
            path: path.into(),
            line,
            column,
        }
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// Paths that are not UTF-8 are serialized lossily, so that reports about such files do not fail.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_spelled_for_people() {
        let location = SourceLocation::new("Cross.toml", 12, 3);
        let spelled = [
            (Origin::BuiltIn, "built-in"),
            (Origin::Embedder("xtask".into()), "embedder xtask"),
            (
                Origin::CargoToml(SourceLocation::new("a/Cargo.toml", 1, 1)),
                "a/Cargo.toml:1:1",
            ),
            (Origin::CrossToml(location), "Cross.toml:12:3"),
            (
                Origin::Variable("CROSS_CONTAINER_ENGINE".into()),
                "CROSS_CONTAINER_ENGINE",
            ),
            (Origin::Request, "request"),
        ];
        for (origin, expected) in spelled {
            assert_eq!(origin.to_string(), expected);
        }
    }

    #[test]
    fn map_keeps_the_origin() {
        let sourced = Sourced::new("4", Origin::Request).map(str::len);
        assert_eq!(sourced, Sourced::new(1, Origin::Request));
        assert_eq!(sourced.as_ref().value, &1);
    }
}
