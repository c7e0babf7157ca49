//! Opening beneath a directory: one name after the other, none of which is followed if it leads
//! elsewhere.
//!
//! Windows opens by path. What keeps the path true is that every directory on the way is held open
//! without the permission to rename or delete it: Windows then refuses to do so, and a directory in
//! which something is open cannot become a junction either.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::os::failure::Failure;
use crate::os::file_facts::FileFacts;
use crate::os::file_kind::FileKind;
use crate::os::windows::file_facts::{kind_of, of_file};

const SHARE_READ: u32 = 0x1;
const SHARE_WRITE: u32 = 0x2;
const SHARE_DELETE: u32 = 0x4;
const SHARE_ALL: u32 = SHARE_READ | SHARE_WRITE | SHARE_DELETE;
/// Without it, no directory is opened.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// What leads elsewhere is opened itself.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// The access to read a file, and to read its attributes only.
const READ: u32 = 0x8000_0000;
const READ_ATTRIBUTES: u32 = 0x80;
/// How often and at which interval a rename is tried again: scanners and indexers open files that
/// have just been written, for a second or two if they are large.
const RENAMES: u32 = 200;
const RENAME_PAUSE: Duration = Duration::from_millis(10);

/// An open directory. Its path cannot lead to another one while it is open.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// It and those above it up to the one that was opened first.
    held: Vec<Arc<File>>,
}

impl Directory {
    /// Opens the directory at `path`, wherever links lead.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // The result has no `.`, no `..` and no link, and is not interpreted any more.
        let path = fs::canonicalize(path)?;
        let held = hold(&path)?;
        match of_file(&held)?.kind {
            FileKind::Directory => Ok(Directory {
                path,
                held: vec![Arc::new(held)],
            }),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Opens the same directory once more.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Directory {
            path: self.path.clone(),
            held: self.held.clone(),
        })
    }

    /// Opens the directory `name`.
    pub(crate) fn open_directory(&self, name: &Path) -> Result<Self, Failure> {
        let path = self.join(name)?;
        let opened = hold(&path)?;
        match of_file(&opened)?.kind {
            FileKind::Directory => {
                let mut held = self.held.clone();
                held.push(Arc::new(opened));
                Ok(Directory { path, held })
            }
            other => Err(Failure::NotDirectory(other)),
        }
    }

    /// Makes the directory `name`.
    pub(crate) fn create_directory(&self, name: &Path) -> io::Result<()> {
        fs::create_dir(self.named(name)?)
    }

    /// Opens the regular file `name` for reading.
    pub(crate) fn open_file(&self, name: &Path) -> Result<(File, FileFacts), Failure> {
        let path = self.join(name)?;
        let kind = kind_of(fs::symlink_metadata(&path)?.file_attributes());
        if kind != FileKind::Regular {
            return Err(Failure::NotRegular(kind));
        }
        // It was one a moment ago.
        regular(open_itself(&path, READ)?).map_err(|failure| match failure {
            Failure::NotRegular(_) => Failure::Changed,
            failure => failure,
        })
    }

    /// Opens the regular file at `relative` for reading, in one step, which Windows does not have.
    pub(crate) fn open_beneath(&self, _: &Path) -> Option<Result<(File, FileFacts), Failure>> {
        None
    }

    /// Opens both ends of the named pipe `name`: Windows has none among its files.
    pub(crate) fn open_fifo(&self, name: &Path) -> Result<File, Failure> {
        Err(Failure::NotFifo(self.facts(name)?.kind))
    }

    /// What is known of `name`, itself a link or not.
    pub(crate) fn facts(&self, name: &Path) -> io::Result<FileFacts> {
        of_file(&open_itself(&self.named(name)?, READ_ATTRIBUTES)?)
    }

    /// What is known of the directory itself.
    pub(crate) fn own_facts(&self) -> io::Result<FileFacts> {
        match self.held.last() {
            Some(opened) => of_file(opened),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether its file system is read only. A run's target directory is on none.
    pub(crate) fn is_read_only(&self) -> bool {
        false
    }

    /// Where the symbolic link `name` leads.
    pub(crate) fn read_link(&self, name: &Path) -> io::Result<PathBuf> {
        fs::read_link(self.named(name)?)
    }

    /// What is in the directory: at most so many entries, and what was removed meanwhile is none.
    pub(crate) fn entries(&self, most: usize) -> io::Result<Vec<(OsString, FileKind)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            if entries.len() == most {
                break;
            }
            let entry = entry?;
            if let Ok(meta) = entry.metadata() {
                entries.push((entry.file_name(), kind_of(meta.file_attributes())));
            }
        }
        Ok(entries)
    }

    /// Creates the file `name`. What is there already is neither opened nor followed. Nobody else
    /// can open it for writing while it is open.
    pub(crate) fn create_file(&self, name: &Path) -> io::Result<File> {
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        options.share_mode(SHARE_READ | SHARE_DELETE);
        options.open(self.named(name)?)
    }

    /// Locks a new file against [`abandoned`](Directory::abandoned): it is, by being open.
    pub(crate) fn is_kept(_: &File) -> bool {
        true
    }

    /// Opens the regular file `name`, unless its writer lives: it has the file open.
    pub(crate) fn abandoned(&self, name: &Path) -> Option<File> {
        let mut options = File::options();
        options.access_mode(READ).share_mode(SHARE_DELETE);
        options.custom_flags(OPEN_REPARSE_POINT);
        let file = options.open(self.named(name).ok()?).ok()?;
        (of_file(&file).ok()?.kind == FileKind::Regular).then_some(file)
    }

    /// Makes the file `from` the file `to`, which is replaced at once if it is there.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.named(from)?, self.named(to)?);
        let mut renamed = fs::rename(&from, &to);
        for _ in 0..RENAMES {
            match &renamed {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    thread::sleep(RENAME_PAUSE);
                    renamed = fs::rename(&from, &to);
                }
                _ => break,
            }
        }
        renamed
    }

    /// Removes the file `name`.
    pub(crate) fn remove_file(&self, name: &Path) -> io::Result<()> {
        fs::remove_file(self.named(name)?)
    }

    /// Removes the directory `name`, which is empty.
    pub(crate) fn remove_directory(&self, name: &Path) -> io::Result<()> {
        fs::remove_dir(self.named(name)?)
    }

    fn named(&self, name: &Path) -> io::Result<PathBuf> {
        let joined = self.join(name);
        joined.map_err(|_| io::ErrorKind::InvalidInput.into())
    }

    /// The path of `name`, which has to be one name: no stream of a file, and nothing that Windows
    /// would take for another name.
    fn join(&self, name: &Path) -> Result<PathBuf, Failure> {
        let mut components = name.components();
        let (first, rest) = (components.next(), components.next());
        let (Some(Component::Normal(only)), None) = (first, rest) else {
            return Err(Failure::Outside);
        };
        let is_separator = |unit: u16| [':', '/', '\\', '\0'].map(u32::from).contains(&unit.into());
        match only.encode_wide().any(is_separator) {
            true => Err(Failure::Outside),
            false => Ok(self.path.join(only)),
        }
    }
}

/// Opens the directory at `path`, so that nobody renames or deletes it meanwhile.
fn hold(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.access_mode(READ_ATTRIBUTES | READ);
    options.share_mode(SHARE_READ | SHARE_WRITE);
    options.custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT);
    options.open(path)
}

/// Opens what is at `path`, itself a link or not. It stays anybody's to write, rename and delete.
fn open_itself(path: &Path, access: u32) -> io::Result<File> {
    let mut options = File::options();
    options.access_mode(access).share_mode(SHARE_ALL);
    options.custom_flags(BACKUP_SEMANTICS | OPEN_REPARSE_POINT);
    options.open(path)
}

fn regular(file: File) -> Result<(File, FileFacts), Failure> {
    let facts = of_file(&file)?;
    match facts.kind {
        FileKind::Regular => Ok((file, facts)),
        other => Err(Failure::NotRegular(other)),
    }
}

/// Opens the regular file at `path` for reading, wherever links lead.
pub(crate) fn open_anywhere(path: &Path) -> Result<(File, FileFacts), Failure> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        return Err(Failure::NotRegular(FileKind::Directory));
    }
    // A device has another path: `\\.\COM1`, and what is canonical is the name of a file.
    regular(open_itself(&fs::canonicalize(path)?, READ)?)
}

impl FileFacts {
    /// The facts of the file or directory that `path` leads to. This is the way to tell it from all
    /// others, also from an earlier one at the same path: only an open file of Windows has a
    /// number, and the time of its creation is that of an earlier one if that was there a moment
    /// ago.
    ///
    /// # Errors
    ///
    /// The system's, if there is none or it cannot be inspected.
    pub fn at(path: &Path) -> io::Result<Self> {
        of_file(&open_itself(&fs::canonicalize(path)?, READ_ATTRIBUTES)?)
    }
}
