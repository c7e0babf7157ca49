//! Reads an archive that anybody may have written, and places its parts.
//!
//! Everything is written into a directory beside its place, in which nobody else writes. When all of
//! it is there and has its hash, the parts are renamed. A failure removes what was written, and what
//! was placed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io::{self, BufRead as _, Read};
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use tar::EntryType;

use crate::environment::manifest::{self, Manifest};
use crate::export::manifest::{FILES, HEADER, Header, LIST, List, Part, What, shown};
use crate::export::pack::{Hashing, check, hash_of, tell};
use crate::export::part::{ArchiveSink, ArchivedPart, PartKind};
use crate::export::place::{Destination, There};
use crate::image::staging::{IMPORT_LOCK, IMPORT_STAGED, Staging, remove_tree};
use crate::os;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::process::hex::hex;
use crate::process::host::free_bytes;
use crate::process::lock::Lock;
use crate::process::untrusted::{Dir, RegularFile};
use crate::process::whole_file;

/// How much is read between two reports.
const EVERY: u64 = 16 << 20;
/// The settings of a repository of cargo's. Those of the archive could make git run programs.
const REPOSITORY: &str =
    "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n";

/// Reads the archive at `from`, of a machine of `architecture`, and places what is in it.
/// `expected` is the SHA-256 that its export told, if it is known here.
///
/// # Errors
///
/// [`ErrorKind::Archive`] for an archive that is cut, damaged, hostile, of a newer format or another
/// architecture, or not the expected one, and for a part that is there and differs;
/// [`ErrorKind::Io`], also for a full disk; [`ErrorKind::Cancelled`], [`ErrorKind::Deadline`].
/// Nothing is placed then.
pub fn import(
    from: &Path,
    architecture: &str,
    expected: Option<&str>,
    to: &Destination,
    cancel: &Cancel,
    progress: &mut ArchiveSink<'_>,
) -> Result<Vec<ArchivedPart>> {
    let file = RegularFile::open(from)?;
    let length = file.len();
    let mut buffered = io::BufReader::with_capacity(1 << 20, file.as_file().take(length));
    check_form(buffered.fill_buf().on("read", from)?, from)?;
    let mut archive = tar::Archive::new(buffered);
    // What tar itself reads of extended headers has no limit, and no archive of ours has them.
    let entries = archive.entries().map_err(|error| cut(from, error))?;
    let mut members = entries.raw(true);

    let list = read_list(&mut members, from, architecture, expected)?;

    // Two imports into one cache wait for each other.
    let lock = to.cache.join("locks").join(IMPORT_LOCK);
    let _lock = Lock::acquire(&lock, cancel, &mut || {})?;
    let there: Result<Vec<_>> = list.parts.iter().map(|part| to.look(part)).collect();
    let there = there?;
    let is_new = |at: usize| there[at] == There::No;
    let new: Vec<_> = list
        .parts
        .iter()
        .enumerate()
        .filter(|(at, _)| is_new(*at))
        .collect();
    check_space(to, &new)?;

    let mut placed = Placed::default();
    let mut staging = BTreeMap::new();
    for (_, part) in &new {
        if let Entry::Vacant(missing) = staging.entry(part.kind) {
            let base = to.base(part.kind);
            placed.create(&base)?;
            missing.insert(Staging::new(&base.join(staging_name(&to.cache)))?);
        }
    }
    let place_of =
        |at: usize, part: &Part| (staging[&part.kind].path(), PathBuf::from(at.to_string()));

    // Where each file goes.
    let mut wanted: BTreeMap<&str, Vec<Wanted<'_>>> = BTreeMap::new();
    for (at, part) in &new {
        let (dir, top) = place_of(*at, part);
        let dir = Dir::open(dir)?;
        for entry in &part.entries {
            // An empty path would end the path with a slash.
            let path = match entry.path.is_empty() {
                true => top.clone(),
                false => top.join(&entry.path),
            };
            match &entry.what {
                What::Directory => drop(dir.create_dir_all(&path)?),
                What::File {
                    mode,
                    modified,
                    sha256,
                    ..
                } => wanted.entry(sha256).or_default().push(Wanted {
                    dir: place_of(*at, part).0,
                    path,
                    mode: *mode,
                    modified: *modified,
                }),
                What::Link { .. } => {}
            }
        }
    }
    let files = list.files();
    let of = files.iter().map(|(_, size)| size).sum();
    let mut told = 0;
    let mut tell_some = |bytes: u64| {
        if bytes - told < EVERY {
            return Ok(());
        }
        told = bytes;
        tell(progress, bytes, of)
    };
    read_files(&mut members, from, &files, &wanted, cancel, &mut tell_some)?;
    for (at, part) in &new {
        let (dir, top) = place_of(*at, part);
        let staged = dir.join(top);
        finish(part, &staged)?;
        if part.kind == PartKind::Environment {
            to.check_environment(&part.name, &staged)?;
        }
    }
    check(cancel)?;
    for (at, part) in &new {
        let (dir, top) = place_of(*at, part);
        placed.place(part, &dir.join(top), &to.place(part))?;
    }
    placed.keep();
    tell(progress, of, of).ok();
    let all = list.parts.iter().zip(there);
    Ok(all
        .map(|(part, there)| part.archived(there == There::Yes))
        .collect())
}

/// Refuses a file that begins like one of the usual compressed ones.
fn check_form(beginning: &[u8], from: &Path) -> Result<()> {
    let forms: [(&[u8], &str); 4] = [
        (b"\x1f\x8b", "gzip"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
    ];
    let mut forms = forms.iter();
    let Some((_, program)) = forms.find(|(magic, _)| beginning.starts_with(magic)) else {
        return Ok(());
    };
    let message = format!("the archive `{}` is compressed", from.display());
    Err(Error::new(ErrorKind::Archive, message)
        .with_help(format!("decompress it: `{program} -dc FILE >offline.tar`")))
}

/// Reads the header and the list, and checks them.
fn read_list<R: Read>(
    members: &mut tar::Entries<'_, R>,
    from: &Path,
    architecture: &str,
    expected: Option<&str>,
) -> Result<List> {
    let header = small(members.next(), from, HEADER)?;
    let parsed = Header::parse(&header, architecture)?;
    let sha256 = hex(&Hash::hash(&header));
    if let Some(expected) = expected.filter(|it| !it.eq_ignore_ascii_case(&sha256)) {
        check_whole_file(from, expected, &sha256)?;
    }
    let text = small(members.next(), from, LIST)?;
    if hex(&Hash::hash(&text)) != parsed.list_sha256 {
        return Err(wrong_hash(LIST.0));
    }
    let list: List = serde_json::from_slice(&text).map_err(|error| {
        let message = format!("`{}` of the archive cannot be read", LIST.0);
        Error::new(ErrorKind::Archive, message)
            .with_help("export again")
            .with_source(error)
    })?;
    list.check()?;
    Ok(list)
}

/// Checks that the whole file has the `expected` hash, which is not that of its header.
fn check_whole_file(from: &Path, expected: &str, of_header: &str) -> Result<()> {
    let file = RegularFile::open(from)?;
    let whole = hash_of(file.as_file()).on("read", from)?;
    if expected.eq_ignore_ascii_case(&whole) {
        return Ok(());
    }
    let message = format!(
        "the archive is not the expected one: the SHA-256 of its header, which `export` tells, is \
         {of_header}, and that of the whole file is {whole}"
    );
    Err(Error::new(ErrorKind::Archive, message)
        .with_help("compare them with what the export said, and find out who changed it"))
}

/// Reads the files, checks them, and writes each to its places.
fn read_files<R: Read>(
    members: &mut tar::Entries<'_, R>,
    from: &Path,
    files: &[(&str, u64)],
    wanted: &BTreeMap<&str, Vec<Wanted<'_>>>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    let mut bytes = 0;
    for (sha256, size) in files {
        check(cancel)?;
        let name = format!("{FILES}{sha256}");
        let mut member = member(members.next(), from, &name)?;
        if member.size() != *size {
            return Err(refused(&name, "its size is not that of the list"));
        }
        let mut content = Hashing::new(&mut member);
        let places = wanted.get(sha256).map_or(&[][..], Vec::as_slice);
        match receive(&mut content, *size, places) {
            // It could not be written. Otherwise the archive is at fault.
            Err(error) if error.kind() == ErrorKind::Io && !content.has_failed => {
                return Err(error);
            }
            _ if content.has_failed || content.read < *size => {
                return Err(cut(from, io::ErrorKind::UnexpectedEof.into()));
            }
            written => written?,
        }
        if content.finish() != *sha256 {
            return Err(wrong_hash(&name));
        }
        bytes += size;
        progress(bytes)?;
    }
    match members.next() {
        Some(Ok(_)) => Err(refused("the last member", "the list does not name it")),
        Some(Err(error)) => Err(cut(from, error)),
        None => Ok(()),
    }
}

/// Where a file goes.
struct Wanted<'a> {
    dir: &'a Path,
    path: PathBuf,
    mode: u32,
    modified: u64,
}

/// Writes a file to all its places.
fn receive(content: &mut dyn Read, size: u64, places: &[Wanted<'_>]) -> Result<()> {
    let Some((first, others)) = places.split_first() else {
        io::copy(content, &mut io::sink()).ok();
        return Ok(());
    };
    let dir = Dir::open(first.dir)?;
    dir.receive(content, size, &first.path, first.mode, first.modified)?;
    for other in others {
        let written = dir.file(&first.path)?;
        let mut bytes = written.as_file();
        let to = Dir::open(other.dir)?;
        to.receive(&mut bytes, size, &other.path, other.mode, other.modified)?;
    }
    Ok(())
}

/// Completes what is staged at `staged`: what is only made when all files are there.
fn finish(part: &Part, staged: &Path) -> Result<()> {
    for entry in &part.entries {
        if let What::Link { to } = &entry.what {
            // No directory on the way is a link: the list has it as a directory, and we made it.
            let path = staged.join(&entry.path);
            os::create_link(Path::new(to), &path).on("create the link", &path)?;
        }
    }
    if part.is_repository() {
        for dir in ["objects", "refs"] {
            let dir = staged.join(dir);
            fs::create_dir_all(&dir).on("create directory", &dir)?;
        }
        whole_file::write(&staged.join("config"), REPOSITORY.as_bytes(), 0o644)?;
    }
    if part.kind == PartKind::Environment {
        let manifest = Manifest::read(staged);
        if manifest.is_none_or(|manifest| manifest.name != part.name) {
            let name = format!("the environment `{}`", part.name);
            return Err(refused(&name, "its manifest is that of another one"));
        }
    }
    Ok(())
}

/// The name of the directory in which an import stages: an import into the same cache removes what a
/// killed one left.
fn staging_name(cache: &Path) -> String {
    let hash = hex(&Hash::hash(cache.as_os_str().as_encoded_bytes()));
    format!(".{IMPORT_STAGED}{}", &hash[..12])
}

fn check_space(to: &Destination, new: &[(usize, &Part)]) -> Result<()> {
    let mut needed: BTreeMap<PathBuf, u64> = BTreeMap::new();
    for (_, part) in new {
        let bytes = needed.entry(to.base(part.kind)).or_default();
        *bytes = bytes.saturating_add(part.bytes());
    }
    for (base, needed) in needed {
        let existing = base.ancestors().find(|dir| dir.exists());
        let free = free_bytes(existing.unwrap_or(Path::new("/")))?;
        if needed > free {
            let mb = |bytes: u64| bytes.div_ceil(1_000_000);
            let message = format!(
                "the archive needs {} MB in `{}`, which has {} MB",
                mb(needed),
                base.display(),
                mb(free)
            );
            let help = format!("free some space on the file system of `{}`", base.display());
            return Err(Error::new(ErrorKind::Io, message)
                .with_help(help)
                .with_source(io::Error::from(io::ErrorKind::StorageFull))
                .with_disk_full());
        }
    }
    Ok(())
}

/// What an import has placed and made. It is removed when this is dropped, unless it is kept.
#[derive(Default)]
struct Placed {
    parts: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Placed {
    /// Makes a directory, and those above it.
    fn create(&mut self, dir: &Path) -> Result<()> {
        let missing = dir.ancestors().take_while(|dir| !dir.exists());
        let mut missing: Vec<_> = missing.map(Path::to_owned).collect();
        missing.reverse();
        for dir in missing {
            match fs::create_dir(&dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made.on("create directory", &dir)?;
                    self.directories.push(dir);
                }
            }
        }
        Ok(())
    }

    /// Moves a part to its place, unless something is there.
    fn place(&mut self, part: &Part, staged: &Path, place: &Path) -> Result<()> {
        if let Some(parent) = place.parent() {
            self.create(parent)?;
        }
        if part.is_file() {
            // A rename would replace what appeared meanwhile.
            match fs::hard_link(staged, place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                linked => linked.on("move a part of the archive to", place)?,
            }
        } else {
            if part.kind == PartKind::Environment && !manifest::is_complete(place) {
                remove_tree(place)?;
            }
            fs::rename(staged, place).on("move a part of the archive to", place)?;
        }
        self.parts.push(place.to_owned());
        Ok(())
    }

    fn keep(mut self) {
        self.parts.clear();
        self.directories.clear();
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        for part in self.parts.iter().rev() {
            let _ = match part.is_dir() {
                true => remove_tree(part),
                false => fs::remove_file(part).on("remove", part),
            };
        }
        for dir in self.directories.iter().rev() {
            // What others put there stays.
            let _ = fs::remove_dir(dir);
        }
    }
}

/// The next member, which has to be a regular file with this name.
fn member<'a, R: Read>(
    next: Option<io::Result<tar::Entry<'a, R>>>,
    from: &Path,
    name: &str,
) -> Result<tar::Entry<'a, R>> {
    let member = match next {
        Some(member) => member.map_err(|error| cut(from, error))?,
        None => return Err(cut(from, io::ErrorKind::UnexpectedEof.into())),
    };
    let found = member.path_bytes();
    if *found != *name.as_bytes() {
        let found = shown(&String::from_utf8_lossy(&found));
        return Err(refused(&found, &format!("`{name}` belongs in its place")));
    }
    match member.header().entry_type() {
        EntryType::Regular => Ok(member),
        _ => Err(refused(name, "it is no regular file")),
    }
}

/// Reads a member of a limited size.
fn small<R: Read>(
    next: Option<io::Result<tar::Entry<'_, R>>>,
    from: &Path,
    (name, limit): (&str, u64),
) -> Result<Vec<u8>> {
    let member = member(next, from, name)?;
    let size = member.size();
    if size > limit {
        return Err(refused(name, "it is too long"));
    }
    let mut bytes = Vec::new();
    let read = member.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| cut(from, error))?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(cut(from, io::ErrorKind::UnexpectedEof.into())),
    }
}

fn refused(name: &str, why: &str) -> Error {
    let message = format!("the archive is refused: `{name}`: {why}");
    Error::new(ErrorKind::Archive, message)
        .with_help("`export` writes no such thing: find out where the archive is from")
}

fn wrong_hash(name: &str) -> Error {
    let message = format!("the archive is damaged: `{name}` does not have its hash");
    Error::new(ErrorKind::Archive, message).with_help("copy the archive again, or export again")
}

/// The error for an archive that cannot be read. What tar says of it has bytes of the archive.
fn cut(from: &Path, source: io::Error) -> Error {
    let message = format!("`{}` ends early, or is no archive", from.display());
    let source = io::Error::new(source.kind(), shown(&source.to_string()));
    Error::new(ErrorKind::Archive, message)
        .with_help("copy the archive again, or export again")
        .with_source(source)
}
