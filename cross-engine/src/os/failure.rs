//! Why something that may be anything was not opened.

use std::io;

use crate::os::file_kind::FileKind;

/// Why something was not opened.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The system's answer.
    Io(io::Error),
    /// It has to be a regular file.
    NotRegular(FileKind),
    /// It has to be a named pipe.
    NotFifo(FileKind),
    /// It has to be a directory.
    NotDirectory(FileKind),
    /// It was replaced while it was opened.
    Changed,
    /// Its name is none that may be opened.
    Outside,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}
