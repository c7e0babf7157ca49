//! From files to the database: only what is new since the last time is read into it.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, ensure};
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use jiff::tz::Offset;
use sha2::{Digest as _, Sha256};

use crate::db::{FileState, Fingerprint, Position, Store, Update};
use crate::entries::Entries;
use crate::lines::Lines;
use crate::timestamp;

/// The name that standard input has among the files.
pub(crate) const STDIN: &str = "-";

/// The first bytes of gzip data (RFC 1952, 2.3.1).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How to read logs.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The offset from UTC of times that name none.
    pub(crate) offset: Offset,
    /// The source of entries that name none; the name of their file by default.
    pub(crate) source: Option<String>,
}

/// What was done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was new, with this many entries.
    Added(u64),
    /// Lines were added to it since it was indexed; this many entries came from them.
    Grown(u64),
    /// It is another than the one that was indexed: its entries were replaced by this many.
    Replaced(u64),
    /// It is the one that was indexed.
    Unchanged,
    /// It is no text.
    Binary,
}

/// Indexes one file.
pub(crate) fn file(store: &mut Store, path: &Path, options: &Options) -> Result<Outcome> {
    read_file(store, path, options).with_context(|| format!("cannot index {}", path.display()))
}

fn read_file(store: &mut Store, path: &Path, options: &Options) -> Result<Outcome> {
    let canonical = path.canonicalize()?;
    let key = canonical.to_str().context("its path is not UTF-8")?;
    let mut file = File::open(&canonical)?;
    let metadata = file.metadata()?;
    ensure!(
        metadata.is_file(),
        "it is not a regular file: pipe it to `logsift index -`"
    );
    let modified = modified(&metadata)?;
    let modified_ns = i64::try_from(modified.as_nanosecond())?;
    let known = store.file(key)?;
    if known.is_some_and(|known| {
        known.fingerprint.size == metadata.len() && known.fingerprint.modified_ns == modified_ns
    }) {
        return Ok(Outcome::Unchanged);
    }

    let digest = digest(&file, known.map(|known| known.fingerprint.size))?;
    let fingerprint = Fingerprint {
        size: digest.size,
        modified_ns,
        sha256: digest.whole,
    };
    let start = start(known.as_ref(), &digest);
    let position = start.position();
    file.seek(SeekFrom::Start(position.offset))?;
    // No further than what the fingerprint is of, should the file grow meanwhile.
    let rest = BufReader::new(file.take(digest.size - position.offset));
    let mut reader: Box<dyn BufRead> = match digest.gzip {
        true => Box::new(BufReader::new(MultiGzDecoder::new(rest))),
        false => Box::new(rest),
    };
    if reader.fill_buf()?.contains(&0) {
        return Ok(Outcome::Binary);
    }

    let target = Target {
        key,
        fingerprint,
        source: options.source.as_deref().unwrap_or(stem(&canonical)),
        start,
    };
    let context = timestamp::Context {
        offset: options.offset,
        latest: modified,
    };
    target.write(store, reader, &context)
}

/// Indexes standard input. There is no telling what was read before, so all of it is new.
pub(crate) fn stdin(
    store: &mut Store,
    reader: &mut dyn Read,
    now: Timestamp,
    options: &Options,
) -> Result<Outcome> {
    let before = store.file(STDIN)?;
    let context = timestamp::Context {
        offset: options.offset,
        latest: now,
    };
    let target = Target {
        key: STDIN,
        fingerprint: Fingerprint {
            size: 0,
            modified_ns: 0,
            sha256: [0; 32],
        },
        source: options.source.as_deref().unwrap_or("stdin"),
        // The line after the last entry's: that entry stays.
        start: Start::New(before.map_or(Position::START, |state| Position {
            offset: 0,
            line: state.resume.line + 1,
        })),
    };
    target
        .write(store, BufReader::new(reader), &context)
        .context("cannot index standard input")
}

/// Where to start to read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// All content is there already; only the times of the file have changed.
    Nowhere(Position),
    /// All there is to read is new.
    New(Position),
    /// At the last entry that is known: it may go on.
    Resume(Position),
    /// At the start, for content in place of what is known.
    Over,
}

impl Start {
    fn position(self) -> Position {
        match self {
            Self::Nowhere(position) | Self::New(position) | Self::Resume(position) => position,
            Self::Over => Position::START,
        }
    }
}

fn start(known: Option<&FileState>, digest: &Digest) -> Start {
    let Some(known) = known else {
        return Start::New(Position::START);
    };
    let begins_the_same = digest.prefix == Some(known.fingerprint.sha256);
    if begins_the_same && digest.size == known.fingerprint.size {
        Start::Nowhere(known.resume)
    } else if begins_the_same && !digest.gzip {
        Start::Resume(known.resume)
    } else {
        Start::Over
    }
}

/// The file to write entries to.
struct Target<'a> {
    key: &'a str,
    fingerprint: Fingerprint,
    source: &'a str,
    start: Start,
}

impl Target<'_> {
    /// Does one file in one transaction: a failure leaves it as it was.
    fn write(
        &self,
        store: &mut Store,
        reader: impl BufRead,
        context: &timestamp::Context,
    ) -> Result<Outcome> {
        let position = self.start.position();
        let mut state = FileState {
            fingerprint: self.fingerprint,
            resume: position,
        };
        let update = store.update()?;
        let id = update.put_file(self.key, &state)?;
        if let Start::Nowhere(_) = self.start {
            update.commit()?;
            return Ok(Outcome::Unchanged);
        }
        let removed = update.remove_entries(id, position.line)?;
        let lines = Lines::new(reader, position.line, position.offset);
        let mut entries = Entries::new(lines, context);
        let (count, last) = self.insert_all(&update, id, &mut entries)?;
        state.resume = last.unwrap_or(position);
        update.put_file(self.key, &state)?;
        update.commit()?;
        Ok(match self.start {
            Start::Resume(_) => Outcome::Grown(count - removed.min(count)),
            Start::Over => Outcome::Replaced(count),
            Start::New(_) | Start::Nowhere(_) => Outcome::Added(count),
        })
    }

    /// Returns how many entries there were, and where the last one starts.
    fn insert_all(
        &self,
        update: &Update<'_>,
        id: i64,
        entries: &mut Entries<'_, impl BufRead>,
    ) -> Result<(u64, Option<Position>)> {
        let mut inserter = update.inserter(id)?;
        let (mut count, mut last) = (0, None);
        while let Some(entry) = entries.next()? {
            inserter.insert(&entry, self.source)?;
            count += 1;
            last = Some(Position {
                offset: entry.offset,
                line: entry.line,
            });
        }
        Ok((count, last))
    }
}

/// What is found out by reading all of a file.
#[derive(Debug, PartialEq, Eq)]
struct Digest {
    /// In bytes.
    size: u64,
    gzip: bool,
    whole: [u8; 32],
    /// Of as many bytes as were asked for; `None` if there are fewer.
    prefix: Option<[u8; 32]>,
}

fn digest(mut file: impl Read, prefix_size: Option<u64>) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut head = Vec::new();
    file.by_ref().take(2).read_to_end(&mut head)?;
    let mut file = head.as_slice().chain(file);

    let mut size = 0;
    let mut prefix = None;
    if let Some(wanted) = prefix_size {
        size = io::copy(&mut (&mut file).take(wanted), &mut hash)?;
        prefix = (size == wanted).then(|| hash.clone().finalize().into());
    }
    size += io::copy(&mut file, &mut hash)?;
    Ok(Digest {
        size,
        gzip: head == GZIP_MAGIC,
        whole: hash.finalize().into(),
        prefix,
    })
}

fn modified(metadata: &Metadata) -> Result<Timestamp> {
    let time = metadata.modified()?;
    Timestamp::try_from(time).with_context(|| {
        let years = time
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
            / 31_556_952;
        format!("its time of modification is {years} years after 1970")
    })
}

/// `app` of `/var/log/app.log.2.gz`.
fn stem(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    name.split('.')
        .find(|part| !part.is_empty())
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(content: &[u8]) -> FileState {
        FileState {
            fingerprint: Fingerprint {
                size: content.len() as u64,
                modified_ns: 1,
                sha256: Sha256::digest(content).into(),
            },
            resume: Position { offset: 2, line: 2 },
        }
    }

    fn start_of(before: &[u8], now: &[u8]) -> Start {
        let known = known(before);
        let digest = digest(now, Some(known.fingerprint.size)).unwrap();
        start(Some(&known), &digest)
    }

    #[test]
    fn a_file_that_begins_the_same_is_resumed() {
        let resume = known(b"").resume;
        assert_eq!(start_of(b"a\nb\n", b"a\nb\n"), Start::Nowhere(resume));
        assert_eq!(start_of(b"a\nb\n", b"a\nb\nc\n"), Start::Resume(resume));
    }

    #[test]
    fn a_file_with_other_content_is_read_again() {
        assert_eq!(start_of(b"a\nb\n", b"a\n"), Start::Over);
        assert_eq!(start_of(b"a\nb\n", b"x\nb\nc\n"), Start::Over);
        assert_eq!(start_of(b"\x1f\x8b1", b"\x1f\x8b12"), Start::Over);
    }

    #[test]
    fn the_digest_is_of_all_bytes() {
        let found = digest(&b"abc"[..], Some(1)).unwrap();
        assert_eq!(found.size, 3);
        assert_eq!(found.whole, <[u8; 32]>::from(Sha256::digest(b"abc")));
        assert_eq!(found.prefix, Some(Sha256::digest(b"a").into()));
        assert_eq!(digest(&b"abc"[..], Some(4)).unwrap().prefix, None);
        assert_eq!(digest(&b""[..], None).unwrap().size, 0);
    }

    #[test]
    fn the_source_of_a_file_is_the_start_of_its_name() {
        assert_eq!(stem(Path::new("/var/log/app.log.2.gz")), "app");
        assert_eq!(stem(Path::new("/var/log/syslog")), "syslog");
        assert_eq!(stem(Path::new("/srv/.hidden.log")), "hidden");
    }
}
