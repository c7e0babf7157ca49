//! Layers, and how they are read from text and variables.

use std::path::Path;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::keys::key_values::KeyValues;
use crate::layers::layer_values::LayerValues;
use crate::layers::read_toml::{self, Sections};
use crate::layers::read_variables;
use crate::variables;
use crate::variables::env::Env;

/// The kind of source of a layer, from the lowest to the highest precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LayerKind {
    BuiltIn,
    Embedder,
    CargoToml,
    CrossToml,
    Variables,
    Request,
}

impl LayerKind {
    /// Whether the source is a file. Files are merged with each other before other sources.
    pub(crate) fn is_file(self) -> bool {
        matches!(self, Self::CargoToml | Self::CrossToml)
    }
}

/// The values of one source, validated, with the problems found in them.
///
/// A layer with problems is usable: its valid values are kept, and the caller decides.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(crate) kind: LayerKind,
    pub(crate) values: LayerValues,
}

impl Layer {
    /// Reads the text of a `Cross.toml`. `path` is used for locations and to resolve relative
    /// paths; the file itself is not read.
    #[must_use]
    pub fn cross_toml(path: &Path, text: &str) -> Self {
        Self::file(
            LayerKind::CrossToml,
            path,
            read_toml::cross_toml(path, text),
        )
    }

    /// Reads `[workspace.metadata.cross]` from the text of a `Cargo.toml`, overridden key by key by
    /// `[package.metadata.cross]`. `path` is used for locations and to resolve relative paths; the
    /// file itself is not read.
    #[must_use]
    pub fn cargo_toml(path: &Path, text: &str) -> Self {
        Self::cargo_sections(path, text, Sections::Both)
    }

    pub(crate) fn cargo_sections(path: &Path, text: &str, sections: Sections) -> Self {
        Self::file(
            LayerKind::CargoToml,
            path,
            read_toml::cargo_toml(path, text, sections),
        )
    }

    fn file(kind: LayerKind, path: &Path, values: LayerValues) -> Self {
        let base = path.parent().unwrap_or(Path::new(""));
        Self { kind, values }.relative_to(base)
    }

    /// Reads the variables in [`variables`] from `env`. Relative paths are not resolved; use
    /// [`relative_to`](Self::relative_to).
    #[must_use]
    pub fn variables(env: &Env) -> Self {
        Self {
            kind: LayerKind::Variables,
            values: read_variables::read(env),
        }
    }

    /// Resolves relative paths in the values against `base`.
    ///
    /// Paths are the values of `dockerfile` (and its context), `env.volumes` and `sdk`, of
    /// `pre-build` if it is the path of a script, and of `engine` and `toolchain` if they contain a
    /// separator. If `base` is relative, so are the results.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        self.values.resolve_paths(base);
        self
    }

    /// The problems in this layer, in the order of locations.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.values.problems
    }

    /// The values for one target. Variables are looked up by the spelling of its name.
    pub(crate) fn target_level(&self, triple: &str) -> Option<&KeyValues> {
        match self.kind {
            LayerKind::Variables => self
                .values
                .targets
                .get(&variables::triple_in_variable(triple)),
            _ => self.values.targets.get(triple),
        }
    }

    /// The names of the targets that have values, as the source spells them.
    pub(crate) fn target_names(&self) -> impl Iterator<Item = &str> {
        self.values.targets.keys().map(String::as_str)
    }
}
