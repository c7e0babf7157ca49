//! Where a value came from: files by line and column, variables, the embedder, the request.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// A value and where it came from. `Display` shows both: `podman (CROSS_CONTAINER_ENGINE)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// `value`, written at `origin`.
    #[must_use]
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// Changes the value and keeps the origin.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced {
            value: change(self.value),
            origin: self.origin,
        }
    }

    /// Borrows the value; the origin is cloned.
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

/// Where a value was written, from the lowest source to the highest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// Nobody wrote it: the default of this crate.
    BuiltIn,
    /// The defaults of the application that embeds this library, by its name.
    Embedder(String),
    /// `[workspace.metadata.cross]` or `[package.metadata.cross]` of a `Cargo.toml`.
    CargoToml(Place),
    /// `Cross.toml`, or the file `CROSS_CONFIG` names.
    CrossToml(Place),
    /// A variable of the environment, by its name.
    Variable(String),
    /// The request itself: what the caller said for this one call.
    Request,
}

impl Origin {
    /// The place in a file, if the value was written in one.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::CargoToml(place) | Self::CrossToml(place) => Some(place),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Embedder(name) => write!(f, "embedder {name}"),
            Self::CargoToml(place) | Self::CrossToml(place) => place.fmt(f),
            Self::Variable(name) => f.write_str(name),
            Self::Request => f.write_str("request"),
        }
    }
}

/// A place in a file. `Display` gives `path:line:column`, which editors and terminals can follow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Place {
    /// The file, spelled as the reader was given it.
    #[serde(serialize_with = "lossy")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1 in characters (not bytes).
    pub column: u32,
}

impl Place {
    /// Line `line`, column `column` of the file `path`, both counted from 1.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, line: u32, column: u32) -> Self {
        Self {
            path: path.into(),
            line,
            column,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// A report about a file must not fail because of its name, so what is not UTF-8 is replaced.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_spelled_for_people() {
        let place = Place::new("Cross.toml", 12, 3);
        let spelled = [
            (Origin::BuiltIn, "built-in"),
            (Origin::Embedder("xtask".into()), "embedder xtask"),
            (
                Origin::CargoToml(Place::new("a/Cargo.toml", 1, 1)),
                "a/Cargo.toml:1:1",
            ),
            (Origin::CrossToml(place), "Cross.toml:12:3"),
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
