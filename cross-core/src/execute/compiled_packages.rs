//! Collects what cargo compiled, from its messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cross_engine::os::System;
use cross_engine::process::untrusted::{Dir, Room};

use crate::cargo::json::{Artifact, BuildScript};
use crate::cargo::package_id::PackageId;
use crate::cargo::products::Products;
use crate::model::compiled::{CompiledPackage, NativeLibrary};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::redact;

/// A package, and whether it is for the machine that builds.
type Key = (String, String, Option<String>, bool);

/// The packages so far.
#[derive(Debug, Default)]
pub(crate) struct CompiledPackages {
    /// The packages with their features.
    features: BTreeMap<Key, BTreeSet<String>>,
    /// The libraries of build scripts, which cargo may announce before the packages.
    libraries: BTreeMap<Key, BTreeSet<NativeLibrary>>,
    room: Room,
}

impl CompiledPackages {
    /// Reads the message of a unit.
    pub(crate) fn unit(
        &mut self,
        unit: &Artifact,
        target_dir: &Dir,
        products: &Products,
    ) -> Result<()> {
        if unit.target.kind.iter().any(|kind| kind == "custom-build") {
            return Ok(());
        }
        let Some(file) = unit.filenames.first() else {
            return Ok(());
        };
        let key = key(&unit.package_id, file, target_dir, products);
        let known = self.features.get(&key);
        let is_new = |name: &&String| !known.is_some_and(|known| known.contains(*name));
        let new: Vec<String> = unit.features.iter().filter(is_new).cloned().collect();
        if known.is_none() {
            self.take(unit.package_id.len())?;
        }
        new.iter().try_for_each(|name| self.take(name.len()))?;
        self.features.entry(key).or_default().extend(new);
        Ok(())
    }

    /// Reads the message of a build script.
    pub(crate) fn build_script(
        &mut self,
        script: &BuildScript,
        target_dir: &Dir,
        products: &Products,
    ) -> Result<()> {
        let key = key(&script.package_id, &script.out_dir, target_dir, products);
        let is_own = |path: &String| {
            let path = path.split_once('=').map_or(path.as_str(), |(_, path)| path);
            Path::new(path).starts_with(&script.out_dir)
        };
        let built = script.linked_paths.iter().any(is_own);
        for text in &script.linked_libs {
            self.take(text.len())?;
            let library = NativeLibrary::parse(text, built);
            self.libraries
                .entry(key.clone())
                .or_default()
                .insert(library);
        }
        Ok(())
    }

    /// Adds what another run of cargo compiled.
    pub(crate) fn add(&mut self, other: CompiledPackages) {
        for (key, features) in other.features {
            self.features.entry(key).or_default().extend(features);
        }
        for (key, libraries) in other.libraries {
            self.libraries.entry(key).or_default().extend(libraries);
        }
    }

    /// The packages, sorted.
    pub(crate) fn into_list(mut self) -> Vec<CompiledPackage> {
        let packages = self.features.into_iter().map(|(key, features)| {
            let libraries = self.libraries.remove(&key).unwrap_or_default();
            let (name, version, source, for_host) = key;
            CompiledPackage {
                name,
                version,
                source,
                for_host,
                features: features.into_iter().collect(),
                native_libraries: libraries.into_iter().collect(),
            }
        });
        packages.collect()
    }

    fn take(&mut self, bytes: usize) -> Result<()> {
        match self.room.take(bytes) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Untrusted,
                "cargo's messages name too many packages",
            )),
        }
    }
}

/// The key of the package with `id`, one of whose files is `file`.
fn key(id: &str, file: &Path, target_dir: &Dir, products: &Products) -> Key {
    let id = PackageId::parse(id);
    let file = System::HERE.outside(file);
    let is_of_target = target_dir
        .relative(&file)
        .is_some_and(|path| products.is_of_target(path));
    (
        id.name.to_owned(),
        id.version.to_owned(),
        id.source().map(|source| redact::strip(source).into_owned()),
        !is_of_target,
    )
}
