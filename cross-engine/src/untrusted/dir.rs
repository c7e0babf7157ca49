//! A directory that the inside can write to, and the regular files beneath it.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, statat};
use rustix::io::Errno;

use super::limits;
use crate::error::{Error, Result};

/// What is opened of a directory: the links that the inside may have put there are not followed.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// How a regular file is opened. A lease that the inside holds on it is an error and no wait.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// How a named pipe is opened.
const BOTH_ENDS: OFlags = OFlags::RDWR
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// A directory of ours that what runs inside can write to.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// A regular file beneath a [`Dir`], open for reading.
#[derive(Debug)]
pub struct RegularFile {
    file: File,
    path: PathBuf,
    pub(super) stat: Stat,
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

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character or block device.
    Device,
}

impl FileKind {
    pub(super) fn of(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => FileKind::Regular,
            FileType::Directory => FileKind::Directory,
            FileType::Symlink => FileKind::SymbolicLink,
            FileType::Fifo => FileKind::Fifo,
            FileType::Socket => FileKind::Socket,
            _ => FileKind::Device,
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FileKind::Regular => "a regular file",
            FileKind::Directory => "a directory",
            FileKind::SymbolicLink => "a symbolic link",
            FileKind::Fifo => "a named pipe",
            FileKind::Socket => "a socket",
            FileKind::Device => "a device",
        })
    }
}

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

/// Why something was not opened.
#[derive(Debug)]
pub(super) enum Failure {
    Errno(Errno),
    Refused(Refused),
}

impl Failure {
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Failure::Errno(errno) => Error::io("open", path, errno.into()),
            Failure::Refused(refused) => Error::refused(path, refused),
        }
    }
}

/// Whether `path` has nothing but names in it: nothing that leads up or to the root.
fn is_plain(path: &Path) -> bool {
    path.components()
        .all(|component| matches!(component, Component::Normal(_)))
}

/// Why `name` in `dir` could not be opened as a directory.
fn not_entered(dir: BorrowedFd<'_>, name: &Path, errno: Errno) -> Failure {
    if matches!(
        errno,
        Errno::LOOP | Errno::NOTDIR | Errno::MLINK | Errno::NXIO
    ) {
        if let Ok(stat) = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            let kind = FileKind::of(FileType::from_raw_mode(stat.st_mode));
            if kind != FileKind::Directory {
                return Failure::Refused(Refused::NotDirectory(kind));
            }
        }
    }
    Failure::Errno(errno)
}

/// Opens the regular file `name` in `dir`. Nothing else is opened, not even for a moment: that may
/// start a device.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_in(dir: BorrowedFd<'_>, name: &Path) -> Result<(File, Stat), Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    open_found(&found)
}

/// The kernel's name for what `found` refers to.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn kernels_name(found: &OwnedFd) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", found.as_raw_fd())
}

/// Opens what `found` refers to, if it is a regular file: by the kernel's own name for it, which
/// nobody can replace.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_found(found: &OwnedFd) -> Result<(File, Stat), Failure> {
    let stat = regular(fstat(found).map_err(Failure::Errno)?)?;
    let opened = rustix::fs::open(kernels_name(found), READ, Mode::empty());
    let opened = opened.map_err(|errno| match errno {
        // The file is there: it is `/proc` that is not.
        Errno::NOENT => Failure::Errno(Errno::NOSYS),
        errno => Failure::Errno(errno),
    })?;
    let again = fstat(&opened).map_err(Failure::Errno)?;
    if (again.st_dev, again.st_ino) != (stat.st_dev, stat.st_ino) {
        return Err(Failure::Refused(Refused::Changed));
    }
    Ok((File::from(opened), again))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_fifo(dir: BorrowedFd<'_>, name: &Path) -> Result<File, Failure> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    fifo(&fstat(&found).map_err(Failure::Errno)?)?;
    let opened = rustix::fs::open(kernels_name(&found), BOTH_ENDS, Mode::empty());
    Ok(opened.map_err(Failure::Errno)?.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_fifo(dir: BorrowedFd<'_>, name: &Path) -> Result<File, Failure> {
    fifo(&statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(Failure::Errno)?)?;
    let flags = BOTH_ENDS | OFlags::NOFOLLOW;
    let opened = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    fifo(&fstat(&opened).map_err(Failure::Errno)?)?;
    Ok(opened.into())
}

fn fifo(stat: &Stat) -> Result<(), Failure> {
    match FileKind::of(FileType::from_raw_mode(stat.st_mode)) {
        FileKind::Fifo => Ok(()),
        other => Err(Failure::Refused(Refused::NotFifo(other))),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_anywhere(path: &Path) -> Result<(File, Stat), Failure> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let found = rustix::fs::open(path, flags, Mode::empty()).map_err(Failure::Errno)?;
    open_found(&found)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_anywhere(path: &Path) -> Result<(File, Stat), Failure> {
    regular(rustix::fs::stat(path).map_err(Failure::Errno)?)?;
    let opened = rustix::fs::open(path, READ, Mode::empty()).map_err(Failure::Errno)?;
    let stat = regular(fstat(&opened).map_err(Failure::Errno)?)?;
    Ok((File::from(opened), stat))
}

/// Opens the regular file `name` in `dir`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_in(dir: BorrowedFd<'_>, name: &Path) -> Result<(File, Stat), Failure> {
    let found = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(Failure::Errno)?;
    let found = regular(found)?;
    let flags = READ | OFlags::NOFOLLOW;
    let opened = openat(dir, name, flags, Mode::empty()).map_err(Failure::Errno)?;
    let stat = regular(fstat(&opened).map_err(Failure::Errno)?)?;
    if (found.st_dev, found.st_ino) != (stat.st_dev, stat.st_ino) {
        return Err(Failure::Refused(Refused::Changed));
    }
    Ok((File::from(opened), stat))
}

fn regular(stat: Stat) -> Result<Stat, Failure> {
    match FileKind::of(FileType::from_raw_mode(stat.st_mode)) {
        FileKind::Regular => Ok(stat),
        other => Err(Failure::Refused(Refused::NotRegular(other))),
    }
}

impl RegularFile {
    /// Opens the file at `path`, wherever the user's links lead, if it is a regular one. For files
    /// beneath a directory that the inside can write to, there is [`Dir::file`].
    ///
    /// # Errors
    ///
    /// As for [`Dir::file`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match open_anywhere(&path) {
            Ok((file, stat)) => Ok(RegularFile { file, path, stat }),
            Err(failure) => Err(failure.at(&path)),
        }
    }

    /// Where it is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How long it was when it was opened.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
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
