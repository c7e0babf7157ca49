//! Publishes the stripped copies of artifacts, with the files of their debug information.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::process::untrusted::Dir;

use crate::host::files;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::plan::strip;

/// A stripped copy of an artifact. Its paths are relative to the target directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StrippedCopy {
    file: PathBuf,
    debug: Option<PathBuf>,
    /// The published file with its debug information.
    pub(crate) debug_file: Option<PathBuf>,
}

/// The copies in the directory `stripped` of `target_dir`, each by the published path of its
/// artifact. Rust's own libraries, and what others link a library by, have none.
///
/// # Errors
///
/// If a program has no copy.
pub(crate) fn copies(
    target_dir: &Dir,
    stripped: &Path,
    artifacts: &[Artifact],
) -> Result<BTreeMap<PathBuf, StrippedCopy>> {
    let mut copies = BTreeMap::new();
    let Some(profile) = files::relative(target_dir, stripped)?
        .strip_prefix(strip::DIRECTORY)
        .ok()
        .map(|relative| target_dir.path().join(relative))
    else {
        return Ok(copies);
    };
    for artifact in artifacts {
        let is_published = artifact.kind != ArtifactKind::Test && artifact.inside != artifact.path;
        let Some(name) = artifact
            .inside
            .strip_prefix(&profile)
            .ok()
            .filter(|_| is_published)
        else {
            continue;
        };
        let copy = stripped.join(name);
        let file = files::relative(target_dir, &copy)?.to_owned();
        if target_dir.file_if_any(&file).map_engine_error()?.is_none() {
            match artifact.kind {
                ArtifactKind::Executable | ArtifactKind::Example => {
                    return Err(not_stripped(artifact));
                }
                _ => continue,
            }
        }
        let debug = with_ending(&file);
        let debug = target_dir
            .file_if_any(&debug)
            .map_engine_error()?
            .map(|_| debug);
        let debug_file = debug.is_some().then(|| with_ending(&artifact.path));
        let copy = StrippedCopy {
            file,
            debug,
            debug_file,
        };
        copies.insert(artifact.path.clone(), copy);
    }
    Ok(copies)
}

/// Copies them to their published paths below `published`. A program comes after the file that it
/// names.
pub(crate) fn publish(
    target_dir: &Dir,
    published: &Dir,
    copies: &BTreeMap<PathBuf, StrippedCopy>,
    cancel: &Cancel,
) -> Result<()> {
    for (path, copy) in copies {
        let debug = copy.debug.as_ref().zip(copy.debug_file.as_ref());
        for (from, to) in debug.into_iter().chain([(&copy.file, path)]) {
            let file = target_dir.file(from).map_engine_error()?;
            let to = files::relative(published, to)?;
            published.publish(&file, to, cancel).map_engine_error()?;
        }
    }
    Ok(())
}

/// The path of the debug information of the program at `path`.
fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".debug");
    PathBuf::from(name)
}

fn not_stripped(artifact: &Artifact) -> Error {
    let message = format!(
        "`{}` was not stripped: its name is not that of a program that a tool strips",
        artifact.inside.display()
    );
    Error::new(ErrorKind::UnsupportedTarget, message)
        .with_help("let rustc strip it: `strip = true` in the profile")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn artifact(root: &Path, file: &str, kind: ArtifactKind) -> Artifact {
        Artifact {
            package: "app".to_owned(),
            name: "app".to_owned(),
            kind,
            profile: "release".to_owned(),
            path: root.join("out/t/release").join(file),
            inside: root.join("in/t/release").join(file),
            companions: Vec::new(),
            glibc: None,
            deployment_target: None,
            slices: Vec::new(),
            sha256: None,
        }
    }

    #[test]
    fn a_program_is_published_stripped_with_its_debug_information() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let stripped = root.join("in/stripped/t/release");
        fs::create_dir_all(&stripped).unwrap();
        fs::create_dir_all(root.join("out")).unwrap();
        for file in ["app", "app.debug", "libapp.so", "other.debug"] {
            fs::write(stripped.join(file), format!("stripped {file}")).unwrap();
        }
        let (from, to) = (
            Dir::open(root.join("in")).unwrap(),
            Dir::open(root.join("out")).unwrap(),
        );
        let artifacts = [
            artifact(root, "app", ArtifactKind::Executable),
            artifact(root, "libapp.so", ArtifactKind::Library),
            artifact(root, "libapp.dll.a", ArtifactKind::Library),
            artifact(root, "libapp.rlib", ArtifactKind::RustLibrary),
        ];
        let copies = copies(&from, &stripped, &artifacts).unwrap();
        publish(&from, &to, &copies, &Cancel::new()).unwrap();
        let debug = root.join("out/t/release/app.debug");
        let kept: Vec<_> = copies
            .values()
            .map(|copy| copy.debug_file.clone())
            .collect();
        assert_eq!(kept, [Some(debug.clone()), None]);
        assert_eq!(fs::read_to_string(debug).unwrap(), "stripped app.debug");
        let program = root.join("out/t/release/app");
        assert_eq!(fs::read_to_string(program).unwrap(), "stripped app");
        assert!(!root.join("out/t/release/other.debug").exists());
    }

    #[test]
    fn a_program_without_a_stripped_copy_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let stripped = root.join("in/stripped/t/release");
        fs::create_dir_all(&stripped).unwrap();
        let from = Dir::open(root.join("in")).unwrap();
        let artifacts = [artifact(root, "app.strange", ArtifactKind::Executable)];
        let error = copies(&from, &stripped, &artifacts).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedTarget);
        assert!(error.help().is_some_and(|help| help.contains("strip")));
    }
}
