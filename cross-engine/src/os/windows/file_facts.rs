//! What Windows knows of a file.

use std::fs::{File, Metadata};
use std::io;
use std::os::windows::fs::MetadataExt as _;

use winapi_util::HandleRef;
use winapi_util::file::{information, typ};

use crate::os::file_facts::FileFacts;
use crate::os::file_kind::FileKind;
use crate::os::windows::users;

const READ_ONLY: u32 = 0x1;
const DIRECTORY: u32 = 0x10;
const REPARSE_POINT: u32 = 0x400;

/// From the beginning of 1601, when Windows' time begins, to 1970, in units of 100 nanoseconds.
const UNIX_EPOCH: i64 = 116_444_736_000_000_000;
const UNITS_IN_A_SECOND: i64 = 10_000_000;

impl FileFacts {
    /// The facts in `meta`.
    pub fn of(meta: &Metadata) -> Self {
        let attributes = meta.file_attributes();
        FileFacts {
            kind: kind_of(attributes),
            len: meta.len(),
            device: 0,
            inode: 0,
            links: 1,
            mode: mode_of(attributes),
            uid: users::uid(),
            gid: users::gid(),
            modified: unix_time(meta.last_write_time()),
            allocated: meta.len(),
        }
    }
}

/// The facts of an open file, which is no link that was followed if it was opened as one.
pub(crate) fn of_file(file: &File) -> io::Result<FileFacts> {
    let handle = || HandleRef::from_file(file);
    let known = information(handle())?;
    let attributes = u32::try_from(known.file_attributes()).unwrap_or(REPARSE_POINT);
    let kind = match kind_of(attributes) {
        FileKind::Regular if typ(handle())?.is_pipe() => FileKind::Fifo,
        FileKind::Regular if !typ(handle())?.is_disk() => FileKind::Device,
        kind => kind,
    };
    Ok(FileFacts {
        kind,
        len: known.file_size(),
        device: known.volume_serial_number(),
        inode: known.file_index(),
        links: known.number_of_links(),
        mode: mode_of(attributes),
        uid: users::uid(),
        gid: users::gid(),
        modified: unix_time(known.last_write_time().unwrap_or_default()),
        allocated: known.file_size(),
    })
}

/// What has these attributes. Everything that leads elsewhere is a link.
pub(crate) fn kind_of(attributes: u32) -> FileKind {
    if attributes & REPARSE_POINT != 0 {
        FileKind::SymbolicLink
    } else if attributes & DIRECTORY != 0 {
        FileKind::Directory
    } else {
        FileKind::Regular
    }
}

fn mode_of(attributes: u32) -> u32 {
    match attributes & READ_ONLY {
        0 => 0o755,
        _ => 0o555,
    }
}

/// Seconds since 1970, and nanoseconds.
fn unix_time(time: u64) -> (i64, i64) {
    let since = i64::try_from(time).unwrap_or(i64::MAX) - UNIX_EPOCH;
    let nanoseconds = since.rem_euclid(UNITS_IN_A_SECOND) * 100;
    (since.div_euclid(UNITS_IN_A_SECOND), nanoseconds)
}
