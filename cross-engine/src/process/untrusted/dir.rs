//! A directory that the inside can write to.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, mkdirat, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::process::error::{Error, Result};
use crate::process::untrusted::file::RegularFile;
use crate::process::untrusted::limits;
use crate::process::untrusted::open::{
    DIRECTORY, Failure, not_entered, open_fifo, open_found, open_in,
};
use crate::process::untrusted::refused::{FileKind, Refused};

/// A directory of ours that what runs inside can write to.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// An entry of a [`Dir`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name.
    pub name: OsString,
    /// What it is.
    pub kind: FileKind,
}

impl Dir {
    /// Opens the directory at `path`. The path itself is ours: links in it are the user's own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when it cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
        let opened = rustix::fs::open(&path, flags, Mode::empty());
        let fd = opened.map_err(|errno| Error::io("open", &path, errno.into()))?;
        Ok(Dir { fd, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// `path`, an absolute one, relative to this directory; `None` where it is not beneath it.
    pub fn relative<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        let relative = path.strip_prefix(&self.path).ok()?;
        is_plain(relative).then_some(relative)
    }

    /// Opens the regular file at `relative`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when it is not there or cannot be read,
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted) when it is no regular file beneath
    /// this directory.
    pub fn file(&self, relative: impl AsRef<Path>) -> Result<RegularFile> {
        let relative = relative.as_ref();
        let path = self.path.join(relative);
        match self.open_file(relative) {
            Ok((file, stat)) => Ok(RegularFile { file, path, stat }),
            Err(failure) => Err(failure.at(&path)),
        }
    }

    /// Opens the regular file at `relative`; `None` where nothing is there.
    ///
    /// # Errors
    ///
    /// As for [`file`](Dir::file).
    pub fn file_if_any(&self, relative: impl AsRef<Path>) -> Result<Option<RegularFile>> {
        found(self.file(relative))
    }

    /// Opens the directory at `relative`.
    ///
    /// # Errors
    ///
    /// As for [`file`](Dir::file).
    pub fn dir(&self, relative: impl AsRef<Path>) -> Result<Dir> {
        let relative = relative.as_ref();
        self.descend(relative, &mut |dir, name| {
            openat(dir, name, DIRECTORY, Mode::empty())
        })
    }

    /// Opens the directory at `relative`; `None` where nothing is there.
    ///
    /// # Errors
    ///
    /// As for [`file`](Dir::file).
    pub fn dir_if_any(&self, relative: impl AsRef<Path>) -> Result<Option<Dir>> {
        found(self.dir(relative))
    }

    /// Reads where the symbolic link `name` in this directory leads. It is not followed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when it is not there or no link.
    pub fn link(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let name = name.as_ref();
        match readlinkat(&self.fd, name, Vec::new()) {
            Ok(target) => Ok(OsString::from_vec(target.into_bytes()).into()),
            Err(errno) => Err(Error::io("read", &self.path.join(name), errno.into())),
        }
    }

    /// Makes the directories at `relative` where they are not there, and opens the innermost.
    ///
    /// # Errors
    ///
    /// As for [`file`](Dir::file).
    pub fn create_dir_all(&self, relative: impl AsRef<Path>) -> Result<Dir> {
        let mode = Mode::from_raw_mode(0o777);
        self.descend(relative.as_ref(), &mut |dir, name| match openat(
            dir,
            name,
            DIRECTORY,
            Mode::empty(),
        ) {
            Err(Errno::NOENT) => match mkdirat(dir, name, mode) {
                Ok(()) | Err(Errno::EXIST) => openat(dir, name, DIRECTORY, Mode::empty()),
                Err(errno) => Err(errno),
            },
            opened => opened,
        })
    }

    /// Opens both ends of the named pipe `name`, which the inside may have replaced: nothing waits
    /// for it, now or when it is written.
    ///
    /// # Errors
    ///
    /// As for [`file`](Dir::file), for what is no named pipe.
    pub(crate) fn fifo(&self, name: &str) -> Result<File> {
        let opened = open_fifo(self.fd(), Path::new(name));
        opened.map_err(|failure| failure.at(&self.path.join(name)))
    }

    /// What is in this directory, by name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when it cannot be read,
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted) when it has more than
    /// [`limits::ENTRIES`].
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let failed = |errno: Errno| Error::io("read directory", &self.path, errno.into());
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    // It was removed meanwhile.
                    Err(_) => continue,
                },
                known => known,
            };
            if entries.len() == limits::ENTRIES {
                return Err(Error::refused(
                    &self.path,
                    Refused::TooMany(limits::ENTRIES),
                ));
            }
            entries.push(Entry {
                name: OsString::from_vec(name.to_bytes().to_vec()),
                kind: FileKind::of(kind),
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Opens one component after the other by `step`.
    fn descend(&self, relative: &Path, step: &mut Step<'_>) -> Result<Dir> {
        let path = self.path.join(relative);
        if !is_plain(relative) {
            return Err(Failure::Refused(Refused::Outside).at(&path));
        }
        let mut here = None;
        let mut walked = self.path.clone();
        for component in relative.components() {
            let dir = here.as_ref().map_or(self.fd(), OwnedFd::as_fd);
            let name = Path::new(component.as_os_str());
            walked.push(name);
            let opened = step(dir, name);
            here = Some(opened.map_err(|errno| not_entered(dir, name, errno).at(&walked))?);
        }
        let fd = match here {
            Some(fd) => fd,
            None => self
                .fd
                .try_clone()
                .map_err(|error| Error::io("open", &path, error))?,
        };
        Ok(Dir { fd, path })
    }

    fn open_file(&self, relative: &Path) -> Result<(File, Stat), Failure> {
        if !is_plain(relative) {
            return Err(Failure::Refused(Refused::Outside));
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        match self.find_beneath(relative) {
            Ok(found) => return open_found(&found),
            Err(Errno::NOENT) => return Err(Failure::Errno(Errno::NOENT)),
            // The kernel has no such call, a filter forbids it, or the path is none to follow:
            // which component is at fault is seen when they are opened one by one.
            Err(_) => {}
        }
        self.open_by_hand(relative)
    }

    /// Finds what is at `relative`, without opening it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn find_beneath(&self, relative: &Path) -> rustix::io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.fd, relative, flags, Mode::empty(), resolve)
    }

    /// The same one component after the other.
    pub(super) fn open_by_hand(&self, relative: &Path) -> Result<(File, Stat), Failure> {
        let mut here: Option<OwnedFd> = None;
        let mut components = relative.components().peekable();
        while let Some(component) = components.next() {
            let dir = here.as_ref().map_or(self.fd(), OwnedFd::as_fd);
            let Component::Normal(name) = component else {
                return Err(Failure::Refused(Refused::Outside));
            };
            let name = Path::new(name);
            if components.peek().is_none() {
                return open_in(dir, name);
            }
            let opened = openat(dir, name, DIRECTORY, Mode::empty());
            here = Some(opened.map_err(|errno| not_entered(dir, name, errno))?);
        }
        Err(Failure::Refused(Refused::NotRegular(FileKind::Directory)))
    }
}

/// `None` for the error that nothing is there.
fn found<T>(opened: Result<T>) -> Result<Option<T>> {
    match opened {
        Err(error) if error.io_kind() == Some(io::ErrorKind::NotFound) => Ok(None),
        opened => opened.map(Some),
    }
}

/// How a component is opened as a directory.
type Step<'a> = dyn FnMut(BorrowedFd<'_>, &Path) -> rustix::io::Result<OwnedFd> + 'a;

/// Whether `path` has nothing but names in it: nothing that leads up or to the root.
fn is_plain(path: &Path) -> bool {
    path.components()
        .all(|component| matches!(component, Component::Normal(_)))
}
