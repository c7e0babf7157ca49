//! Files that appear outside: copies, each whole at any time.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::os::{self, FileFacts, FileKind};
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::{Error, IoContext as _, Result};
use crate::process::untrusted::dir::Dir;
use crate::process::untrusted::file::RegularFile;
use crate::process::untrusted::limits;
use crate::process::untrusted::refused::Refused;
use crate::process::whole_file::{self, Temporary};

/// The latest time, in seconds since the Unix epoch, that every file system keeps.
const LATEST: u64 = 1 << 31;

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
        let temporary = Temporary::in_dir(dir.opened()).on("create a file for", &path)?;
        copy(from, temporary.file(), &path, cancel)?;
        finish(temporary.file(), &from.facts).on("write", &path)?;
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
        let temporary = Temporary::in_dir(dir.opened()).on("create a file for", &path)?;
        temporary
            .file()
            .write_all(text.as_bytes())
            .on("write", &path)?;
        finish(temporary.file(), &from.facts).on("write", &path)?;
        temporary.rename(name).on("publish", &path)
    }

    /// Makes a file appear at `to` beneath this directory that has `header` at its beginning and
    /// each file of `parts` at its offset, with zeros between them: with the permissions that a
    /// copy of the first part has, and the time of the newest. Nothing is written if it is there
    /// already.
    ///
    /// The offsets have to be in order, and no part may reach into the next one.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Dir::publish).
    pub fn publish_joined(
        &self,
        header: &[u8],
        parts: &[(u64, &RegularFile)],
        to: impl AsRef<Path>,
        cancel: &Cancel,
    ) -> Result<()> {
        let to = to.as_ref();
        let path = self.path().join(to);
        let (Some(name), Some((_, first))) = (to.file_name().map(Path::new), parts.first()) else {
            return Err(Error::refused(&path, Refused::Outside));
        };
        let mut facts = first.facts;
        facts.len = header.len() as u64;
        for (offset, part) in parts {
            let end = offset.saturating_add(part.len());
            if *offset < facts.len || end > limits::ARTIFACT {
                let limit = Refused::TooLong(limits::ARTIFACT);
                return Err(Error::refused(part.path(), limit));
            }
            facts.len = end;
            facts.modified = facts.modified.max(part.facts.modified);
        }
        let dir = self.create_dir_all(to.parent().unwrap_or(Path::new("")))?;
        let there = dir.opened().facts(name);
        if there.is_ok_and(|there| is_copy(&there, &facts)) {
            return Ok(());
        }
        let temporary = Temporary::in_dir(dir.opened()).on("create a file for", &path)?;
        let mut file = temporary.file();
        file.write_all(header).on("write", &path)?;
        for (offset, part) in parts {
            file.seek(io::SeekFrom::Start(*offset)).on("write", &path)?;
            copy_bytes(part, file, &path, cancel)?;
        }
        finish(file, &facts).on("write", &path)?;
        temporary.rename(name).on("write", &path)
    }

    /// Makes a file with the `size` bytes of `from` appear at `to` beneath this directory: with the
    /// permissions `mode` as far as they concern reading and starting it, and the time `modified`,
    /// in seconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Dir::publish).
    pub(crate) fn receive(
        &self,
        from: &mut dyn io::Read,
        size: u64,
        to: &Path,
        mode: u32,
        modified: u64,
    ) -> Result<()> {
        let path = self.path().join(to);
        let Some(name) = to.file_name().map(Path::new) else {
            return Err(Error::refused(&path, Refused::Outside));
        };
        let dir = self.create_dir_all(to.parent().unwrap_or(Path::new("")))?;
        let temporary = Temporary::in_dir(dir.opened()).on("create a file for", &path)?;
        let copied = io::copy(from, &mut temporary.file()).on("write", &path)?;
        if copied != size {
            return Err(Error::refused(&path, Refused::Changed));
        }
        // The archive has whole seconds. Where those are all there is, two builds may have the
        // same.
        let nanoseconds = clock::unix_time().subsec_nanos().max(1);
        let modified = SystemTime::UNIX_EPOCH + Duration::new(modified.min(LATEST), nanoseconds);
        let file = temporary.file();
        os::set_file_mode(file, published(mode & 0o777))
            .and_then(|()| file.set_modified(modified))
            .on("write", &path)?;
        temporary.rename(name).on("write", &path)
    }

    /// What is known of the file, link or directory at `relative`, which is not followed; `None` if
    /// it is not there, or a directory on the way is a link.
    pub(crate) fn facts(&self, relative: &Path) -> Option<FileFacts> {
        let dir = self.dir(relative.parent()?).ok()?;
        dir.opened().facts(Path::new(relative.file_name()?)).ok()
    }

    /// Removes the file or link at `relative`, or the directory if it is empty. What cannot be
    /// removed stays.
    pub(crate) fn remove(&self, relative: &Path) {
        let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
            return;
        };
        if let Ok(dir) = self.dir(parent) {
            let name = Path::new(name);
            let is_directory = dir.opened().facts(name);
            let _ = match is_directory.is_ok_and(|facts| facts.kind == FileKind::Directory) {
                true => dir.opened().remove_directory(name),
                false => dir.opened().remove_file(name),
            };
        }
    }

    /// Removes the temporary files at `relative` that killed processes left when they published.
    pub fn sweep(&self, relative: impl AsRef<Path>) {
        if let Ok(dir) = self.dir(relative) {
            whole_file::sweep(dir.opened());
        }
    }

    /// Whether [`publish`](Dir::publish) has nothing to do for `from` and `to`.
    pub fn has_copy(&self, from: &RegularFile, to: impl AsRef<Path>) -> bool {
        let to = to.as_ref();
        let dir = self.dir(to.parent().unwrap_or(Path::new("")));
        let name = to.file_name().map(Path::new);
        matches!((dir, name), (Ok(dir), Some(name)) if dir.holds_copy(from, name))
    }

    /// Whether a regular file at `to` beneath this directory was written after `from`.
    pub fn has_newer(&self, from: &RegularFile, to: impl AsRef<Path>) -> bool {
        let to = to.as_ref();
        let dir = self.dir(to.parent().unwrap_or(Path::new("")));
        let there = match (dir, to.file_name().map(Path::new)) {
            (Ok(dir), Some(name)) => dir.opened().facts(name).ok(),
            _ => None,
        };
        there.is_some_and(|there| {
            there.kind == FileKind::Regular && there.modified > from.facts.modified
        })
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
        let there = self.opened().facts(name);
        there.is_ok_and(|there| is_copy(&there, &from.facts))
    }
}

impl RegularFile {
    /// The permissions that a copy of it has.
    pub fn published_mode(&self) -> u32 {
        published(self.facts.mode)
    }
}

/// Whether what is there is the copy that [`Dir::publish`] would make. A file with another name may
/// be one that the inside can write to.
fn is_copy(there: &FileFacts, from: &FileFacts) -> bool {
    there.kind == FileKind::Regular
        && there.links == 1
        && there.len == from.len
        && there.modified == from.modified
        // Where times are whole seconds, two builds may have the same.
        && from.modified.1 != 0
        && there.mode & PERMISSIONS == published(from.mode)
}

/// The permissions in a mode.
const PERMISSIONS: u32 = 0o7777;

/// The permissions of a copy: nobody but its owner writes it, and it has nobody's rights but those
/// of whoever starts it.
fn published(mode: u32) -> u32 {
    (mode & 0o755) | 0o600
}

fn copy(from: &RegularFile, to: &File, path: &Path, cancel: &Cancel) -> Result<()> {
    let stopped = |why| Error::stopped(why, "the publishing of what was built");
    cancel.check().map_err(stopped)?;
    let failed = |error| Error::io("copy the artifact to", path, error);
    if os::clone_blocks(from.as_file(), to) {
        let cloned = to.metadata().map_err(failed)?.len();
        return match cloned == from.len() {
            true => Ok(()),
            false => Err(Error::refused(from.path(), Refused::Changed)),
        };
    }
    copy_bytes(from, to, path, cancel)
}

/// Writes the bytes of `from` to where `to` is.
fn copy_bytes(from: &RegularFile, to: &File, path: &Path, cancel: &Cancel) -> Result<()> {
    let stopped = |why| Error::stopped(why, "the publishing of what was built");
    cancel.check().map_err(stopped)?;
    let failed = |error| Error::io("copy the artifact to", path, error);
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

/// Gives a copy the permissions and the time of the original.
fn finish(file: &File, from: &FileFacts) -> io::Result<()> {
    os::finish_copy(file, published(from.mode), from)
}
