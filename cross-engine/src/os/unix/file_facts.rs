//! What Unix knows of a file.

use std::fs::{FileType, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::Stat;

use crate::os::failure::Failure;
use crate::os::file_facts::FileFacts;
use crate::os::file_kind::FileKind;

/// The unit of `st_blocks`.
const BLOCK: u64 = 512;

impl FileFacts {
    /// The facts of the file or directory that `path` leads to. This is the way to tell it from all
    /// others, also from an earlier one at the same path.
    ///
    /// # Errors
    ///
    /// The system's, if there is none or it cannot be inspected.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(FileFacts::of(&path.metadata()?))
    }

    /// The facts in `meta`.
    pub fn of(meta: &Metadata) -> Self {
        FileFacts {
            kind: FileKind::of(meta.file_type()),
            len: meta.len(),
            device: meta.dev(),
            inode: meta.ino(),
            links: meta.nlink(),
            mode: meta.mode(),
            uid: meta.uid(),
            gid: meta.gid(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            allocated: meta.blocks().saturating_mul(BLOCK),
        }
    }
}

impl FileKind {
    fn of(kind: FileType) -> Self {
        if kind.is_file() {
            FileKind::Regular
        } else if kind.is_dir() {
            FileKind::Directory
        } else if kind.is_symlink() {
            FileKind::SymbolicLink
        } else if kind.is_fifo() {
            FileKind::Fifo
        } else if kind.is_socket() {
            FileKind::Socket
        } else {
            FileKind::Device
        }
    }
}

/// The kind of a file, as rustix has it.
pub(crate) fn kind_of(kind: rustix::fs::FileType) -> FileKind {
    match kind {
        rustix::fs::FileType::RegularFile => FileKind::Regular,
        rustix::fs::FileType::Directory => FileKind::Directory,
        rustix::fs::FileType::Symlink => FileKind::SymbolicLink,
        rustix::fs::FileType::Fifo => FileKind::Fifo,
        rustix::fs::FileType::Socket => FileKind::Socket,
        _ => FileKind::Device,
    }
}

/// The facts in `stat`. Its fields have other types on other systems.
pub(crate) fn of_stat(stat: &Stat) -> FileFacts {
    FileFacts {
        kind: kind_of(rustix::fs::FileType::from_raw_mode(stat.st_mode)),
        len: number(stat.st_size),
        device: number(stat.st_dev),
        inode: number(stat.st_ino),
        links: number(stat.st_nlink),
        mode: number(stat.st_mode),
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified: (number(stat.st_mtime), number(stat.st_mtime_nsec)),
        allocated: number::<_, u64>(stat.st_blocks).saturating_mul(BLOCK),
    }
}

fn number<A: TryInto<B>, B: Default>(number: A) -> B {
    number.try_into().unwrap_or_default()
}

/// Refuses what is no regular file.
pub(crate) fn regular(facts: &FileFacts) -> Result<(), Failure> {
    match facts.kind {
        FileKind::Regular => Ok(()),
        other => Err(Failure::NotRegular(other)),
    }
}

/// Refuses what is no named pipe.
pub(crate) fn fifo(facts: &FileFacts) -> Result<(), Failure> {
    match facts.kind {
        FileKind::Fifo => Ok(()),
        other => Err(Failure::NotFifo(other)),
    }
}
