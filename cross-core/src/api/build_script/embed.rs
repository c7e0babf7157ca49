//! What a build made, kept where the outer package can include it: by a stable path, and written
//! only where it changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::untrusted::{Dir, RegularFile};
use serde::Serialize;

use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind, Outcome};

/// A file that the outer package can include.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Embedded {
    /// The variable that `env!` reads in the package.
    pub variable: String,
    /// Where it is, below `OUT_DIR`; the value of the variable.
    pub path: PathBuf,
    /// What it is. `None` for what stands in where nothing was built.
    pub artifact: Option<Artifact>,
}

/// Keeps what `outcome` made below `dir`, for the variable that the caller named, or one for each
/// file.
pub(super) fn keep_all(
    outcome: &Outcome,
    named: Option<&str>,
    dir: &Path,
    cancel: &Cancel,
) -> Result<Vec<Embedded>> {
    let artifacts = outcome.artifacts.iter();
    let artifacts: Vec<_> = artifacts.filter(|it| prefix(it).is_some()).collect();
    if artifacts.is_empty() {
        let message = format!("the build for {} made nothing to embed", outcome.target);
        let help =
            "select a package that has a program, or a library of the type `cdylib` or `staticlib`";
        return Err(Error::new(ErrorKind::BuildScript, message).with_help(help));
    }
    if let (Some(name), [_, _, ..]) = (named, artifacts.as_slice()) {
        return Err(ambiguous(name, &artifacts));
    }
    let keep = |artifact: &Artifact| {
        let variable = named.map_or_else(|| variable(artifact), str::to_owned);
        Ok(Embedded {
            path: keep(&artifact.path, &dir.join(&variable), cancel)?,
            artifact: Some(artifact.clone()),
            variable,
        })
    };
    artifacts.into_iter().map(keep).collect()
}

/// What stands in for what was not built: a file of the caller's, or an empty one below `dir`.
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

/// How the variable of an artifact begins, if it is one to embed: as cargo calls the file of an
/// artifact dependency, without its `CARGO_`, which is cargo's to give.
fn prefix(artifact: &Artifact) -> Option<&'static str> {
    match artifact.kind {
        ArtifactKind::Executable => Some("BIN_FILE"),
        ArtifactKind::Example => Some("EXAMPLE_FILE"),
        ArtifactKind::Library => {
            let extension = artifact.path.extension();
            let is_static = extension.is_some_and(|it| it == "a" || it == "lib");
            Some(if is_static {
                "STATICLIB_FILE"
            } else {
                "CDYLIB_FILE"
            })
        }
        ArtifactKind::Test | ArtifactKind::RustLibrary => None,
    }
}

/// `BIN_FILE_MY_FIRMWARE`: no program is looked for, and no compiler steered, by such a name.
fn variable(artifact: &Artifact) -> String {
    let name = artifact.name.to_uppercase().replace('-', "_");
    format!("{}_{name}", prefix(artifact).unwrap_or_default())
}

fn ambiguous(variable: &str, artifacts: &[&Artifact]) -> Error {
    let names = artifacts
        .iter()
        .map(|it| it.path.file_name().unwrap_or_default());
    let names: Vec<_> = names
        .map(|it| format!("`{}`", it.to_string_lossy()))
        .collect();
    let message = format!(
        "`{variable}` is to name one file, and {} were built: {}",
        artifacts.len(),
        names.join(", ")
    );
    Error::new(ErrorKind::BuildScript, message).with_help(
        "choose one with `request(|request| request.bin(\"NAME\"))`, or leave `rustc_env` out: each \
         file then has a variable of its own",
    )
}

/// Makes `from` be in `dir` under its own name, and says where.
fn keep(from: &Path, dir: &Path, cancel: &Cancel) -> Result<PathBuf> {
    let name = from.file_name().unwrap_or_default();
    let built = RegularFile::open(from).map_engine_error()?;
    fs::create_dir_all(dir).on("create directory", dir)?;
    let kept = Dir::open(dir).map_engine_error()?;
    // Hazard H15: cargo compiles again what includes a file that was written.
    let to = dir.join(name);
    if !kept.holds_same(&built, name).map_engine_error()? {
        kept.publish(&built, name, cancel).map_engine_error()?;
    }
    let permissions = fs::Permissions::from_mode(built.published_mode());
    fs::set_permissions(&to, permissions).on("write", &to)?;
    Ok(to)
}

/// Hazard H15: cargo compiles again what includes a file that was written.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).on("create directory", dir)?;
    let file = tempfile::NamedTempFile::new_in(dir).on("create a file in", dir)?;
    fs::write(file.path(), bytes).on("write", path)?;
    file.persist(path)
        .map(drop)
        .map_err(|error| Error::io("write", path, error.error))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn artifact(path: &Path, kind: ArtifactKind) -> Artifact {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let (package, path) = ("firmware".to_owned(), path.to_owned());
        Artifact {
            package,
            name,
            kind,
            profile: "dev".to_owned(),
            inside: path.clone(),
            path,
            glibc: None,
            sha256: None,
        }
    }

    #[test]
    fn h15_what_did_not_change_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("firmware"), dir.path().join("kept"));
        fs::write(&from, "one").unwrap();
        fs::set_permissions(&from, fs::Permissions::from_mode(0o755)).unwrap();
        let kept = keep(&from, &to, &Cancel::new()).unwrap();
        assert_eq!(kept, to.join("firmware"));
        let written = kept.metadata().unwrap();
        assert_eq!(written.mode() & 0o777, 0o755);

        // Built again, to the same end.
        fs::remove_file(&from).unwrap();
        fs::write(&from, "one").unwrap();
        keep(&from, &to, &Cancel::new()).unwrap();
        let then = kept.metadata().unwrap();
        assert_eq!(
            (then.ino(), then.mtime_nsec()),
            (written.ino(), written.mtime_nsec())
        );

        fs::write(&from, "two").unwrap();
        keep(&from, &to, &Cancel::new()).unwrap();
        assert_ne!(kept.metadata().unwrap().ino(), written.ino());
        assert_eq!(fs::read(&kept).unwrap(), b"two");
        assert_eq!(
            fs::read_dir(&to).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }

    #[test]
    fn a_file_has_a_variable_that_means_nothing_else() {
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
            let got = prefix(&artifact).map(|_| variable(&artifact));
            assert_eq!(got.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn one_name_is_for_one_file() {
        let all =
            ["/t/blinky", "/t/boot"].map(|it| artifact(Path::new(it), ArtifactKind::Executable));
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
    fn h11_something_stands_in_for_what_is_not_built() {
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
