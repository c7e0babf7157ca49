//! What cargo compiled: packages with their features, and the native libraries that they link.

use serde::{Deserialize, Serialize};

/// A package that cargo compiled for a request, or found compiled.
///
/// Cargo's messages say so, and they come from the environment: a build script or a macro can add a
/// package, but cannot hide one. Compare the list with what the host's cargo knows (`cargo
/// metadata`, Cargo.lock) before you rely on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompiledPackage {
    /// The package's name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The registry or the repository, as Cargo.lock names it: `registry+https://…`, or
    /// `git+https://…` without the revision. A password in it is removed. `None` for a package in a directory.
    pub source: Option<String>,
    /// Whether it was compiled for the machine that builds: a build dependency, a procedural macro,
    /// or a dependency of these. A package that is compiled for both is listed twice. A build script
    /// is a part of its package and not listed.
    pub for_host: bool,
    /// The features that were enabled, sorted. They include those of all its units.
    pub features: Vec<String>,
    /// The native libraries that its build script told rustc to link, sorted.
    pub native_libraries: Vec<NativeLibrary>,
}

/// A native library that a build script told rustc to link (`cargo::rustc-link-lib`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NativeLibrary {
    /// The library's name, without prefix and extension.
    pub name: String,
    /// The kind that the build script named: `static`, `dylib`, `framework`. `None` if it named
    /// none, so that rustc decides: dynamic, unless there is only a static one.
    pub kind: Option<String>,
    /// Where it comes from.
    pub origin: LibraryOrigin,
}

/// Where a native library comes from, by the directories in which a build script has rustc look for
/// it (`cargo::rustc-link-search`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LibraryOrigin {
    /// The build script made it: one of the directories is the script's own, and has a file of it,
    /// or of none of the script's libraries.
    BuildScript,
    /// It was there before: one of the directories is the crate's, or another one of the caller's.
    Sources,
    /// It is one of the environment.
    Environment,
}

impl NativeLibrary {
    /// The library that `text` names, in the form `[KIND[:MODIFIERS]=]NAME[:RENAME]`.
    pub(crate) fn parse(text: &str, origin: LibraryOrigin) -> Self {
        let (kind, name) = match text.split_once('=') {
            Some((kind, name)) => (Some(kind), name),
            None => (None, text),
        };
        let before_colon = |text: &str| text.split(':').next().unwrap_or(text).to_owned();
        NativeLibrary {
            name: before_colon(name),
            kind: kind.map(before_colon),
            origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_libraries_are_parsed_in_every_form() {
        for (text, name, kind) in [
            ("z", "z", None),
            ("static=z", "z", Some("static")),
            ("static:+whole-archive,-bundle=z", "z", Some("static")),
            ("dylib=ssl:crypto", "ssl", Some("dylib")),
            ("framework=Security", "Security", Some("framework")),
        ] {
            let library = NativeLibrary::parse(text, LibraryOrigin::BuildScript);
            assert_eq!(
                (library.name.as_str(), library.kind.as_deref()),
                (name, kind),
                "{text}"
            );
        }
    }
}
