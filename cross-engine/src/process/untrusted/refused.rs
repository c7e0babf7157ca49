//! Why something that the inside left is not read.

use std::fmt;

use crate::os::FileKind;

/// Why something that the inside left is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// It has to be a regular file, and is something else.
    NotRegular(FileKind),
    /// It has to be a named pipe, and is something else.
    NotFifo(FileKind),
    /// A component of its path has to be a directory, and is something else.
    NotDirectory(FileKind),
    /// Its path leads out of the directory that it has to be in.
    Outside,
    /// It is longer than what is read of its kind; the limit in bytes.
    TooLong(u64),
    /// There is more of it than is read; the limit.
    TooMany(usize),
    /// It changed while it was read.
    Changed,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NotRegular(kind) => write!(f, "it is {kind}, not a regular file"),
            Refused::NotFifo(kind) => write!(f, "it is {kind}, not a named pipe"),
            Refused::NotDirectory(kind) => write!(f, "it is {kind}, not a directory"),
            Refused::Outside => f.write_str("its path leads out of the directory it has to be in"),
            Refused::TooLong(limit) => write!(f, "it is longer than {limit} bytes"),
            Refused::TooMany(limit) => write!(f, "it has more than {limit} entries"),
            Refused::Changed => f.write_str("it changed while it was read"),
        }
    }
}
