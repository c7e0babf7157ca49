//! A regular file that the inside wrote.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::os::{self, FileFacts};
use crate::process::error::{Error, Result};
use crate::process::untrusted::limits;
use crate::process::untrusted::open::not_opened;
use crate::process::untrusted::refused::Refused;

/// A regular file beneath a [`Dir`](super::dir::Dir), open for reading.
#[derive(Debug)]
pub struct RegularFile {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) facts: FileFacts,
}

impl RegularFile {
    /// Opens the file at `path`, wherever the user's links lead, if it is a regular one. For files
    /// beneath a directory that the inside can write to, there is
    /// [`Dir::file`](super::dir::Dir::file).
    ///
    /// # Errors
    ///
    /// As for [`Dir::file`](super::dir::Dir::file).
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match os::open_anywhere(&path) {
            Ok((file, facts)) => Ok(RegularFile { file, path, facts }),
            Err(failure) => Err(not_opened(failure, &path)),
        }
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long it was when it was opened.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        self.facts.len
    }

    /// The file, for readers that seek. What they read has to be bounded by them.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// All of it, if it is no longer than `limit`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when it cannot be read,
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted) when it is longer.
    pub fn bytes(&self, limit: u64) -> Result<Vec<u8>> {
        let refused = || Error::refused(&self.path, Refused::TooLong(limit));
        if self.len() > limit {
            return Err(refused());
        }
        let mut bytes = Vec::new();
        // It may have grown since.
        let mut bounded = (&self.file).take(limit.saturating_add(1));
        let read = bounded.read_to_end(&mut bytes);
        let read = read.map_err(|error| Error::io("read", &self.path, error))?;
        match u64::try_from(read) {
            Ok(read) if read <= limit => Ok(bytes),
            _ => Err(refused()),
        }
    }

    /// The same as text; what is not UTF-8 is replaced.
    ///
    /// # Errors
    ///
    /// As for [`bytes`](RegularFile::bytes).
    pub fn text(&self, limit: u64) -> Result<String> {
        let bytes = self.bytes(limit)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads on from where the last call ended, at most [`limits::CHUNK`] bytes; none where there
    /// is no more by now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io).
    pub fn chunk(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; limits::CHUNK];
        loop {
            match (&self.file).read(&mut bytes) {
                Ok(read) => {
                    bytes.truncate(read);
                    return Ok(bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path, error)),
            }
        }
    }
}
