//! Walks the members of an archive: a static library.
//!
//! Only the headers of members are read here, each once. An archive that the inside wrote costs no
//! more than they do, whatever it says of itself.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

/// The first bytes of an archive.
const MAGIC: &[u8; 8] = b"!<arch>\n";
/// The length of a member's header, and where it has the name, the size and its own end.
const HEADER: usize = 60;
const NAME: std::ops::Range<usize> = 0..16;
const SIZE: std::ops::Range<usize> = 48..58;
const END: std::ops::Range<usize> = 58..60;
/// The longest name that is read. rustc's have some 100 bytes.
const LONGEST_NAME: u64 = 1 << 10;
/// The most members that are looked at. The largest programs have some 100 000 objects.
const MOST: usize = 1 << 20;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The name, where it is in the member itself.
    pub(crate) name: Option<String>,
    /// Where its content begins in the file, and how long that is.
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Member {
    /// Whether it is a table of the archive's own: of symbols, or of names.
    pub(crate) fn is_table(&self) -> bool {
        let name = self.name.as_deref().unwrap_or_default();
        name.starts_with("__.SYMDEF") || matches!(name, "/" | "//" | "/SYM64/")
    }
}

/// The members of an archive, in their order. It ends after an error.
#[derive(Debug)]
pub(crate) struct Members<'f> {
    file: &'f File,
    at: u64,
    end: u64,
    left: usize,
}

impl<'f> Members<'f> {
    /// Those of the archive that `file` has at `offset` and that is `size` long. `None` if it is no
    /// archive.
    pub(crate) fn of(file: &'f File, offset: u64, size: u64) -> Option<Self> {
        let mut magic = [0; MAGIC.len()];
        read_at(file, offset, &mut magic).ok()?;
        let start = offset.checked_add(MAGIC.len() as u64)?;
        (magic == *MAGIC).then_some(Members {
            file,
            at: start,
            end: offset.checked_add(size)?,
            left: MOST,
        })
    }

    fn read(&mut self) -> Result<Member, String> {
        self.left = self.left.checked_sub(1).ok_or("it has too many members")?;
        let mut header = [0; HEADER];
        read_at(self.file, self.at, &mut header).map_err(|why| why.to_string())?;
        let size = number(&header[SIZE]).filter(|_| header[END] == *b"`\n");
        let mut size = size.ok_or("the header of a member is malformed")?;
        let mut offset = self.at.saturating_add(HEADER as u64);
        let end = offset.saturating_add(size);
        if end > self.end {
            return Err("it ends within a member".to_owned());
        }
        let name = text(&header[NAME]);
        // BSD's archives have long names in front of the content.
        let name = match name.strip_prefix("#1/") {
            Some(length) => {
                let length = number(length.as_bytes()).filter(|length| *length <= size);
                let length = length.ok_or("the name of a member is malformed")?;
                let at = offset;
                offset += length;
                size -= length;
                self.name(at, length)?
            }
            // GNU's are in a table.
            None => Some(name).filter(|name| !is_index(name)),
        };
        // Members begin at even places.
        self.at = end.saturating_add(end % 2);
        Ok(Member { name, offset, size })
    }

    /// The name of `length` bytes at `at`. `None` if it is too long to be shown.
    fn name(&self, at: u64, length: u64) -> Result<Option<String>, String> {
        let length = match usize::try_from(length) {
            Ok(short) if length <= LONGEST_NAME => short,
            _ => return Ok(None),
        };
        let mut name = vec![0; length];
        read_at(self.file, at, &mut name).map_err(|why| why.to_string())?;
        Ok(Some(text(&name)))
    }
}

impl Iterator for Members<'_> {
    type Item = Result<Member, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.at = self.end;
        }
        Some(read)
    }
}

fn read_at(mut file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

/// The text in a field, which is filled up with spaces or zeros. GNU's ends with a slash.
fn text(field: &[u8]) -> String {
    let field = String::from_utf8_lossy(field);
    let name = field.trim_end_matches(['\0', ' ']);
    match name {
        "/" | "//" | "/SYM64/" => name.to_owned(),
        _ => name.strip_suffix('/').unwrap_or(name).to_owned(),
    }
}

/// The decimal number in a field.
fn number(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Whether the name is a place in GNU's table of names.
fn is_index(name: &str) -> bool {
    name.strip_prefix('/')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write as _;

    use super::*;

    /// An archive with these members, whose names are written as BSD's tools do.
    pub(crate) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (name, content) in members {
            let (length, size) = (name.len(), name.len() + content.len());
            writeln!(bytes, "{:<16}{:<32}{size:<10}`", format!("#1/{length}"), 0).unwrap();
            bytes.extend(name.as_bytes());
            bytes.extend(*content);
            bytes.extend(vec![b'\n'; bytes.len() % 2]);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Result<Vec<Member>, String>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Some(Members::of(&file, 0, bytes.len() as u64)?.collect())
    }

    #[test]
    fn members_have_their_names_and_places() {
        let bytes = archive(&[("__.SYMDEF SORTED", b"table"), ("long name.o", b"object")]);
        let members = read(&bytes).unwrap().unwrap();
        let [table, object] = &members[..] else {
            panic!("{members:?}");
        };
        assert!(table.is_table() && !object.is_table());
        assert_eq!(object.name.as_deref(), Some("long name.o"));
        let place = usize::try_from(object.offset).unwrap();
        assert_eq!(&bytes[place..place + 6], b"object");
        assert_eq!(object.size, 6);
    }

    #[test]
    fn names_of_gnus_tools_are_read_where_they_are_in_the_member() {
        let mut bytes = MAGIC.to_vec();
        for name in ["//", "/17", "a.o/"] {
            writeln!(bytes, "{name:<16}{:<32}{:<10}`", 0, 2).unwrap();
            bytes.extend(b"xx");
        }
        let members = read(&bytes).unwrap().unwrap();
        let names: Vec<_> = members.iter().map(|it| it.name.as_deref()).collect();
        assert_eq!(names, [Some("//"), None, Some("a.o")]);
    }

    #[test]
    fn what_is_cut_off_or_malformed_is_an_error_and_never_a_panic() {
        let bytes = archive(&[("a.o", b"objects"), ("b.o", b"objects")]);
        let whole = read(&bytes).unwrap().unwrap().len();
        for end in 0..bytes.len() {
            match read(&bytes[..end]) {
                None => assert!(end < MAGIC.len(), "{end}"),
                Some(Ok(members)) => assert!(members.len() < whole, "{end}"),
                Some(Err(_)) => {}
            }
        }
        for (at, text) in [(48, "99999999"), (48, "-1"), (0, "#1/99"), (58, "xx")] {
            let mut bad = bytes.clone();
            bad[8 + at..8 + at + text.len()].copy_from_slice(text.as_bytes());
            assert!(read(&bad).unwrap().is_err(), "{at} {text}");
        }
        assert!(read(b"!<thin>\n").is_none());
    }
}
