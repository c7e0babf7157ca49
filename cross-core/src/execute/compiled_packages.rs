//! Collects what cargo compiled, from its messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cross_engine::os::System;
use cross_engine::process::untrusted::{Dir, Room};

use crate::cargo::json::{Artifact, BuildScript};
use crate::cargo::package_id::PackageId;
use crate::cargo::products::Products;
use crate::facts::private_places::is_system;
use crate::model::compiled::{CompiledPackage, LibraryOrigin, NativeLibrary};
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
        let origins = origins(script, target_dir);
        for (text, origin) in script.linked_libs.iter().zip(origins) {
            self.take(text.len())?;
            let library = NativeLibrary::parse(text, origin);
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

/// The most files that are looked for, for all libraries of a build script.
const LOOKUPS: usize = 1024;

/// Where each library of a build script comes from. If a file of one is in the script's own directory,
/// those that have none there come from elsewhere: what was compiled needs libraries of the system.
fn origins(script: &BuildScript, target_dir: &Dir) -> Vec<LibraryOrigin> {
    let paths = script.linked_paths.iter();
    let paths = paths.map(|path| path.split_once('=').map_or(path.as_str(), |(_, path)| path));
    let paths: Vec<_> = paths.map(Path::new).collect();
    let (own, others): (Vec<&Path>, Vec<&Path>) = paths
        .into_iter()
        .partition(|path| path.starts_with(&script.out_dir));
    let others = others.into_iter().map(|path| match path {
        system if !system.is_absolute() || is_system(system) => LibraryOrigin::Environment,
        _ => LibraryOrigin::Sources,
    });
    let elsewhere = others.min().unwrap_or(LibraryOrigin::Environment);
    let libraries = &script.linked_libs;
    let is_made = |text: &String| {
        let name = NativeLibrary::parse(text, elsewhere).name;
        own.iter().any(|dir| has_library(target_dir, dir, &name))
    };
    let made: Vec<bool> = match libraries.len().saturating_mul(own.len()) {
        0 => return vec![elsewhere; libraries.len()],
        1..=LOOKUPS => libraries.iter().map(is_made).collect(),
        _ => Vec::new(),
    };
    if !made.contains(&true) {
        return vec![LibraryOrigin::BuildScript; libraries.len()];
    }
    let origin = |is_made| match is_made {
        true => LibraryOrigin::BuildScript,
        false => elsewhere,
    };
    made.into_iter().map(origin).collect()
}

/// Whether the directory `dir` of the target directory has a file of the library `name`.
fn has_library(target_dir: &Dir, dir: &Path, name: &str) -> bool {
    let dir = System::HERE.outside(dir);
    let Some(dir) = target_dir.relative(&dir) else {
        return false;
    };
    let files = [
        format!("lib{name}.a"),
        format!("lib{name}.so"),
        format!("lib{name}.dylib"),
        format!("{name}.lib"),
        name.to_owned(),
    ];
    let mut files = files.iter();
    files.any(|file| matches!(target_dir.file_if_any(dir.join(file)), Ok(Some(_))))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_of_the_first_that_has_it() {
        // As the reader of the messages hands them on: the host's paths, with a drive on Windows.
        let host = |path: &str| System::HERE.outside(Path::new(path)).display().to_string();
        let dir = tempfile::tempdir().unwrap();
        let dir = Dir::open(dir.path()).unwrap();
        let origin = |paths: &[String]| {
            let message = serde_json::json!({
                "package_id": "path+file:///w#z-sys@1.0.0",
                "out_dir": host("/w/target/debug/build/z-sys-1/out"),
                "linked_paths": paths,
                "linked_libs": ["static=z"],
            });
            origins(&serde_json::from_value(message).unwrap(), &dir)[0]
        };
        let native = |path: &str| format!("native={}", host(path));
        let sources = native("/w/lib");
        let own = native("/w/target/debug/build/z-sys-1/out/lib");
        assert_eq!(origin(&[sources.clone(), own]), LibraryOrigin::BuildScript);
        assert_eq!(origin(&[host("/usr/lib"), sources]), LibraryOrigin::Sources);
        assert_eq!(origin(&[native("/usr/lib/z")]), LibraryOrigin::Environment);
        assert_eq!(origin(&[]), LibraryOrigin::Environment);
    }

    #[test]
    fn a_library_of_the_system_is_told_from_what_the_same_script_made() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("debug/build/nat-sys-1/out");
        std::fs::create_dir_all(&out).unwrap();
        std::fs::write(out.join("libnat.a"), "").unwrap();
        let target_dir = Dir::open(dir.path()).unwrap();
        let of = |libraries: &[&str]| {
            let message = serde_json::json!({
                "package_id": "path+file:///w#nat-sys@1.0.0",
                "out_dir": out,
                "linked_paths": [format!("native={}", out.display())],
                "linked_libs": libraries,
            });
            origins(&serde_json::from_value(message).unwrap(), &target_dir)
        };
        let (made, system) = (LibraryOrigin::BuildScript, LibraryOrigin::Environment);
        assert_eq!(of(&["static=nat", "m", "dylib=dl"]), [made, system, system]);
        assert_eq!(of(&["../../out/nat", "nat"]), [system, made]);
        // The files are elsewhere, or were removed.
        assert_eq!(of(&["other", "m"]), [made, made]);
    }
}
