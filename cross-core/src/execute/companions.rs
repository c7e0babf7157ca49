//! Which files belong to an artifact: its debug information, the import library of a DLL, dep-info.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::outcome::Artifact;

/// The endings of what linkers leave beside a library: debug information, and how a program links
/// with a DLL. Cargo's messages name them among the libraries.
const BESIDE_A_LIBRARY: [&str; 6] = [".dll.a", ".dll.exp", ".dll.lib", ".dSYM", ".dwp", ".pdb"];

/// Whether `file`, which cargo names with the library that it made, belongs to that and is none.
pub(crate) fn is_beside_a_library(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    BESIDE_A_LIBRARY.iter().any(|ending| name.ends_with(ending))
}

/// Gives each of `artifacts` the published files that belong to it: those of `copied` in the same
/// directory that have its name and another ending. `copied` is relative to `to`.
///
/// Some tools write names as rustc does, with `_` for `-`. Such a file is that of the artifact with
/// its exact name, if there is one: `my_exe.d` is of `my_exe.dll`, not of `my-exe.exe`.
pub(crate) fn add(artifacts: &mut [Artifact], to: &Path, copied: &[PathBuf]) {
    let copied: Vec<_> = copied.iter().map(|path| to.join(path)).collect();
    let made: BTreeSet<_> = artifacts.iter().map(|it| it.path.clone()).collect();
    let stems: BTreeSet<_> = made
        .iter()
        .map(|path| (path.parent(), stem(path)))
        .collect();
    for artifact in artifacts {
        let (parent, name) = (artifact.path.parent(), stem(&artifact.path));
        let is_companion = |path: &&PathBuf| {
            let own = stem(path);
            let is_same = own == name;
            let is_like = || {
                own.map(as_crate) == name.map(as_crate) && !stems.contains(&(path.parent(), own))
            };
            path.parent() == parent && (is_same || is_like()) && !made.contains(*path)
        };
        artifact.companions = copied.iter().filter(is_companion).cloned().collect();
        artifact.companions.sort();
    }
}

/// The name of a file without its endings. An import library of MinGW's has `lib` before it, and the
/// DLL has not.
fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let of_mingw = name.strip_suffix(".dll.a");
    let stem = of_mingw.and_then(|name| name.strip_prefix("lib"));
    stem.or_else(|| name.split('.').next())
}

/// A name as rustc has it.
fn as_crate(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Vec<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn a_companion_is_of_the_artifact_with_its_exact_name() {
        let dir = Path::new("/t/t");
        let artifact = |file: &str| Artifact::sample(dir.join("debug").join(file));
        let copied = paths(&["debug/my-exe.d", "debug/my_exe.d", "debug/my_exe.pdb"]);
        let of = |files: &[&str]| {
            let mut artifacts: Vec<_> = files.iter().map(|file| artifact(file)).collect();
            add(&mut artifacts, dir, &copied);
            let companions = artifacts
                .into_iter()
                .map(|artifact| artifact.companions.len());
            companions.collect::<Vec<_>>()
        };
        assert_eq!(of(&["my-exe.exe", "my_exe.dll"]), [1, 2]);
        assert_eq!(of(&["my-exe.exe"]), [3]);
    }

    #[test]
    fn a_dll_has_its_import_library_and_its_debug_information() {
        for file in [
            "app.pdb",
            "app.dll.lib",
            "app.dll.exp",
            "libapp.dll.a",
            "app.dylib.dSYM",
        ] {
            assert!(is_beside_a_library(Path::new(file)), "{file}");
        }
        for file in ["app.dll", "app.lib", "libapp.a", "libapp.so", "app.exe"] {
            assert!(!is_beside_a_library(Path::new(file)), "{file}");
        }
    }
}
