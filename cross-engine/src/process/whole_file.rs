//! Files that appear whole: written under a temporary name, then renamed.
//!
//! Every file that another process may read while it is written goes through here. Whoever writes
//! has a file of its own under a name that nobody can guess, so writers do not meet, whichever
//! thread, process or container they are in. A file or a link that is at the name already is never
//! opened. The writer holds a lock on its file. The kernel releases the lock when the writer dies,
//! so the next writer in the directory knows what a killed one left, and removes it.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::Path;

use crate::os::{self, Directory};
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
    let dir = Directory::open(dir).on("open directory", dir)?;
    sweep(&dir);
    let temporary = Temporary::in_dir(&dir).on("create a file for", path)?;
    temporary.file().write_all(bytes).on("write", path)?;
    os::set_file_mode(temporary.file(), mode).on("write", path)?;
    temporary.rename(Path::new(name)).on("write", path)
}

/// A new file under a temporary name, removed unless it is renamed.
pub(crate) struct Temporary<'a> {
    dir: &'a Directory,
    name: String,
    file: File,
    is_renamed: bool,
}

impl<'a> Temporary<'a> {
    /// Creates one in `dir`. It is readable and writable for its owner only.
    pub(crate) fn in_dir(dir: &'a Directory) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..ATTEMPTS {
            match Temporary::named(dir, name()) {
                Ok(temporary) if Directory::is_kept(&temporary.file) => return Ok(temporary),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    last = error;
                    break;
                }
            }
        }
        Err(last)
    }

    /// Creates the file `name`. What is there already is neither opened nor followed.
    fn named(dir: &'a Directory, name: String) -> io::Result<Self> {
        let file = dir.create_file(Path::new(&name))?;
        Ok(Temporary {
            dir,
            name,
            file,
            is_renamed: false,
        })
    }

    /// The file, for writing.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes it the file `to` of its directory.
    pub(crate) fn rename(mut self, to: &Path) -> io::Result<()> {
        self.dir.rename(Path::new(&self.name), to)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_renamed {
            // The next sweep removes what cannot be removed now.
            let _ = self.dir.remove_file(Path::new(&self.name));
        }
    }
}

/// Removes the temporary files in `dir` whose writers are gone. What cannot be read or removed
/// stays: it is no obstacle.
pub(crate) fn sweep(dir: &Directory) {
    for (name, _) in dir.entries(usize::MAX).unwrap_or_default() {
        if !name.to_str().is_some_and(is_temporary) {
            continue;
        }
        let name = Path::new(&name);
        // The lock is held until the file is gone: its writer may be about to take it.
        if let Some(_lock) = dir.abandoned(name) {
            let _ = dir.remove_file(name);
        }
    }
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
    #[cfg(unix)]
    use std::os::unix::fs::symlink;
    use std::thread;

    use super::*;
    use crate::os::FileFacts;

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
        let mode = FileFacts::of(&path.metadata().unwrap()).mode & 0o777;
        assert_eq!(mode, if cfg!(unix) { 0o644 } else { 0o755 });
        assert_eq!(names(dir.path()), ["run"]);
    }

    #[cfg(unix)]
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

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_temporary_name_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, name) = (dir.path().join("victim"), name());
        fs::write(&victim, "whole").unwrap();
        symlink(&victim, dir.path().join(&name)).unwrap();
        let opened = Directory::open(dir.path()).unwrap();
        let created = Temporary::named(&opened, name.clone());
        let error = created.err().map(|error| error.kind());
        assert_eq!(error, Some(io::ErrorKind::AlreadyExists));
        sweep(&opened);
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
        let opened = Directory::open(dir.path()).unwrap();
        let living = Temporary::in_dir(&opened).unwrap();
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
