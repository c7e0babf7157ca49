//! Directories that manifests and cargo's configuration name beside the dependencies of a package:
//! patches, overrides and sources of crates.
//!
//! Cargo reads them in every build. `cargo metadata` tells of them only once everything is fetched,
//! and of patches only if they are used.

use std::path::{Path, PathBuf};

use toml::Value;

use crate::cargo::cli::configs::Configs;
use crate::host::places::normal;

/// The directories that cargo's configuration names, and the files of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedPaths {
    packages: Vec<PathBuf>,
    sources: Vec<PathBuf>,
    /// Those of `sources` that are not written as absolute paths.
    relative_sources: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl NamedPaths {
    /// The directories that `configs` name.
    pub(crate) fn of(configs: &Configs) -> Self {
        let mut named = NamedPaths::default();
        for (base, table) in configs.tables() {
            let dir = |path: &Value| Some(normal(&base.join(path.as_str()?)));
            named.packages.extend(patched(table).filter_map(dir));
            let overrides = table.get("paths").and_then(Value::as_array);
            named
                .packages
                .extend(overrides.into_iter().flatten().filter_map(dir));
            let sources = entries(table.get("source"));
            let sources =
                sources.flat_map(|source| [source.get("directory"), source.get("local-registry")]);
            for source in sources.flatten() {
                let is_relative = source
                    .as_str()
                    .is_some_and(|it| Path::new(it).is_relative());
                named.sources.extend(dir(source));
                named
                    .relative_sources
                    .extend(dir(source).filter(|_| is_relative));
            }
        }
        named.files = configs.files().map(|(file, _)| file.to_owned()).collect();
        named
    }

    /// The directories of packages that the configuration names and that exist.
    pub(crate) fn configured_packages(&self) -> impl Iterator<Item = &PathBuf> {
        self.packages.iter().filter(|dir| dir.is_dir())
    }

    /// The directories of the packages that the configuration names, and of those that the manifest
    /// of the workspace at `root` names as patches. They have a manifest.
    pub(crate) fn packages(&self, root: &Path) -> Vec<PathBuf> {
        let text = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
        let manifest: toml::Table = text.parse().unwrap_or_default();
        let dir = |path: &Value| Some(normal(&root.join(path.as_str()?)));
        let patches = patched(&manifest).filter_map(dir);
        let all = patches.chain(self.packages.iter().cloned());
        all.filter(|dir| dir.join("Cargo.toml").is_file()).collect()
    }

    /// The directories of crates that the configuration names and that exist.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &PathBuf> {
        self.sources.iter().filter(|dir| dir.is_dir())
    }

    /// The directories of crates that the configuration names relatively and that exist.
    pub(crate) fn relative_sources(&self) -> impl Iterator<Item = &PathBuf> {
        self.relative_sources.iter().filter(|dir| dir.is_dir())
    }

    /// The files of the configuration.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.iter()
    }
}

/// The directories of the dependencies by path in the manifest of the package in `dir`.
pub(crate) fn dependencies_of(dir: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
    let manifest = Value::Table(text.parse().unwrap_or_default());
    let of_targets = entries(manifest.get("target"));
    let tables = std::iter::once(&manifest)
        .chain(of_targets)
        .flat_map(|table| {
            let names = ["dependencies", "build-dependencies", "dev-dependencies"];
            names.map(|name| table.get(name))
        });
    let paths = tables.flat_map(entries).filter_map(|it| it.get("path"));
    let dirs = paths.filter_map(|path| Some(normal(&dir.join(path.as_str()?))));
    dirs.collect()
}

/// The paths of the patches in a manifest or in the configuration.
fn patched(table: &toml::Table) -> impl Iterator<Item = &Value> {
    let patches = entries(table.get("patch")).flat_map(|registry| entries(Some(registry)));
    let all = patches.chain(entries(table.get("replace")));
    all.filter_map(|package| package.get("path"))
}

fn entries(table: Option<&Value>) -> impl Iterator<Item = &Value> {
    let table = table.and_then(Value::as_table);
    table.into_iter().flatten().map(|(_, value)| value)
}
