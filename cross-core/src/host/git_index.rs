//! Git's index, the list of the files that it knows, with those marked that are not there on
//! purpose.
//!
//! Git calls a checkout changed if a file of the index is missing, unless the entry has the mark of
//! a sparse checkout. Source: git's documentation of the index format, versions 2 to 4.

/// The limit for the size of an index.
pub(crate) const LIMIT: u64 = 256 << 20;

const MAGIC: &[u8] = b"DIRC";

/// The length of the fields before the object's name, and of the flags after it.
const FIELDS: usize = 40;
const FLAGS: usize = 2;
/// In the flags: there are more flags. In those: the file is not in the working tree.
const EXTENDED: u16 = 0x4000;
const SKIP_WORKTREE: u16 = 0x4000;

/// Extensions that speed git up and that hold offsets or names of the machine.
const DROPPED: [&[u8]; 4] = [b"EOIE", b"IEOT", b"FSMN", b"UNTR"];

/// Returns the index with a mark on every file for which `is_there` is false. `hash` is the length
/// of an object's name: 20 or 32. `None` if the index is of a kind that is not known here.
pub(crate) fn marked(
    index: &[u8],
    hash: usize,
    is_there: impl Fn(&[u8]) -> bool,
) -> Option<Vec<u8>> {
    let mut index = Index::read(index, hash)?;
    let mut out = MAGIC.to_vec();
    out.extend(index.version.max(3).to_be_bytes());
    out.extend(index.count.to_be_bytes());
    for _ in 0..index.count {
        let start = out.len();
        let mut entry = index.entry()?;
        if !is_there(&index.name) {
            entry.more |= SKIP_WORKTREE;
        }
        let flags = match entry.more {
            0 => entry.flags & !EXTENDED,
            _ => entry.flags | EXTENDED,
        };
        out.extend(entry.fields);
        out.extend(flags.to_be_bytes());
        if entry.more != 0 {
            out.extend(entry.more.to_be_bytes());
        }
        out.extend(entry.written_name);
        if index.is_padded() {
            let written = out.len() - start;
            out.resize(start + written.next_multiple_of(8), 0);
        }
    }
    let mut rest = index.rest;
    while rest.0.len() > hash {
        let name = rest.take(4)?;
        let size = rest.u32()?;
        let data = rest.take(size as usize)?;
        if name[0].is_ascii_lowercase() {
            // Another file or entries of another kind belong to it.
            return None;
        }
        if !DROPPED.contains(&name) {
            out.extend(name);
            out.extend(size.to_be_bytes());
            out.extend(data);
        }
    }
    // Git takes zeros for a checksum that was left out (`index.skipHash`).
    out.resize(out.len() + hash, 0);
    Some(out)
}

/// The names in an index that end with `end`: those before the first that is not known here.
pub(crate) fn named(index: &[u8], hash: usize, end: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let Some(mut index) = Index::read(index, hash) else {
        return names;
    };
    for _ in 0..index.count {
        if index.entry().is_none() {
            break;
        }
        if index.name.ends_with(end) {
            names.push(String::from_utf8_lossy(&index.name).into_owned());
        }
    }
    names
}

/// An index that is read entry by entry.
struct Index<'a> {
    version: u32,
    count: u32,
    /// The length of an object's name.
    hash: usize,
    /// What was not read yet.
    rest: Reader<'a>,
    /// The name of the last entry.
    name: Vec<u8>,
}

/// An entry without its name.
struct Entry<'a> {
    /// Everything before the flags.
    fields: &'a [u8],
    flags: u16,
    /// More flags, 0 if it has none.
    more: u16,
    /// The name as it is written, with the zero after it.
    written_name: &'a [u8],
}

impl<'a> Index<'a> {
    /// `None` if it is of a kind that is not known here.
    fn read(index: &'a [u8], hash: usize) -> Option<Self> {
        let mut rest = Reader(index);
        let magic = rest.take(MAGIC.len())?;
        let (version, count) = (rest.u32()?, rest.u32()?);
        let is_known = magic == MAGIC && (2..=4).contains(&version);
        is_known.then(|| Index {
            version,
            count,
            hash,
            rest,
            name: Vec::new(),
        })
    }

    /// Whether entries end with one to eight zeros, up to a length that eight divides.
    fn is_padded(&self) -> bool {
        self.version < 4
    }

    /// Reads the next entry and its name.
    fn entry(&mut self) -> Option<Entry<'a>> {
        let start = self.rest.0.len();
        let fields = self.rest.take(FIELDS + self.hash)?;
        let flags = self.rest.u16()?;
        let more = match flags & EXTENDED {
            0 => 0,
            _ => self.rest.u16()?,
        };
        let before = self.rest.0;
        let kept = match self.is_padded() {
            true => 0,
            false => self.name.len().checked_sub(self.rest.offset()?)?,
        };
        self.name.truncate(kept);
        self.name.extend(self.rest.until_nul()?);
        let written_name = &before[..before.len() - self.rest.0.len()];
        if self.is_padded() {
            // Of the zeros, one was read.
            let read = start - self.rest.0.len();
            self.rest.take(read.next_multiple_of(8) - read)?;
        }
        Some(Entry {
            fields,
            flags,
            more,
            written_name,
        })
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.0.get(..length)?;
        self.0 = &self.0[length..];
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(FLAGS)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A number in git's encoding of offsets.
    fn offset(&mut self) -> Option<usize> {
        let mut byte = self.take(1)?[0];
        let mut number = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            number = number.checked_add(1)?.checked_mul(128)? + usize::from(byte & 0x7f);
        }
        Some(number)
    }

    /// What precedes the next zero, which is read too.
    fn until_nul(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index of version 2 with these files.
    fn index(names: &[&str]) -> Vec<u8> {
        let mut index = b"DIRC\0\0\0\x02".to_vec();
        index.extend(u32::try_from(names.len()).unwrap().to_be_bytes());
        for name in names {
            let start = index.len();
            index.extend([7; FIELDS + 20]);
            index.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            index.extend(name.as_bytes());
            index.push(0);
            let length = (index.len() - start).next_multiple_of(8);
            index.resize(start + length, 0);
        }
        index.extend(b"TREE\0\0\0\x03abcEOIE\0\0\0\x01x");
        index.extend([9; 20]);
        index
    }

    #[test]
    fn files_that_are_not_there_have_a_mark() {
        let names = ["a", "b/cdefghijk", "b/x"];
        let of = index(&names);
        let marked_index = marked(&of, 20, |name| name.starts_with(b"b/")).unwrap();
        assert!(marked_index.windows(4).any(|part| part == b"TREE"));
        assert!(!marked_index.windows(4).any(|part| part == b"EOIE"));
        // Read again, it has the same files, and the marks are kept.
        let seen = std::cell::RefCell::new(Vec::new());
        let again = marked(&marked_index, 20, |name| {
            seen.borrow_mut()
                .push(String::from_utf8(name.to_vec()).unwrap());
            true
        });
        assert_eq!(again.unwrap(), marked_index);
        assert_eq!(seen.into_inner(), names);
        // One entry grew by eight bytes, and an extension of nine is gone.
        assert_eq!(marked_index.len() + 9, of.len() + 8);
    }

    #[test]
    fn files_are_found_by_the_ends_of_their_names() {
        let of = index(&["a/.gitattributes", "a/b", "c/.gitattributes"]);
        let names = named(&of, 20, b"/.gitattributes");
        assert_eq!(names, ["a/.gitattributes", "c/.gitattributes"]);
        assert!(named(b"DIRC", 20, b"").is_empty());
    }

    #[test]
    fn what_is_no_index_that_is_known_is_none() {
        let all = |_: &[u8]| true;
        let mut linked = index(&["a"]);
        let at = linked.windows(4).position(|part| part == b"TREE").unwrap();
        linked[at..at + 4].copy_from_slice(b"link");
        assert_eq!(marked(&linked, 20, all), None);
        let whole = index(&["a", "b"]);
        for length in 0..whole.len() - 40 {
            assert_eq!(marked(&whole[..length], 20, all), None, "{length}");
        }
    }
}
