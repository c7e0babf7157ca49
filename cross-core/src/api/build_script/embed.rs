//! Embedded files: copies of artifacts that the outer package can include. Their paths are stable,
//! and they are written only if they changed.

use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::os;
use cross_engine::process::untrusted::{Dir, RegularFile};
use cross_engine::process::whole_file;
use serde::Serialize;

use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind, Outcome};

/// A file that the outer package can include.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Embedded {
    /// The variable that `env!` reads in the package.
    pub variable: String,
    /// Its path below `OUT_DIR`, which is the value of the variable.
    pub path: PathBuf,
    /// The artifact that it is a copy of. `None` for the stand-in of a skipped build.
    pub artifact: Option<Artifact>,
}

/// Copies the artifacts of `outcome` into `dir`, each with the variable that names it: `named`, or
/// one made from the artifact's name.
pub(super) fn embed_all(
    outcome: &Outcome,
    named: Option<&str>,
    dir: &Path,
    cancel: &Cancel,
) -> Result<Vec<Embedded>> {
    let artifacts = outcome.artifacts.iter();
    let artifacts: Vec<_> = artifacts
        .filter(|artifact| variable_prefix(artifact).is_some())
        .collect();
    if artifacts.is_empty() {
        let message = format!("the build for {} has no artifact to embed", outcome.target);
        let help =
            "select a package that has a program, or a library of the type `cdylib` or `staticlib`";
        return Err(Error::new(ErrorKind::BuildScript, message).with_help(help));
    }
    if let (Some(name), [_, _, ..]) = (named, artifacts.as_slice()) {
        return Err(ambiguous(name, &artifacts));
    }
    let mut embedded = Vec::new();
    for artifact in artifacts {
        let variable = named.map_or_else(|| variable_of(artifact), str::to_owned);
        let to = dir.join(&variable);
        let mut embed = |path: &Path, variable: String| {
            embedded.push(Embedded {
                path: copy_into(path, &to, cancel)?,
                artifact: Some(artifact.clone()),
                variable,
            });
            Ok(())
        };
        embed(&artifact.path, variable.clone())?;
        // A script of Emscripten's loads the WebAssembly beside it.
        if let Some(wasm) = webassembly_of(artifact) {
            embed(wasm, variable_of_webassembly(&variable))?;
        }
    }
    Ok(embedded)
}

/// The WebAssembly that the script `artifact` loads.
fn webassembly_of(artifact: &Artifact) -> Option<&Path> {
    let ends = |path: &Path, ending: &str| path.extension().is_some_and(|end| end == ending);
    let is_script = ["js", "mjs"].iter().any(|it| ends(&artifact.path, it));
    let mut companions = artifact.companions.iter().map(PathBuf::as_path);
    companions.find(|path| is_script && ends(path, "wasm"))
}

/// The stand-in for the artifact of a skipped build: a file of the caller, or an empty one in
/// `dir`.
pub(super) fn stand_in(variable: &str, given: Option<&Path>, dir: &Path) -> Result<Embedded> {
    let path = match given {
        Some(path) => {
            path.metadata().on("use as a stand-in", path)?;
            path.to_owned()
        }
        None => {
            let path = dir.join(variable).join("stand-in");
            write_if_changed(&path, b"")?;
            path
        }
    };
    Ok(Embedded {
        variable: variable.to_owned(),
        path,
        artifact: None,
    })
}

/// The variable of the artifact that cargo makes of a target of this kind.
pub(super) fn variable_of_target(name: &str, kind: &str) -> String {
    let prefix = match kind {
        "staticlib" => "STATICLIB_FILE",
        "cdylib" => "CDYLIB_FILE",
        "example" => "EXAMPLE_FILE",
        _ => "BIN_FILE",
    };
    variable_with(prefix, name)
}

/// The variable of the WebAssembly that the script of `variable` loads.
pub(super) fn variable_of_webassembly(variable: &str) -> String {
    format!("{variable}_WASM")
}

/// The prefix of an artifact's variable, if it can be embedded. Cargo uses the same names for
/// artifact dependencies, with its reserved prefix `CARGO_`.
fn variable_prefix(artifact: &Artifact) -> Option<&'static str> {
    match artifact.kind {
        ArtifactKind::Executable => Some("BIN_FILE"),
        ArtifactKind::Example => Some("EXAMPLE_FILE"),
        ArtifactKind::Library => {
            let extension = artifact.path.extension();
            let is_static = extension.is_some_and(|end| end == "a" || end == "lib");
            Some(if is_static {
                "STATICLIB_FILE"
            } else {
                "CDYLIB_FILE"
            })
        }
        ArtifactKind::Test | ArtifactKind::RustLibrary => None,
    }
}

/// The variable of an artifact, such as `BIN_FILE_MY_FIRMWARE`. No tool reads a variable of such a
/// name.
fn variable_of(artifact: &Artifact) -> String {
    variable_with(
        variable_prefix(artifact).unwrap_or_default(),
        &artifact.name,
    )
}

fn variable_with(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", name.to_uppercase().replace('-', "_"))
}

fn ambiguous(variable: &str, artifacts: &[&Artifact]) -> Error {
    let file_name = |artifact: &&Artifact| {
        let name = artifact.path.file_name().unwrap_or_default();
        format!("`{}`", name.to_string_lossy())
    };
    let names: Vec<_> = artifacts.iter().map(file_name).collect();
    let message = format!(
        "`{variable}` can name one file, but {} were built: {}",
        artifacts.len(),
        names.join(", ")
    );
    Error::new(ErrorKind::BuildScript, message).with_help(
        "select one with `request(|request| request.bin(\"NAME\"))`, or leave out `rustc_env`: each \
         file then has a variable of its own",
    )
}

/// Copies the file `from` into `dir`, unless the same file is there, and returns the copy's path.
fn copy_into(from: &Path, dir: &Path, cancel: &Cancel) -> Result<PathBuf> {
    let name = from.file_name().unwrap_or_default();
    let built = RegularFile::open(from).map_engine_error()?;
    fs::create_dir_all(dir).on("create directory", dir)?;
    let copies = Dir::open(dir).map_engine_error()?;
    // Cargo compiles again what includes a file that was written.
    let to = dir.join(name);
    if !copies.holds_same(&built, name).map_engine_error()? {
        copies.publish(&built, name, cancel).map_engine_error()?;
    }
    os::set_mode(&to, built.published_mode()).on("write", &to)?;
    Ok(to)
}

/// Writes a file only if it would change: cargo rebuilds a crate that includes a newer file.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).on("create directory", dir)?;
    whole_file::write(path, bytes, 0o644).map_engine_error()
}

#[cfg(test)]
mod tests {
    use cross_engine::os::FileFacts;

    use super::*;

    fn artifact(path: &Path, kind: ArtifactKind) -> Artifact {
        Artifact {
            package: "firmware".to_owned(),
            kind,
            ..Artifact::sample(path)
        }
    }

    #[test]
    fn an_unchanged_artifact_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("firmware"), dir.path().join("kept"));
        fs::write(&from, "one").unwrap();
        os::set_mode(&from, 0o755).unwrap();
        let copy = copy_into(&from, &to, &Cancel::new()).unwrap();
        assert_eq!(copy, to.join("firmware"));
        let facts = |path: &Path| FileFacts::at(path).unwrap();
        let written = facts(&copy);
        assert_eq!(written.mode & 0o777, 0o755);

        // Built again, with the same result.
        fs::remove_file(&from).unwrap();
        fs::write(&from, "one").unwrap();
        copy_into(&from, &to, &Cancel::new()).unwrap();
        let then = facts(&copy);
        assert_eq!(
            (then.inode, then.modified),
            (written.inode, written.modified)
        );

        fs::write(&from, "two").unwrap();
        copy_into(&from, &to, &Cancel::new()).unwrap();
        assert_ne!(facts(&copy).inode, written.inode);
        assert_eq!(fs::read(&copy).unwrap(), b"two");
        assert_eq!(
            fs::read_dir(&to).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn each_kind_of_artifact_has_a_variable_prefix() {
        for (path, kind, expected) in [
            ("/t/path", ArtifactKind::Executable, Some("BIN_FILE_PATH")),
            (
                "/t/my-firmware.elf",
                ArtifactKind::Executable,
                Some("BIN_FILE_MY_FIRMWARE"),
            ),
            (
                "/t/plugin.wasm",
                ArtifactKind::Library,
                Some("CDYLIB_FILE_PLUGIN"),
            ),
            (
                "/t/boot.a",
                ArtifactKind::Library,
                Some("STATICLIB_FILE_BOOT"),
            ),
            (
                "/t/blinky",
                ArtifactKind::Example,
                Some("EXAMPLE_FILE_BLINKY"),
            ),
            ("/t/core.rlib", ArtifactKind::RustLibrary, None),
        ] {
            let artifact = artifact(Path::new(path), kind);
            let got = variable_prefix(&artifact).map(|_| variable_of(&artifact));
            assert_eq!(got.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn the_webassembly_of_a_script_is_embedded_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let (script, wasm) = (dir.path().join("app.js"), dir.path().join("app.wasm"));
        fs::write(&script, "load('app.wasm')").unwrap();
        fs::write(&wasm, "\0asm").unwrap();
        let mut program = artifact(&script, ArtifactKind::Executable);
        assert_eq!(webassembly_of(&program), None);
        program.companions = vec![dir.path().join("app.d"), wasm.clone()];
        assert_eq!(webassembly_of(&program), Some(wasm.as_path()));
        program.path = dir.path().join("app.exe");
        assert_eq!(webassembly_of(&program), None);
    }

    #[test]
    fn a_stand_in_has_the_variable_of_the_artifact() {
        for (name, kind, variable) in [
            ("my-firmware", "bin", "BIN_FILE_MY_FIRMWARE"),
            ("boot", "staticlib", "STATICLIB_FILE_BOOT"),
            ("plugin", "cdylib", "CDYLIB_FILE_PLUGIN"),
            ("blinky", "example", "EXAMPLE_FILE_BLINKY"),
        ] {
            assert_eq!(variable_of_target(name, kind), variable);
        }
    }

    #[test]
    fn a_variable_for_several_files_is_refused() {
        let all = ["/t/blinky", "/t/boot"]
            .map(|path| artifact(Path::new(path), ArtifactKind::Executable));
        let error = ambiguous("FIRMWARE", &all.iter().collect::<Vec<_>>());
        assert_eq!(error.kind(), ErrorKind::BuildScript);
        assert!(
            error
                .to_string()
                .ends_with("2 were built: `blinky`, `boot`"),
            "{error}"
        );
    }

    #[test]
    fn a_skipped_build_has_a_stand_in() {
        let dir = tempfile::tempdir().unwrap();
        let empty = stand_in("FIRMWARE", None, dir.path()).unwrap();
        assert!(empty.path.starts_with(dir.path()) && empty.artifact.is_none());
        assert_eq!(fs::read(&empty.path).unwrap(), b"");
        let given = dir.path().join("prebuilt.elf");
        let error = stand_in("FIRMWARE", Some(&given), dir.path()).unwrap_err();
        assert!(error.to_string().contains("prebuilt.elf"), "{error}");
        fs::write(&given, "x").unwrap();
        let used = stand_in("FIRMWARE", Some(&given), dir.path()).unwrap();
        assert_eq!(used.path, given);
    }
}
