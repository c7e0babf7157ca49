//! Opening beneath a directory: one name after the other, none of which is followed if it is a
//! link. Nothing waits for what is opened.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, StatVfsMountFlags, flock, fstat, mkdirat, openat,
    readlinkat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use crate::os::failure::Failure;
use crate::os::file_facts::FileFacts;
use crate::os::file_kind::FileKind;
use crate::os::unix::file_facts::{kind_of, of_stat};

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

/// An open directory. Whatever becomes of its path, it stays the same directory.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

impl Directory {
    /// Opens the directory at `path`, wherever links lead.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = DIRECTORY.difference(OFlags::NOFOLLOW);
        Ok(Directory(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens the same directory once more.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Directory)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Opens the directory `name`.
    pub(crate) fn open_directory(&self, name: &Path) -> Result<Self, Failure> {
        let opened = openat(self.fd(), name, DIRECTORY, Mode::empty());
        opened
            .map(Directory)
            .map_err(|errno| self.not_entered(name, errno))
    }

    /// Why `name` could not be opened as a directory.
    fn not_entered(&self, name: &Path, errno: Errno) -> Failure {
        let other_kinds = [Errno::LOOP, Errno::NOTDIR, Errno::MLINK, Errno::NXIO];
        if other_kinds.contains(&errno) {
            if let Ok(facts) = self.facts(name) {
                if facts.kind != FileKind::Directory {
                    return Failure::NotDirectory(facts.kind);
                }
            }
        }
        Failure::Io(errno.into())
    }

    /// Makes the directory `name`.
    pub(crate) fn create_directory(&self, name: &Path) -> io::Result<()> {
        Ok(mkdirat(self.fd(), name, Mode::from_raw_mode(0o777))?)
    }

    /// Opens the regular file `name` for reading.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn open_file(&self, name: &Path) -> Result<(File, FileFacts), Failure> {
        crate::os::linux::beneath::open_in(self.fd(), name, READ)
    }

    /// Opens the regular file `name` for reading.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn open_file(&self, name: &Path) -> Result<(File, FileFacts), Failure> {
        use crate::os::unix::file_facts::regular;
        let found = self.facts(name)?;
        regular(&found)?;
        let opened = openat(self.fd(), name, READ | OFlags::NOFOLLOW, Mode::empty());
        let opened = opened.map_err(io::Error::from)?;
        let facts = of_stat(&fstat(&opened).map_err(io::Error::from)?);
        regular(&facts)?;
        if facts.identity() != found.identity() {
            return Err(Failure::Changed);
        }
        Ok((File::from(opened), facts))
    }

    /// Opens the regular file at `relative` for reading, in one step. `None` if the system has no
    /// such step, or does not tell what is wrong with the path.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn open_beneath(
        &self,
        relative: &Path,
    ) -> Option<Result<(File, FileFacts), Failure>> {
        crate::os::linux::beneath::open_beneath(self.fd(), relative, READ)
    }

    /// Opens the regular file at `relative` for reading, in one step. `None` if the system has no
    /// such step, or does not tell what is wrong with the path.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn open_beneath(&self, _: &Path) -> Option<Result<(File, FileFacts), Failure>> {
        None
    }

    /// Opens both ends of the named pipe `name`.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn open_fifo(&self, name: &Path) -> Result<File, Failure> {
        crate::os::linux::beneath::open_fifo(self.fd(), name, BOTH_ENDS)
    }

    /// Opens both ends of the named pipe `name`.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn open_fifo(&self, name: &Path) -> Result<File, Failure> {
        use crate::os::unix::file_facts::fifo;
        fifo(&self.facts(name)?)?;
        let flags = BOTH_ENDS | OFlags::NOFOLLOW;
        let opened = openat(self.fd(), name, flags, Mode::empty()).map_err(io::Error::from)?;
        fifo(&of_stat(&fstat(&opened).map_err(io::Error::from)?))?;
        Ok(opened.into())
    }

    /// What is known of `name`, itself a link or not.
    pub(crate) fn facts(&self, name: &Path) -> io::Result<FileFacts> {
        Ok(of_stat(&statat(
            self.fd(),
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?))
    }

    /// What is known of the directory itself.
    pub(crate) fn own_facts(&self) -> io::Result<FileFacts> {
        Ok(of_stat(&fstat(self.fd())?))
    }

    /// Whether its file system is read only.
    pub(crate) fn is_read_only(&self) -> bool {
        let stat = rustix::fs::fstatvfs(self.fd());
        stat.is_ok_and(|stat| stat.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    /// Where the symbolic link `name` leads.
    pub(crate) fn read_link(&self, name: &Path) -> io::Result<PathBuf> {
        let target = readlinkat(self.fd(), name, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// What is in the directory: at most so many entries, and what was removed meanwhile is none.
    pub(crate) fn entries(&self, most: usize) -> io::Result<Vec<(OsString, FileKind)>> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(self.fd())? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if entries.len() == most {
                break;
            }
            let kind = match entry.file_type() {
                rustix::fs::FileType::Unknown => {
                    match statat(self.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
                        Ok(stat) => of_stat(&stat).kind,
                        Err(_) => continue,
                    }
                }
                known => kind_of(known),
            };
            entries.push((OsString::from_vec(name.to_bytes().to_vec()), kind));
        }
        Ok(entries)
    }

    /// Creates the file `name`, readable and writable for its owner only. What is there already is
    /// neither opened nor followed.
    pub(crate) fn create_file(&self, name: &Path) -> io::Result<File> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(self.fd(), name, flags, Mode::from_raw_mode(0o600))?.into())
    }

    /// Locks a new file against [`abandoned`](Directory::abandoned). Returns `false` if that was
    /// faster.
    pub(crate) fn is_kept(file: &File) -> bool {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => fstat(file).is_ok_and(|stat| of_stat(&stat).links > 0),
            Err(Errno::WOULDBLOCK) => false,
            // The file system has no locks, so that nobody else gets one either.
            Err(_) => true,
        }
    }

    /// Opens and locks the regular file `name`, unless its writer lives.
    pub(crate) fn abandoned(&self, name: &Path) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(self.fd(), name, flags, Mode::empty()).ok()?;
        let facts = of_stat(&fstat(&file).ok()?);
        if facts.kind != FileKind::Regular {
            return None;
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(file.into())
    }

    /// Makes the file `from` the file `to`, which is replaced at once if it is there.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(renameat(self.fd(), from, self.fd(), to)?)
    }

    /// Removes the file `name`.
    pub(crate) fn remove_file(&self, name: &Path) -> io::Result<()> {
        Ok(unlinkat(self.fd(), name, AtFlags::empty())?)
    }

    /// Removes the directory `name`, which is empty.
    pub(crate) fn remove_directory(&self, name: &Path) -> io::Result<()> {
        Ok(unlinkat(self.fd(), name, AtFlags::REMOVEDIR)?)
    }
}

/// Opens the regular file at `path` for reading, wherever links lead.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn open_anywhere(path: &Path) -> Result<(File, FileFacts), Failure> {
    crate::os::linux::beneath::open_anywhere(path, READ)
}

/// Opens the regular file at `path` for reading, wherever links lead.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn open_anywhere(path: &Path) -> Result<(File, FileFacts), Failure> {
    use crate::os::unix::file_facts::regular;
    regular(&of_stat(&rustix::fs::stat(path).map_err(io::Error::from)?))?;
    let opened = rustix::fs::open(path, READ, Mode::empty()).map_err(io::Error::from)?;
    let facts = of_stat(&fstat(&opened).map_err(io::Error::from)?);
    regular(&facts)?;
    Ok((File::from(opened), facts))
}
