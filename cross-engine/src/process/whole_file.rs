//! Files that appear whole: written under a temporary name, then renamed.
//!
//! Every file that another process may read while it is written goes through here. Whoever writes
//! has a file of its own under a name that nobody can guess, so writers do not meet, whichever
//! thread, process or container they are in. A file or a link that is at the name already is never
//! opened. The writer holds a lock on its file. The kernel releases the lock when the writer dies,
//! so the next writer in the directory knows what a killed one left, and removes it.

use std::ffi::CStr;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, fchmod, flock, fstat, openat, renameat,
    unlinkat,
};
use rustix::io::Errno;

use crate::process::error::{Error, IoContext as _, Result};

/// The beginning of temporary names. The rest is [`DIGITS`] hexadecimal digits.
const PREFIX: &str = ".cross-";
const DIGITS: usize = 16;
/// How often another name is tried. One is taken only if a sweep met the file before its lock.
const ATTEMPTS: usize = 8;

/// Makes a file with these `bytes` and the permissions `mode` appear at `path`, in a directory that
/// exists. Others see the old file or the new one.
///
/// Temporary files that killed writers left in the directory are removed.
///
/// # Errors
///
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file cannot be written.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::io("write", path, io::ErrorKind::InvalidInput.into()));
    };
    let dir = match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    };
    let dir = File::open(dir).on("open directory", dir)?;
    sweep(dir.as_fd());
    let temporary = Temporary::in_dir(dir.as_fd()).on("create a file for", path)?;
    temporary.file().write_all(bytes).on("write", path)?;
    let mode = fchmod(temporary.file(), Mode::from_raw_mode(mode));
    mode.map_err(io::Error::from).on("write", path)?;
    temporary.rename(Path::new(name)).on("write", path)
}

/// A new file under a temporary name, removed unless it is renamed.
pub(crate) struct Temporary<'a> {
    dir: BorrowedFd<'a>,
    name: String,
    file: File,
    is_renamed: bool,
}

impl<'a> Temporary<'a> {
    /// Creates one in `dir`. It is readable and writable for its owner only.
    pub(crate) fn in_dir(dir: BorrowedFd<'a>) -> io::Result<Self> {
        let mut last = Errno::EXIST;
        for _ in 0..ATTEMPTS {
            match Temporary::named(dir, name()) {
                Ok(temporary) if temporary.is_locked() => return Ok(temporary),
                Ok(_) | Err(Errno::EXIST) => {}
                Err(errno) => {
                    last = errno;
                    break;
                }
            }
        }
        Err(last.into())
    }

    /// Creates the file `name`. What is there already is neither opened nor followed.
    fn named(dir: BorrowedFd<'a>, name: String) -> rustix::io::Result<Self> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(dir, &name, flags, Mode::from_raw_mode(0o600))?;
        Ok(Temporary {
            dir,
            name,
            file: fd.into(),
            is_renamed: false,
        })
    }

    /// Locks the file against sweeps. Returns `false` if a sweep was faster.
    fn is_locked(&self) -> bool {
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => fstat(&self.file).is_ok_and(|stat| stat.st_nlink > 0),
            Err(Errno::WOULDBLOCK) => false,
            // The file system has no locks, so that no sweep gets one either.
            Err(_) => true,
        }
    }

    /// The file, for writing.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes it the file `to` of its directory.
    pub(crate) fn rename(mut self, to: &Path) -> io::Result<()> {
        renameat(self.dir, &self.name, self.dir, to)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_renamed {
            // The next sweep removes what cannot be removed now.
            let _ = unlinkat(self.dir, &self.name, AtFlags::empty());
        }
    }
}

/// Removes the temporary files in `dir` whose writers are gone. What cannot be read or removed
/// stays: it is no obstacle.
pub(crate) fn sweep(dir: BorrowedFd<'_>) {
    let entries = rustix::fs::Dir::read_from(dir).into_iter().flatten();
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.to_str().is_ok_and(is_temporary) {
            continue;
        }
        // The lock is held until the file is gone: its writer may be about to take it.
        if let Some(_lock) = locked(dir, name) {
            let _ = unlinkat(dir, name, AtFlags::empty());
        }
    }
}

/// Locks the file `name`, unless a writer has it.
fn locked(dir: BorrowedFd<'_>, name: &CStr) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(dir, name, flags, Mode::empty()).ok()?;
    let kind = FileType::from_raw_mode(fstat(&file).ok()?.st_mode);
    if kind != FileType::RegularFile {
        return None;
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    Some(file)
}

/// A name that nobody could guess.
fn name() -> String {
    // The keys of its hashes are random.
    let random = RandomState::new().hash_one(std::process::id());
    format!("{PREFIX}{random:0DIGITS$x}")
}

fn is_temporary(name: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.len() == DIGITS && rest.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::thread;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_and_with_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        write(&path, b"#!/bin/sh\n", 0o755).unwrap();
        write(&path, b"second", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(names(dir.path()), ["run"]);
    }

    #[test]
    fn a_link_at_the_path_is_replaced_and_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, path) = (dir.path().join("secret"), dir.path().join("file"));
        fs::write(&secret, "secret").unwrap();
        symlink(&secret, &path).unwrap();
        write(&path, b"text", 0o644).unwrap();
        assert_eq!(fs::read(&secret).unwrap(), b"secret");
        assert!(path.symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn a_link_at_the_temporary_name_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, name) = (dir.path().join("victim"), name());
        fs::write(&victim, "whole").unwrap();
        symlink(&victim, dir.path().join(&name)).unwrap();
        let opened = File::open(dir.path()).unwrap();
        let created = Temporary::named(opened.as_fd(), name.clone());
        assert_eq!(created.err(), Some(Errno::EXIST));
        sweep(opened.as_fd());
        assert_eq!(fs::read(&victim).unwrap(), b"whole");
        assert!(names(dir.path()).contains(&name), "it is none of ours");
    }

    #[test]
    fn what_a_dead_writer_left_is_removed_and_what_a_living_one_writes_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let others = [
            ".cross-0123456789abcde",
            ".cross-0123456789ABCDEF",
            ".cross-x",
        ];
        for name in others {
            fs::write(at(name), "the user's").unwrap();
        }
        fs::write(at(&name()), "half").unwrap();
        let opened = File::open(dir.path()).unwrap();
        let living = Temporary::in_dir(opened.as_fd()).unwrap();
        write(&at("file"), b"text", 0o644).unwrap();
        let mut left: Vec<_> = others.to_vec();
        left.extend([living.name.as_str(), "file"]);
        left.sort_unstable();
        assert_eq!(names(dir.path()), left);
        living.rename(Path::new("other")).unwrap();
        assert!(at("other").exists());
    }

    #[test]
    fn writers_and_sweeps_do_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                scope.spawn(move || {
                    for round in 1..=100 {
                        let bytes = vec![writer; 1000 * round];
                        write(path, &bytes, 0o644).unwrap();
                        let read = fs::read(path).unwrap();
                        assert!(!read.is_empty() && read.len() % 1000 == 0);
                        assert!(read.iter().all(|byte| *byte == read[0]));
                    }
                });
            }
        });
        assert_eq!(names(dir.path()), ["file"]);
    }
}
