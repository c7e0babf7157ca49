//! Importing: places what an archive of another machine has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{RegularFile, limits};
use cross_engine::{ArchivedPart, Cancel, Destination, LockedPackages, PartKind, import};
use serde::Serialize;

use crate::facts::environment_name::build_architecture;
use crate::facts::{environment_spec, lock, locked_crates};
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::lock_file::LOCK_FILE;
use crate::model::printable::printable;
use crate::request::cross::Cross;
use crate::request::event::EventKind;

/// A request to import an archive. [`Cross::import`] creates it.
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct ImportRequest {
    cross: Cross,
    path: PathBuf,
    expected: Option<String>,
}

/// The outcome of an import.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ImportOutcome {
    /// What is in the archive, and whether it was there before.
    pub parts: Vec<ArchivedPart>,
}

impl Cross {
    /// Places what the archive at `path` has, which [`export`](Cross::export) wrote on a machine of the
    /// same architecture: environments and packages in the cache, crates in `CARGO_HOME`, toolchains in
    /// `RUSTUP_HOME`. A path that is relative is relative to the directory of this `Cross`.
    ///
    /// Everything is compared with its hash before it is placed. What is there already stays as it is,
    /// and if it is another environment, toolchain or crate of the same name, that is an error. The
    /// archive says itself what its hashes are, so they do not show who wrote it:
    /// [`expect`](ImportRequest::expect) does. A crate that the project's `Cargo.lock` names has to be
    /// that crate, and an environment that its `Cross.lock` names has to have those packages.
    pub fn import(&self, path: impl Into<PathBuf>) -> ImportRequest {
        ImportRequest {
            cross: self.clone(),
            path: path.into(),
            expected: None,
        }
    }
}

impl ImportRequest {
    /// Refuses every archive but the one with this
    /// [`sha256`](crate::export::ExportOutcome::sha256), in hexadecimal. The SHA-256 of the whole
    /// file, as `sha256sum` prints it, does as well, and so does either after `sha256:`.
    ///
    /// # Default value
    ///
    /// Any archive.
    pub fn expect(mut self, sha256: impl Into<String>) -> Self {
        self.expected = Some(sha256.into());
        self
    }

    /// Imports the archive. Imports into one cache wait for each other.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Request`] if what is [expected](ImportRequest::expect) is no SHA-256;
    /// [`ErrorKind::Archive`] for an archive that is cut, damaged or hostile, that has a newer format or
    /// another architecture, or that is not the expected one, and for something that is there and
    /// differs; [`ErrorKind::Io`], also for a full disk. Nothing of the archive is left then.
    pub fn run(&self) -> Result<ImportOutcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](ImportRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](ImportRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<ImportOutcome> {
        let cross = &self.cross;
        let host = cross.host()?;
        let rustup_home = host.rustup_home().ok_or_else(|| {
            let message = "RUSTUP_HOME is unknown: the home directory is not set";
            Error::new(ErrorKind::Io, message).with_help("set HOME or RUSTUP_HOME")
        })?;
        let from = cross.dir().join(&self.path);
        if !from.is_file() {
            let why = match from.exists() {
                true => "it is not a file",
                false => "there is no such file",
            };
            let message = format!("cannot import `{}`: {why}", from.display());
            return Err(Error::new(ErrorKind::Io, message)
                .with_help("name the file that `export` wrote (`Cross::export`)"));
        }
        let expected = self.expected.as_deref().map(hash).transpose()?;
        let project = Project::above(cross.dir())?;
        let to = Destination::new(&host.cache, cross.cargo_home()?, rustup_home)
            .crates(locked_crates::checksums(&project.crates))
            .locked(project.environments);
        let parts = import(
            &from,
            &build_architecture()?.to_string(),
            expected,
            &to,
            cancel,
            &mut |bytes, of| cross.emit("", EventKind::ArchiveProgress { bytes, of }),
        );
        let parts = parts.map_engine_error()?;
        let has_crates = parts.iter().any(|part| part.kind == PartKind::Crate);
        if has_crates && project.crates.is_empty() {
            let warning = EventKind::Warning {
                code: "crates-not-compared".to_owned(),
                message: "no Cargo.lock is here, so the crates of the archive were compared with \
                          their own hashes only"
                    .to_owned(),
                help: Some("import in the project: cargo compares them again there".to_owned()),
            };
            let _ = cross.emit("", warning);
        }
        Ok(ImportOutcome { parts })
    }
}

/// The hexadecimal digits of an expected SHA-256.
fn hash(expected: &str) -> Result<&str> {
    let text = expected.trim();
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(digits);
    }
    let message = format!("the expected hash `{}` is no SHA-256", printable(text));
    Err(Error::new(ErrorKind::Request, message)
        .with_help("name the 64 digits that `export` printed, or those of `sha256sum`"))
}

/// What the project says of the parts of an archive.
#[derive(Default)]
struct Project {
    /// The text of its `Cargo.lock`; empty without a project.
    crates: String,
    /// The packages of its locked environments, by the ends of their names.
    environments: BTreeMap<String, LockedPackages>,
}

impl Project {
    /// The project that has the directory `dir`.
    fn above(dir: &Path) -> Result<Self> {
        let is_there = |path: &Path| path.symlink_metadata().is_ok();
        let mut above = dir.ancestors();
        let has_lock = |dir: &&Path| {
            ["Cargo.lock", LOCK_FILE]
                .iter()
                .any(|name| is_there(&dir.join(name)))
        };
        let Some(root) = above.find(has_lock) else {
            return Ok(Project::default());
        };
        let path = root.join("Cargo.lock");
        let crates = match is_there(&path) {
            true => text(&path)?,
            false => String::new(),
        };
        let locked = lock::read(root)?.unwrap_or_default().environments;
        let locked = locked.iter().map(|environment| {
            let end = environment_spec::end_of_locked_name(environment);
            (end, environment_spec::locked_packages(environment))
        });
        Ok(Project {
            crates,
            environments: locked.collect(),
        })
    }
}

/// The text of a lock of crates.
fn text(path: &Path) -> Result<String> {
    let bytes = RegularFile::open(path).and_then(|file| file.bytes(limits::SOURCE));
    String::from_utf8(bytes.map_engine_error()?).map_err(|_| {
        let message = format!("`{}` is not UTF-8", path.display());
        Error::new(ErrorKind::Archive, message)
            .with_help("restore it: the crates of the archive are compared with it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn import(dir: &Path, name: &str) -> Error {
        let cross = Cross::at(dir);
        cross.import(name).run().map(|_| ()).unwrap_err()
    }

    #[test]
    fn what_is_no_file_is_told_with_the_remedy_of_an_import() {
        let dir = tempfile::tempdir().unwrap();
        for (name, why) in [
            (".", "it is not a file"),
            ("x.tar", "there is no such file"),
        ] {
            let error = import(dir.path(), name);
            assert!(error.to_string().ends_with(why), "{error}");
            assert!(error.help().unwrap().contains("`export` wrote"), "{error}");
        }
    }

    #[test]
    fn what_is_expected_is_the_hash_that_tools_print() {
        let digits = "0aF".repeat(22)[..64].to_owned();
        for given in [digits.clone(), format!(" sha256:{digits}\n")] {
            assert_eq!(hash(&given).unwrap(), digits);
        }
        for given in ["", "sha256:", &digits[1..], &"g".repeat(64), "\x1b"] {
            let error = hash(given).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request);
            assert!(!error.to_string().contains('\x1b'));
        }
    }

    /// The environments of an archive are compared with it.
    #[test]
    fn a_lock_of_environments_is_found_without_one_of_crates() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("src");
        fs::create_dir(&inner).unwrap();
        fs::write(dir.path().join(LOCK_FILE), "version = 1\n").unwrap();
        let project = Project::above(&inner).unwrap();
        assert!(project.crates.is_empty() && project.environments.is_empty());
        fs::write(dir.path().join(LOCK_FILE), "no lock").unwrap();
        assert!(Project::above(&inner).is_err());
    }

    /// The crates of an archive are compared with it, so it is not passed over.
    #[test]
    fn a_lock_of_crates_that_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("src");
        fs::create_dir(&inner).unwrap();
        assert_eq!(Project::above(&inner).unwrap().crates, "");
        fs::write(dir.path().join("Cargo.lock"), [0xff]).unwrap();
        assert!(Project::above(&inner).is_err());
        fs::write(dir.path().join("Cargo.lock"), "version = 4\n").unwrap();
        assert_eq!(Project::above(&inner).unwrap().crates, "version = 4\n");
    }
}
