//! Importing: places what an archive of another machine has.

use std::fs;
use std::path::PathBuf;

use cross_engine::{ArchivedPart, Cancel, Destination, import};
use serde::Serialize;

use crate::facts::environment_name::build_architecture;
use crate::facts::locked_crates;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
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
    /// that crate.
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
    /// [`sha256`](crate::export::ExportOutcome::sha256), in hexadecimal.
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
        let mut above = cross.dir().ancestors().map(|dir| dir.join("Cargo.lock"));
        let lock_file = above.find(|file| file.is_file());
        let lock = lock_file.and_then(|file| fs::read_to_string(file).ok());
        let to = Destination::new(&host.cache, cross.cargo_home()?, rustup_home)
            .crates(locked_crates::checksums(&lock.unwrap_or_default()));
        let parts = import(
            &cross.dir().join(&self.path),
            &build_architecture()?.to_string(),
            self.expected.as_deref(),
            &to,
            cancel,
            &mut |bytes, of| cross.emit("", EventKind::ArchiveProgress { bytes, of }),
        );
        Ok(ImportOutcome {
            parts: parts.map_engine_error()?,
        })
    }
}
