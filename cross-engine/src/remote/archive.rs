//! Archives: what goes to a volume, and what comes back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hmac_sha256::Hash;
use tar::{Builder, EntryType, Header};

use crate::process::error::{Error, ErrorKind, Result};
use crate::process::hex::hex;
use crate::process::untrusted::{Dir, limits};
use crate::reach::place::part;
use crate::remote::manifest::{Entry, Manifest};

/// Writes an archive for [`fill.sh`](super::fill).
pub(crate) struct Writer<W: Write> {
    builder: Builder<W>,
    owner: (u32, u32),
    /// Whether the hashes of files are recorded.
    with_hashes: bool,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(to: W, owner: (u32, u32), with_hashes: bool) -> Self {
        Writer {
            builder: Builder::new(to),
            owner,
            with_hashes,
        }
    }

    /// Writes what is removed first: paths that end with a null byte.
    pub(crate) fn removals(&mut self, keys: &[Vec<u8>]) -> io::Result<()> {
        let mut list = Vec::new();
        for key in keys {
            list.extend_from_slice(key);
            list.push(0);
        }
        self.text("remove", &list)?;
        // It has to be there, even if it is empty.
        self.entry(b"", &mut Entry::Directory, None)
    }

    /// Writes an entry. A file comes from `place`, and gets the hash of what was read; if it
    /// changed since, it gets no hash, so that it is sent again.
    pub(crate) fn entry(
        &mut self,
        key: &[u8],
        entry: &mut Entry,
        place: Option<&Path>,
    ) -> io::Result<()> {
        let name = name(key, place);
        match entry {
            Entry::Directory => {
                let mut header = self.header(EntryType::Directory, 0o755, 0, 0);
                self.builder.append_data(&mut header, name, io::empty())
            }
            Entry::Link(_) => {
                // What is removed meanwhile is not there, and is compared again before the next
                // run.
                let Some(to) = place.and_then(|place| fs::read_link(place).ok()) else {
                    return Ok(());
                };
                let mut header = self.header(EntryType::Symlink, 0o777, 0, 0);
                self.builder.append_link(&mut header, name, to)
            }
            Entry::File {
                size,
                modified,
                mode,
                hash,
            } => {
                let seconds = u64::try_from(*modified / 1_000_000_000).unwrap_or_default();
                let mut header = self.header(EntryType::Regular, *mode, *size, seconds);
                // A run that sees the file could not read it either: it is not there, and no later
                // hash equals that.
                let Ok(from) = place.map(File::open).transpose() else {
                    return Ok(());
                };
                let mut content = Content {
                    from,
                    left: *size,
                    hash: self.with_hashes.then(Hash::new),
                    is_whole: true,
                };
                self.builder.append_data(&mut header, name, &mut content)?;
                *hash = content.finish();
                Ok(())
            }
        }
    }

    /// Writes the manifest and the end.
    pub(crate) fn finish(mut self, manifest: &Manifest) -> io::Result<W> {
        self.text("manifest", manifest.text().as_bytes())?;
        self.text("end", b"")?;
        self.builder.into_inner()
    }

    fn text(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::Regular, 0o644, text.len() as u64, 0);
        self.builder.append_data(&mut header, name, text)
    }

    fn header(&self, kind: EntryType, mode: u32, size: u64, modified: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(modified);
        header.set_uid(self.owner.0.into());
        header.set_gid(self.owner.1.into());
        header
    }
}

/// Where an archive has what the caller has at `place`; a mount point that has no place is named by
/// its key.
fn name(key: &[u8], place: Option<&Path>) -> PathBuf {
    match place {
        Some(place) => part(place),
        None => Path::new("tree").join(&*String::from_utf8_lossy(key)),
    }
}

/// Exactly as many bytes of a file as its header says.
struct Content {
    from: Option<File>,
    left: u64,
    hash: Option<Hash>,
    is_whole: bool,
}

impl Content {
    fn finish(mut self) -> String {
        let more = self.from.as_mut().map(|from| from.read(&mut [0]));
        let is_same = self.is_whole && !matches!(more, Some(Ok(1)));
        let hash = self.hash.filter(|_| is_same);
        hash.map_or_else(String::new, |hash| hex(&hash.finalize()))
    }
}

impl Read for Content {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        if most == 0 {
            return Ok(0);
        }
        let read = match &mut self.from {
            Some(from) => from.read(&mut bytes[..most]).unwrap_or_default(),
            None => 0,
        };
        let read = match read {
            0 => {
                self.is_whole = false;
                bytes[..most].fill(0);
                most
            }
            read => read,
        };
        if let Some(hash) = &mut self.hash {
            hash.update(&bytes[..read]);
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// Reads an archive that hostile programs may have written, and writes those of its files that are
/// `wanted` into `to`, by the name that each has in the archive. Anything else is refused: another
/// name, a name twice, a link, a device, a longer file than was announced. Returns the hash of each
/// file that was written, by where it went.
pub(crate) fn unpack(
    from: impl Read,
    to: &Dir,
    mut wanted: BTreeMap<PathBuf, Wanted>,
    progress: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<BTreeMap<PathBuf, String>> {
    let mut archive = tar::Archive::new(from);
    let broken = |source: io::Error| {
        Error::new(
            ErrorKind::Unreachable,
            "what the engine sends ends early or cannot be read",
        )
        .with_help("run it again: what was built is kept on the engine's machine")
        .with_source(source)
    };
    let (mut bytes, mut received) = (0, BTreeMap::new());
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.into_owned();
        let refused = |why: &str| {
            let name = name.display();
            Error::new(
                ErrorKind::Untrusted,
                format!("`{name}` from the engine is not read: {why}"),
            )
            .with_help(
                "something that ran in the environment changed it meanwhile: look for it in the project's own \
                 code and in its dependencies",
            )
        };
        let plain = name.strip_prefix(".").unwrap_or(&name);
        let Some(found) = wanted.remove(plain) else {
            return Err(refused("nobody asked for it, or it comes twice"));
        };
        if entry.header().entry_type() != EntryType::Regular {
            return Err(refused("it is not a regular file"));
        }
        let size = entry.size();
        if size > limits::ARTIFACT || size > found.size {
            return Err(refused("it is longer than was announced"));
        }
        let mode = entry.header().mode().map_err(broken)?;
        let modified = entry.header().mtime().map_err(broken)?;
        let mut content = Hashed {
            from: &mut entry,
            hash: Hash::new(),
        };
        to.receive(&mut content, size, &found.to, mode, modified)?;
        received.insert(found.to, hex(&content.hash.finalize()));
        bytes += size;
        progress(bytes)?;
    }
    match wanted.into_keys().next() {
        Some(missing) => Err(Error::new(
            ErrorKind::Unreachable,
            format!("the engine did not send `{}`", missing.display()),
        )
        .with_help("run it again: what was built is kept on the engine's machine")),
        None => Ok(received),
    }
}

/// What is read, and its hash.
struct Hashed<'a> {
    from: &'a mut dyn Read,
    hash: Hash,
}

impl Read for Hashed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.hash.update(&bytes[..read]);
        Ok(read)
    }
}

/// A file that is wanted from an archive.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Its greatest size.
    pub(crate) size: u64,
    /// Where it goes, in the directory that files are written into.
    pub(crate) to: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::FileFacts;

    /// An archive with one entry, whose name is written as it is.
    fn archive(name: &str, kind: EntryType, bytes: &[u8], announced: u64) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o4777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(7);
        header.set_size(announced);
        header.set_cksum();
        let mut archive = header.as_bytes().to_vec();
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
        archive
    }

    fn wanted(size: u64) -> BTreeMap<PathBuf, Wanted> {
        let to = PathBuf::from("debug/app");
        BTreeMap::from([("w/app".into(), Wanted { size, to })])
    }

    fn unpacked(bytes: &[u8], dir: &Path) -> Result<BTreeMap<PathBuf, String>> {
        let to = Dir::open(dir).unwrap();
        unpack(bytes, &to, wanted(4), &mut |_| Ok(()))
    }

    #[test]
    fn a_wanted_file_arrives_without_anybodys_rights() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = archive("./w/app", EntryType::Regular, b"made", 4);
        bytes.resize(bytes.len() + 1024, 0);
        let received = unpacked(&bytes, dir.path()).unwrap();
        assert_eq!(received[Path::new("debug/app")], hex(&Hash::hash(b"made")));
        let made = dir.path().join("debug/app");
        assert_eq!(fs::read(&made).unwrap(), b"made");
        let facts = FileFacts::of(&fs::metadata(&made).unwrap());
        assert_eq!(facts.mode & 0o7777, 0o755);
    }

    #[test]
    fn a_hostile_archive_writes_nothing_else() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("target");
        fs::create_dir(&dir).unwrap();
        let twice = [
            archive("w/app", EntryType::Regular, b"made", 4),
            archive("w/app", EntryType::Regular, b"evil", 4),
        ];
        let hostile = [
            archive("/etc/passwd", EntryType::Regular, b"evil", 4),
            archive("../outside", EntryType::Regular, b"evil", 4),
            archive("w/../w/app", EntryType::Regular, b"evil", 4),
            archive("w/app/../../x", EntryType::Regular, b"evil", 4),
            archive("w/other", EntryType::Regular, b"evil", 4),
            archive("w/app", EntryType::Symlink, b"", 0),
            archive("w/app", EntryType::Link, b"", 0),
            archive("w/app", EntryType::Char, b"", 0),
            archive("w/app", EntryType::Fifo, b"", 0),
            archive("w/app", EntryType::Directory, b"", 0),
            archive("w/app", EntryType::Regular, b"evil!", 5),
            archive("w/app", EntryType::Regular, b"evil", 1 << 40),
            archive("w/app", EntryType::Regular, b"", 4)[..512].to_vec(),
            b"no archive at all".to_vec(),
            Vec::new(),
            twice.concat(),
        ];
        for (n, bytes) in hostile.iter().enumerate() {
            unpacked(bytes, &dir).expect_err(&format!("archive {n}"));
        }
        let names = |dir: &Path| fs::read_dir(dir).unwrap().count();
        assert_eq!(names(outer.path()), 1);
        assert_eq!(
            fs::read(dir.join("debug/app")).unwrap(),
            b"made",
            "the first of two"
        );
        assert_eq!(names(&dir.join("debug")), 1);
    }

    #[test]
    fn a_file_that_changes_while_it_is_sent_is_sent_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "four").unwrap();
        for (size, known) in [(4, true), (3, false), (9, false)] {
            let mut writer = Writer::new(Vec::new(), (0, 0), true);
            let mut entry = Entry::File {
                size,
                modified: 0,
                mode: 0o644,
                hash: String::new(),
            };
            writer.entry(b"f", &mut entry, Some(&path)).unwrap();
            let Entry::File { hash, .. } = entry else {
                panic!()
            };
            assert_eq!(!hash.is_empty(), known, "{size}");
        }
    }
}
