//! Writes an archive.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use tar::{Builder, EntryType};

use crate::export::manifest::{
    Entry, FILES, FORMAT, HEADER, Header, LIST, List, OF_ENVIRONMENT, OF_REPOSITORY, Part, What,
};
use crate::export::part::{ArchiveSink, ArchivedPart, PartKind};
use crate::os::{self, Directory, FileFacts, FileKind};
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::hex::hex;
use crate::process::untrusted::{Dir, RegularFile, limits};
use crate::process::whole_file::Temporary;

/// How much is written between two reports.
const EVERY: u64 = 16 << 20;

/// Something that is exported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExportSource {
    /// What it is.
    pub kind: PartKind,
    /// Its name in the archive: that of the environment or the toolchain, the file of the package, or
    /// the path in `CARGO_HOME`.
    pub name: String,
    /// The file or the directory.
    pub root: PathBuf,
    /// What of the directory is exported, by paths in it; everything if there are none.
    pub parts: Vec<PathBuf>,
}

impl ExportSource {
    /// Everything at `root`.
    pub fn new(kind: PartKind, name: impl Into<String>, root: impl Into<PathBuf>) -> Self {
        ExportSource {
            kind,
            name: name.into(),
            root: root.into(),
            parts: Vec::new(),
        }
    }

    /// Sets what of the directory is exported, by paths in it.
    #[must_use]
    pub fn parts(mut self, parts: Vec<PathBuf>) -> Self {
        self.parts = parts;
        self
    }
}

/// An archive that was written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exported {
    /// What is in it.
    pub parts: Vec<ArchivedPart>,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its header, which has the hash of everything else.
    pub sha256: String,
}

/// Writes `sources` to an archive at `to`, for machines of `architecture`. What is at `to` is
/// replaced when the archive is whole.
///
/// # Errors
///
/// [`ErrorKind::Archive`] for what cannot be exported, such as a named pipe, or a file that changes
/// meanwhile; [`ErrorKind::Untrusted`], [`ErrorKind::Io`], [`ErrorKind::Path`],
/// [`ErrorKind::Cancelled`], [`ErrorKind::Deadline`].
pub fn export(
    sources: &[ExportSource],
    architecture: &str,
    to: &Path,
    cancel: &Cancel,
    progress: &mut ArchiveSink<'_>,
) -> Result<Exported> {
    let mut list = List::default();
    let mut places: Vec<(usize, PathBuf)> = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let mut entries = Vec::new();
        scan(source, &mut entries, cancel)?;
        list.parts.push(Part {
            kind: source.kind,
            name: source.name.clone(),
            entries,
        });
        let paths = list.parts[at].files().map(|(path, _, _)| path.into());
        places.extend(paths.map(|path| (at, path)));
    }
    // What an import would refuse is not written.
    list.check()?;
    let text = serde_json::to_vec(&list).unwrap_or_default();
    if text.len() as u64 > LIST.1 {
        let message = "these are too many files for an archive";
        return Err(Error::new(ErrorKind::Archive, message).with_help("export fewer targets"));
    }
    let header = serde_json::to_vec(&Header {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        architecture: architecture.to_owned(),
        list_sha256: hex(&Hash::hash(&text)),
    });
    let header = header.unwrap_or_default();

    let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(Error::io("write", to, io::ErrorKind::InvalidInput.into()));
    };
    let dir = match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    };
    let dir = Directory::open(dir).on("open directory", dir)?;
    let temporary = Temporary::in_dir(&dir).on("create a file for", to)?;
    let mut builder = Builder::new(io::BufWriter::with_capacity(1 << 20, temporary.file()));
    let mut add = |name: &str, size: u64, from: &mut dyn Read| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(size);
        builder.append_data(&mut header, name, from)
    };
    add(HEADER.0, header.len() as u64, &mut &*header).on("write", to)?;
    add(LIST.0, text.len() as u64, &mut &*text).on("write", to)?;
    let files = list.files();
    let of = files.iter().map(|(_, size)| size).sum();
    let (mut bytes, mut told, mut next) = (0, 0, files.iter().peekable());
    let all = list.parts.iter().flat_map(Part::files);
    for ((_, size, sha256), (at, path)) in all.zip(&places) {
        if next.peek().is_none_or(|(next, _)| *next != sha256) {
            // It is in the archive already.
            continue;
        }
        next.next();
        check(cancel)?;
        let file = open(&sources[*at], path)?;
        let mut content = Hashing::new(file.as_file().take(size));
        let written = add(&format!("{FILES}{sha256}"), size, &mut content);
        written.on("write", to)?;
        if content.read != size || content.finish() != sha256 {
            return Err(changed(file.path()));
        }
        bytes += size;
        if bytes - told >= EVERY {
            told = bytes;
            tell(progress, bytes, of)?;
        }
    }
    let written = builder.into_inner().and_then(|mut to| to.flush());
    written.on("write", to)?;
    os::set_file_mode(temporary.file(), 0o644).on("write", to)?;
    let size = temporary.file().metadata().on("inspect", to)?.len();
    temporary.rename(Path::new(name)).on("write", to)?;
    tell(progress, bytes, of)?;
    Ok(Exported {
        parts: list.parts.iter().map(|part| part.archived(false)).collect(),
        bytes: size,
        sha256: hex(&Hash::hash(&header)),
    })
}

pub(crate) fn tell(progress: &mut ArchiveSink<'_>, bytes: u64, of: u64) -> Result<()> {
    match progress(bytes, of).is_break() {
        true => Err(Error::new(
            ErrorKind::Cancelled,
            "stopped by the event listener",
        )),
        false => Ok(()),
    }
}

pub(crate) fn check(cancel: &Cancel) -> Result<()> {
    let stopped = |why| Error::stopped(why, "the export or import of an archive");
    cancel.check().map_err(stopped)
}

fn changed(path: &Path) -> Error {
    let message = format!("`{}` changed while it was exported", path.display());
    Error::new(ErrorKind::Archive, message)
        .with_help("export again while nothing else uses the directory")
}

/// What is read, its hash and its length.
pub(crate) struct Hashing<R> {
    from: R,
    hash: Hash,
    pub(crate) read: u64,
    pub(crate) has_failed: bool,
}

impl<R> Hashing<R> {
    pub(crate) fn new(from: R) -> Self {
        Hashing {
            from,
            hash: Hash::new(),
            read: 0,
            has_failed: false,
        }
    }

    pub(crate) fn finish(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes);
        self.has_failed |= read.is_err();
        let read = read?;
        self.hash.update(&bytes[..read]);
        self.read += read as u64;
        Ok(read)
    }
}

/// The SHA-256 of a file.
pub(crate) fn hash_of(file: &File) -> io::Result<String> {
    let mut content = Hashing::new(file);
    io::copy(&mut content, &mut io::sink())?;
    Ok(content.finish())
}

/// Opens a file of a source. What was made inside may have links, which are not followed.
fn open(source: &ExportSource, path: &Path) -> Result<RegularFile> {
    match path.as_os_str().is_empty() {
        true => RegularFile::open(&source.root),
        false => Dir::open(&source.root)?.file(path),
    }
}

/// Looks at what a source has.
fn scan(source: &ExportSource, entries: &mut Vec<Entry>, cancel: &Cancel) -> Result<()> {
    let root = &source.root;
    let meta = root.metadata().on("inspect", root)?;
    if !meta.is_dir() {
        let facts = FileFacts::of(&meta);
        entries.push(file(source, Path::new(""), &facts)?);
        return Ok(());
    }
    let repository = source.kind == PartKind::Crate;
    let tops: Vec<PathBuf> = match (source.kind, source.parts.is_empty()) {
        (PartKind::Environment, true) => OF_ENVIRONMENT.map(PathBuf::from).into(),
        (_, true) if repository => OF_REPOSITORY.map(PathBuf::from).into(),
        (_, true) => vec![PathBuf::new()],
        (_, false) => source.parts.clone(),
    };
    let is_given = !source.parts.is_empty();
    let mut known = std::collections::BTreeSet::new();
    for top in tops {
        if !is_given && root.join(&top).symlink_metadata().is_err() {
            continue;
        }
        // The directories on the way.
        let mut above: Vec<_> = top.ancestors().skip(1).collect();
        above.reverse();
        for dir in above {
            if !dir.as_os_str().is_empty() && known.insert(dir.to_owned()) {
                entries.push(directory(dir)?);
            }
        }
        if known.insert(top.clone()) {
            enter(source, &top, 0, entries, cancel)?;
        }
    }
    Ok(())
}

fn directory(path: &Path) -> Result<Entry> {
    Ok(Entry {
        path: slashes(path)?,
        what: What::Directory,
    })
}

/// Adds what is at `path`, and what is in it.
fn enter(
    source: &ExportSource,
    path: &Path,
    depth: usize,
    entries: &mut Vec<Entry>,
    cancel: &Cancel,
) -> Result<()> {
    check(cancel)?;
    let place = source.root.join(path);
    let facts = FileFacts::of(&place.symlink_metadata().on("inspect", &place)?);
    match facts.kind {
        FileKind::Regular => entries.push(file(source, path, &facts)?),
        FileKind::Directory if depth < limits::DEPTH => {
            if !path.as_os_str().is_empty() {
                entries.push(directory(path)?);
            }
            for entry in Dir::open(&source.root)?.dir(path)?.entries()? {
                let path = path.join(entry.name);
                let is_left = source.kind == PartKind::Crate && path.ends_with("objects/info");
                // No run uses the devices of an environment, which only root can make.
                let is_device = source.kind == PartKind::Environment
                    && path.starts_with("root/dev")
                    && !matches!(
                        entry.kind,
                        FileKind::Regular | FileKind::Directory | FileKind::SymbolicLink
                    );
                if !is_left && !is_device {
                    enter(source, &path, depth + 1, entries, cancel)?;
                }
            }
        }
        FileKind::SymbolicLink => {
            let to = std::fs::read_link(&place).on("read link", &place)?;
            entries.push(Entry {
                path: slashes(path)?,
                what: What::Link {
                    to: utf8(&to)?.to_owned(),
                },
            });
        }
        _ => {
            let message = format!(
                "`{}` cannot be exported: it is no file, directory or link",
                place.display()
            );
            return Err(Error::new(ErrorKind::Archive, message).with_help("remove it"));
        }
    }
    Ok(())
}

/// A file of a source, with its hash.
fn file(source: &ExportSource, path: &Path, facts: &FileFacts) -> Result<Entry> {
    let opened = open(source, path)?;
    let sha256 = hash_of(opened.as_file()).on("read", opened.path())?;
    if opened.len() != facts.len {
        return Err(changed(opened.path()));
    }
    Ok(Entry {
        path: slashes(path)?,
        what: What::File {
            mode: facts.mode & 0o777,
            modified: u64::try_from(facts.modified.0).unwrap_or_default(),
            size: facts.len,
            sha256,
        },
    })
}

/// A relative path with slashes, on every system.
fn slashes(path: &Path) -> Result<String> {
    let words = path.components();
    let words: Result<Vec<_>> = words
        .map(|word| utf8(Path::new(word.as_os_str())))
        .collect();
    Ok(words?.join("/"))
}
