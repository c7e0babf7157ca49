//! One source's values: read from a text or the environment, or built by a caller.

use std::path::Path;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::keys::key_values::Values;
use crate::layers::layer_values::Written;
use crate::layers::read_toml::{self, Sections};
use crate::layers::read_variables;
use crate::variables;
use crate::variables::env::Env;

/// What kind of source a layer is, from the lowest to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    BuiltIn,
    Embedder,
    CargoToml,
    CrossToml,
    Variables,
    Request,
}

impl Source {
    /// Whether it is a file, of which all are merged before they are put over other sources.
    pub(crate) fn is_file(self) -> bool {
        matches!(self, Self::CargoToml | Self::CrossToml)
    }
}

/// What one source says, checked, with the problems that were found in it.
///
/// A layer with problems is still a layer: what is valid in it is kept, and whoever loads decides.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(crate) source: Source,
    pub(crate) written: Written,
}

impl Layer {
    /// The text of a `Cross.toml`. `path` is for places, and its directory for relative paths; the file
    /// is not read.
    #[must_use]
    pub fn cross_toml(path: &Path, text: &str) -> Self {
        Self::file(Source::CrossToml, path, read_toml::cross_toml(path, text))
    }

    /// `[workspace.metadata.cross]` of the text of a `Cargo.toml`, overridden key by key by its
    /// `[package.metadata.cross]`. `path` is for places, and its directory for relative paths; the file
    /// is not read.
    #[must_use]
    pub fn cargo_toml(path: &Path, text: &str) -> Self {
        Self::cargo_sections(path, text, Sections::Both)
    }

    pub(crate) fn cargo_sections(path: &Path, text: &str, sections: Sections) -> Self {
        Self::file(
            Source::CargoToml,
            path,
            read_toml::cargo_toml(path, text, sections),
        )
    }

    fn file(source: Source, path: &Path, written: Written) -> Self {
        let base = path.parent().unwrap_or(Path::new(""));
        Self { source, written }.relative_to(base)
    }

    /// The variables of [`variables`] that `env` has. A relative path among them stays as it is: say
    /// what it is relative to with [`relative_to`](Self::relative_to).
    #[must_use]
    pub fn variables(env: &Env) -> Self {
        Self {
            source: Source::Variables,
            written: read_variables::read(env),
        }
    }

    /// Makes the relative paths among the values relative to `base`.
    ///
    /// Paths are the values of `dockerfile` (and its context), of `pre-build` where it is a script's path,
    /// those of `env.volumes`, `sdk`, and those of `engine` and `toolchain` that have a separator. A path that is
    /// relative still is so to the current directory of whoever uses it.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.written.resolve_paths(base);
        self
    }

    /// The problems found in this source, in the order of places.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.written.problems
    }

    /// What is said about one target: variables are found by the spelling of its name.
    pub(crate) fn target_level(&self, triple: &str) -> Option<&Values> {
        match self.source {
            Source::Variables => self.written.targets.get(&variables::spelling(triple)),
            _ => self.written.targets.get(triple),
        }
    }

    /// The names of the targets it says something about, as it spells them.
    pub(crate) fn target_names(&self) -> impl Iterator<Item = &str> {
        self.written.targets.keys().map(String::as_str)
    }
}
