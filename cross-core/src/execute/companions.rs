//! Which files belong to an artifact: its debug information, the import library of a DLL, dep-info.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::model::outcome::Artifact;

/// The endings of what linkers leave beside a library: debug information, and how a program links
/// with a DLL. Cargo's messages name them among the libraries.
const BESIDE_A_LIBRARY: [&str; 6] = [".dll.a", ".dll.exp", ".dll.lib", ".dSYM", ".dwp", ".pdb"];
/// The endings of dynamic libraries, with the dot of what follows in the name of a file beside one.
const DYNAMIC: [&str; 3] = [".dll.", ".dylib.", ".so."];

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
///
/// A file that is named after a dynamic library is of that alone: a program of the same name does not
/// need the import library `app.dll.lib`, and `libapp.so.dwp` does not describe `libapp.a`.
pub(crate) fn add(artifacts: &mut [Artifact], to: &Path, copied: &[PathBuf]) {
    let copied: Vec<_> = copied.iter().map(|path| to.join(path)).collect();
    let made: BTreeSet<_> = artifacts.iter().map(|it| it.path.clone()).collect();
    let stems: BTreeSet<_> = made
        .iter()
        .map(|path| (path.parent(), stem(path)))
        .collect();
    for artifact in artifacts {
        let (parent, name) = (artifact.path.parent(), stem(&artifact.path));
        let file = file_name(&artifact.path).map(as_crate);
        let is_companion = |path: &&PathBuf| {
            let own = stem(path);
            let is_like = || {
                own.map(as_crate) == name.map(as_crate) && !stems.contains(&(path.parent(), own))
            };
            let is_its = match dynamic_library(path) {
                Some(library) => file == Some(as_crate(&library)),
                None => own == name || is_like(),
            };
            path.parent() == parent && is_its && !made.contains(*path)
        };
        artifact.companions = copied.iter().filter(is_companion).cloned().collect();
        artifact.companions.sort();
    }
}

/// The name of the dynamic library that the name of a file beside it begins with. An import library
/// of MinGW's has `lib` before it, and the DLL has not.
fn dynamic_library(path: &Path) -> Option<String> {
    let name = file_name(path)?;
    let of_mingw = name.strip_suffix(".dll.a");
    if let Some(stem) = of_mingw.and_then(|name| name.strip_prefix("lib")) {
        return Some(format!("{stem}.dll"));
    }
    let mut dynamic = DYNAMIC.iter();
    let end = dynamic.find_map(|ending| Some(name.find(*ending)? + ending.len() - 1))?;
    Some(name[..end].to_owned())
}

/// The name of a file without its endings.
fn stem(path: &Path) -> Option<&str> {
    file_name(path)?.split('.').next()
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
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
    fn what_is_named_after_a_dynamic_library_is_of_that_alone() {
        let dir = Path::new("/t/t");
        for (files, beside, dynamic) in [
            (
                ["app.exe", "app.dll"],
                &["app.dll.exp", "app.dll.lib", "libapp.dll.a"][..],
                "app.dll",
            ),
            (
                ["libmy_app.a", "libmy_app.so"],
                &["libmy-app.so.dwp"],
                "libmy_app.so",
            ),
            (
                ["libapp.a", "libapp.dylib"],
                &["libapp.dylib.dSYM"],
                "libapp.dylib",
            ),
        ] {
            let mut artifacts = files.map(|file| Artifact::sample(dir.join(file)));
            add(&mut artifacts, dir, &paths(beside));
            for artifact in artifacts {
                let own: Vec<_> = match artifact.path.ends_with(dynamic) {
                    true => beside.iter().map(|file| dir.join(file)).collect(),
                    false => Vec::new(),
                };
                assert_eq!(artifact.companions, own, "{}", artifact.path.display());
            }
        }
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
