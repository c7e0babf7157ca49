//! Files that appear outside: copies, each whole at any time.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Mode, Stat, Timespec, Timestamps, UTIME_OMIT, fchmod, futimens, statat,
};

use crate::process::cancel::Cancel;
use crate::process::error::{Error, IoContext as _, Result};
use crate::process::untrusted::dir::Dir;
use crate::process::untrusted::file::RegularFile;
use crate::process::untrusted::limits;
use crate::process::untrusted::refused::{FileKind, Refused};
use crate::process::whole_file::{self, Temporary};

impl Dir {
    /// Makes a copy of `from` appear at `to` beneath this directory, unless one is there: with its
    /// time of modification, and with its permissions as far as they concern reading and starting
    /// it.
    ///
    /// Others see the old file or the new one. On file systems that can, the copy shares its blocks
    /// with the original until one of them is written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted) when a directory on the way is a link,
    /// or `from` changes meanwhile; [`ErrorKind::Io`](crate::ErrorKind::Io),
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled),
    /// [`ErrorKind::Deadline`](crate::ErrorKind::Deadline).
    pub fn publish(&self, from: &RegularFile, to: impl AsRef<Path>, cancel: &Cancel) -> Result<()> {
        let to = to.as_ref();
        let path = self.path().join(to);
        let Some(name) = to.file_name().map(Path::new) else {
            return Err(Error::refused(&path, Refused::Outside));
        };
        if from.len() > limits::ARTIFACT {
            let limit = Refused::TooLong(limits::ARTIFACT);
            return Err(Error::refused(from.path(), limit));
        }
        let dir = self.create_dir_all(to.parent().unwrap_or(Path::new("")))?;
        if dir.holds_copy(from, name) {
            return Ok(());
        }
        let temporary = Temporary::in_dir(dir.fd()).on("create a file for", &path)?;
        copy(from, temporary.file(), &path, cancel)?;
        finish(temporary.file(), &from.stat).on("write", &path)?;
        temporary.rename(name).on("publish", &path)
    }

    /// Makes a file with the text `text` appear at `to` beneath this directory, in place of a copy
    /// of `from`: with the time and the permissions that a copy has. A file with this text stays.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Dir::publish).
    pub fn publish_text(&self, from: &RegularFile, text: &str, to: impl AsRef<Path>) -> Result<()> {
        let to = to.as_ref();
        let path = self.path().join(to);
        let Some(name) = to.file_name().map(Path::new) else {
            return Err(Error::refused(&path, Refused::Outside));
        };
        let dir = self.create_dir_all(to.parent().unwrap_or(Path::new("")))?;
        let there = dir
            .file(name)
            .and_then(|there| there.bytes(text.len() as u64));
        if there.is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        let temporary = Temporary::in_dir(dir.fd()).on("create a file for", &path)?;
        temporary
            .file()
            .write_all(text.as_bytes())
            .on("write", &path)?;
        finish(temporary.file(), &from.stat).on("write", &path)?;
        temporary.rename(name).on("publish", &path)
    }

    /// Removes the temporary files at `relative` that killed processes left when they published.
    pub fn sweep(&self, relative: impl AsRef<Path>) {
        if let Ok(dir) = self.dir(relative) {
            whole_file::sweep(dir.fd());
        }
    }

    /// Whether [`publish`](Dir::publish) has nothing to do for `from` and `to`.
    pub fn has_copy(&self, from: &RegularFile, to: impl AsRef<Path>) -> bool {
        let to = to.as_ref();
        let dir = self.dir(to.parent().unwrap_or(Path::new("")));
        let name = to.file_name().map(Path::new);
        matches!((dir, name), (Ok(dir), Some(name)) if dir.holds_copy(from, name))
    }

    /// Whether `name` in this directory has the same contents as `from`, whenever it was written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when one of them cannot be read.
    pub fn holds_same(&self, from: &RegularFile, name: impl AsRef<Path>) -> Result<bool> {
        let Ok(there) = self.file(name) else {
            return Ok(false);
        };
        if there.len() != from.len() {
            return Ok(false);
        }
        loop {
            let (ours, theirs) = (there.chunk()?, from.chunk()?);
            if ours != theirs || ours.is_empty() {
                return Ok(ours == theirs);
            }
        }
    }

    fn holds_copy(&self, from: &RegularFile, name: &Path) -> bool {
        let there = statat(self.fd(), name, AtFlags::SYMLINK_NOFOLLOW);
        there.is_ok_and(|there| is_copy(&there, &from.stat))
    }
}

impl RegularFile {
    /// The permissions that a copy of it has.
    pub fn published_mode(&self) -> u32 {
        published(Mode::from_raw_mode(self.stat.st_mode)).as_raw_mode()
    }
}

/// Whether what is there is the copy that [`Dir::publish`] would make. A file with another name may
/// be one that the inside can write to.
fn is_copy(there: &Stat, from: &Stat) -> bool {
    let is_regular = FileKind::of(FileType::from_raw_mode(there.st_mode)) == FileKind::Regular;
    let permissions = |stat: &Stat| Mode::from_raw_mode(stat.st_mode);
    is_regular
        && there.st_nlink == 1
        && there.st_size == from.st_size
        && (there.st_mtime, there.st_mtime_nsec) == (from.st_mtime, from.st_mtime_nsec)
        // Where times are whole seconds, two builds may have the same.
        && from.st_mtime_nsec != 0
        && permissions(there) == published(permissions(from))
}

/// The permissions of a copy: nobody but its owner writes it, and it has nobody's rights but those
/// of whoever starts it.
fn published(mode: Mode) -> Mode {
    (mode & Mode::from_raw_mode(0o755)) | Mode::from_raw_mode(0o600)
}

fn copy(from: &RegularFile, to: &File, path: &Path, cancel: &Cancel) -> Result<()> {
    let stopped = |why| Error::stopped(why, "the publishing of what was built");
    cancel.check().map_err(stopped)?;
    let failed = |error| Error::io("copy the artifact to", path, error);
    if is_cloned(from.as_file(), to) {
        let cloned = to.metadata().map_err(failed)?.len();
        return match cloned == from.len() {
            true => Ok(()),
            false => Err(Error::refused(from.path(), Refused::Changed)),
        };
    }
    from.as_file().rewind().map_err(failed)?;
    let mut left = from.len();
    while left > 0 {
        let most = left.min(limits::COPIED_AT_ONCE);
        let copied = io::copy(&mut from.as_file().take(most), &mut &*to).map_err(failed)?;
        if copied == 0 {
            return Err(Error::refused(from.path(), Refused::Changed));
        }
        left -= copied;
        cancel.check().map_err(stopped)?;
    }
    Ok(())
}

#[cfg(all(
    any(target_os = "linux", target_os = "android"),
    not(any(target_arch = "sparc", target_arch = "sparc64"))
))]
fn is_cloned(from: &File, to: &File) -> bool {
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

#[cfg(not(all(
    any(target_os = "linux", target_os = "android"),
    not(any(target_arch = "sparc", target_arch = "sparc64"))
)))]
fn is_cloned(_: &File, _: &File) -> bool {
    false
}

/// Gives a copy the permissions and the time of the original.
fn finish(file: &File, from: &Stat) -> io::Result<()> {
    fchmod(file, published(Mode::from_raw_mode(from.st_mode)))?;
    let unchanged = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    let modified = Timespec {
        tv_sec: from.st_mtime,
        tv_nsec: from.st_mtime_nsec.try_into().unwrap_or_default(),
    };
    futimens(
        file,
        &Timestamps {
            last_access: unchanged,
            last_modification: modified,
        },
    )?;
    Ok(())
}
