//! A directory that the inside can write to.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::os::{Directory, Failure, FileFacts, FileKind};
use crate::process::error::{Error, IoContext as _, Result};
use crate::process::untrusted::file::RegularFile;
use crate::process::untrusted::limits;
use crate::process::untrusted::open::not_opened;
use crate::process::untrusted::refused::Refused;

/// A directory of ours that what runs inside can write to.
#[derive(Debug)]
pub struct Dir {
    opened: Directory,
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
        let opened = Directory::open(&path).on("open", &path)?;
        Ok(Dir { opened, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn opened(&self) -> &Directory {
        &self.opened
    }

    /// `path`, an absolute one, relative to this directory; `None` where it is not beneath it.
    pub fn relative<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        let relative = path.strip_prefix(&self.path).ok()?;
        is_plain(relative).then_some(relative)
    }

    /// Whether it was removed since it was opened: nothing is at its path, or another directory is.
    pub fn is_removed(&self) -> bool {
        let (Ok(own), Ok(there)) = (self.opened.own_facts(), FileFacts::at(&self.path)) else {
            return true;
        };
        own.identity() != there.identity()
    }

    /// Whether nobody can write to it, because its file system is read only.
    pub fn is_read_only(&self) -> bool {
        self.opened.is_read_only()
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
            Ok((file, facts)) => Ok(RegularFile { file, path, facts }),
            Err(failure) => Err(not_opened(failure, &path)),
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
        self.descend(relative.as_ref(), &mut Directory::open_directory)
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
        self.opened.read_link(name).on("read", self.path.join(name))
    }

    /// Makes the directories at `relative` where they are not there, and opens the innermost.
    ///
    /// # Errors
    ///
    /// As for [`file`](Dir::file).
    pub fn create_dir_all(&self, relative: impl AsRef<Path>) -> Result<Dir> {
        let made = self.descend(
            relative.as_ref(),
            &mut |dir, name| match dir.open_directory(name) {
                Err(Failure::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                    match dir.create_directory(name) {
                        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                            Err(Failure::Io(error))
                        }
                        _ => dir.open_directory(name),
                    }
                }
                opened => opened,
            },
        );
        made.map_err(Error::of_destination)
    }

    /// Opens both ends of the named pipe `name`, which the inside may have replaced: nothing waits
    /// for it, now or when it is written.
    ///
    /// # Errors
    ///
    /// As for [`file`](Dir::file), for what is no named pipe.
    pub(crate) fn fifo(&self, name: &str) -> Result<File> {
        let opened = self.opened.open_fifo(Path::new(name));
        opened.map_err(|failure| not_opened(failure, &self.path.join(name)))
    }

    /// What is in this directory, by name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when it cannot be read,
    /// [`ErrorKind::Untrusted`](crate::ErrorKind::Untrusted) when it has more than
    /// [`limits::ENTRIES`].
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let found = self.opened.entries(limits::ENTRIES + 1);
        let found = found.on("read directory", &self.path)?;
        if found.len() > limits::ENTRIES {
            let refused = Refused::TooMany(limits::ENTRIES);
            return Err(Error::refused(&self.path, refused));
        }
        let mut entries: Vec<_> = found
            .into_iter()
            .map(|(name, kind)| Entry { name, kind })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Opens one component after the other by `step`.
    fn descend(&self, relative: &Path, step: &mut Step<'_>) -> Result<Dir> {
        let path = self.path.join(relative);
        if !is_plain(relative) {
            return Err(Error::refused(&path, Refused::Outside));
        }
        let mut here = None;
        let mut walked = self.path.clone();
        for component in relative.components() {
            let dir = here.as_ref().unwrap_or(&self.opened);
            let name = Path::new(component.as_os_str());
            walked.push(name);
            let opened = step(dir, name);
            here = Some(opened.map_err(|failure| not_opened(failure, &walked))?);
        }
        let opened = match here {
            Some(opened) => opened,
            None => self.opened.try_clone().on("open", &path)?,
        };
        Ok(Dir { opened, path })
    }

    fn open_file(&self, relative: &Path) -> Result<(File, FileFacts), Failure> {
        if !is_plain(relative) {
            return Err(Failure::Outside);
        }
        // Where the system does not tell which component is at fault, it is seen when they are
        // opened one by one.
        let opened = self.opened.open_beneath(relative);
        opened.unwrap_or_else(|| self.open_by_hand(relative))
    }

    /// Opens the regular file at `relative`, one component after the other.
    pub(super) fn open_by_hand(&self, relative: &Path) -> Result<(File, FileFacts), Failure> {
        let mut here: Option<Directory> = None;
        let mut components = relative.components().peekable();
        while let Some(component) = components.next() {
            let dir = here.as_ref().unwrap_or(&self.opened);
            let Component::Normal(name) = component else {
                return Err(Failure::Outside);
            };
            let name = Path::new(name);
            if components.peek().is_none() {
                return dir.open_file(name);
            }
            here = Some(dir.open_directory(name)?);
        }
        Err(Failure::NotRegular(FileKind::Directory))
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
type Step<'a> = dyn FnMut(&Directory, &Path) -> Result<Directory, Failure> + 'a;

/// Whether `path` has nothing but names in it: nothing that leads up or to the root.
fn is_plain(path: &Path) -> bool {
    path.components()
        .all(|component| matches!(component, Component::Normal(_)))
}
