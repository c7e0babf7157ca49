//! The first difference of two archives: which file, and where in it.

use std::fmt;
use std::io::{Cursor, Read as _};
use std::ops::Range;

use crate::archive::Kind;
use crate::elf_sections;
use crate::failure::Failure;

/// The first difference of two archives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Only one of the archives has this file.
    OneHas(String),
    /// The mode or the time of this file differs: what it is in both.
    Header { file: String, values: [String; 2] },
    /// The content of this file differs.
    Content {
        file: String,
        /// The first byte that differs.
        offset: usize,
        /// The section of an ELF file that has this byte.
        section: Option<String>,
        /// The text around it in both.
        around: [String; 2],
    },
    /// The files, which are no archives that are read here, differ.
    Bytes {
        /// The first byte that differs.
        offset: usize,
    },
    /// All files are equal, and the archives were packed differently.
    Packing {
        /// The first byte that differs.
        offset: usize,
    },
}

/// A file of an archive.
struct File {
    name: String,
    header: String,
    bytes: Vec<u8>,
}

/// The first difference of two archives of one `kind`; `None` if they are equal.
pub(crate) fn first(
    kind: Option<Kind>,
    archives: [&[u8]; 2],
) -> Result<Option<Difference>, Failure> {
    let Some(offset) = position(archives[0], archives[1]) else {
        return Ok(None);
    };
    let Some(kind) = kind else {
        return Ok(Some(Difference::Bytes { offset }));
    };
    let unreadable = |error| Failure::new(format!("an archive cannot be read: {error}"));
    let [first, second] = archives.map(|bytes| files(kind, bytes).map_err(unreadable));
    let (first, second) = (first?, second?);
    for (one, other) in first.iter().zip(&second) {
        if one.name != other.name {
            return Ok(Some(Difference::OneHas(one.name.clone())));
        }
        let file = one.name.clone();
        if let Some(offset) = telling_position(&one.bytes, &other.bytes) {
            return Ok(Some(Difference::Content {
                file,
                offset,
                section: elf_sections::at(&one.bytes, offset),
                around: [&one.bytes, &other.bytes].map(|bytes| around(bytes, offset)),
            }));
        }
        if one.header != other.header {
            let values = [one.header.clone(), other.header.clone()];
            return Ok(Some(Difference::Header { file, values }));
        }
    }
    let shared = first.len().min(second.len());
    let more = first.get(shared).or(second.get(shared));
    Ok(Some(match more {
        Some(file) => Difference::OneHas(file.name.clone()),
        None => Difference::Packing { offset },
    }))
}

/// The first byte that differs; the length of the shorter one if it begins the other.
fn position(one: &[u8], other: &[u8]) -> Option<usize> {
    let differs = one.iter().zip(other).position(|(a, b)| a != b);
    differs.or((one.len() != other.len()).then_some(one.len().min(other.len())))
}

/// The first byte that differs and says why: outside of what is a hash or the time of the whole file.
/// If nothing else differs, the first byte there.
fn telling_position(one: &[u8], other: &[u8]) -> Option<usize> {
    let passed_over = about_the_whole(one);
    let pairs = one.iter().zip(other).enumerate();
    let mut differ = pairs.filter(|(_, (a, b))| a != b).map(|(at, _)| at);
    let telling = differ.find(|at| !passed_over.iter().any(|part| part.contains(at)));
    telling.or_else(|| position(one, other))
}

/// Where a program has what the linker computes from everything else: the build ID of an ELF file,
/// and the time and the checksum in the header of a PE file.
fn about_the_whole(program: &[u8]) -> Vec<Range<usize>> {
    let of_pe = || {
        let header = program.get(0x3c..0x40)?.try_into().ok()?;
        let header = usize::try_from(u32::from_le_bytes(header)).ok()?;
        let is_pe = program.starts_with(b"MZ") && program.get(header..)?.starts_with(b"PE\0\0");
        is_pe.then(|| [header + 8..header + 12, header + 88..header + 92])
    };
    let of_elf = elf_sections::range(program, ".note.gnu.build-id");
    of_elf
        .into_iter()
        .chain(of_pe().into_iter().flatten())
        .collect()
}

fn files(kind: Kind, bytes: &[u8]) -> std::io::Result<Vec<File>> {
    let mut files = Vec::new();
    match kind {
        Kind::TarGz => {
            let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
            for entry in tar.entries()? {
                let mut entry = entry?;
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                let header = entry.header();
                files.push(File {
                    name: entry.path()?.display().to_string(),
                    header: format!(
                        "mode {:o}, owner {}:{}, time {}",
                        header.mode()?,
                        header.uid()?,
                        header.gid()?,
                        header.mtime()?
                    ),
                    bytes,
                });
            }
        }
        Kind::Zip => {
            let mut zip = zip::ZipArchive::new(Cursor::new(bytes))?;
            for index in 0..zip.len() {
                let mut entry = zip.by_index(index)?;
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                files.push(File {
                    name: entry.name().to_owned(),
                    header: format!(
                        "mode {:o}, time {:?}",
                        entry.unix_mode().unwrap_or_default(),
                        entry.last_modified()
                    ),
                    bytes,
                });
            }
        }
    }
    Ok(files)
}

/// What is printed of the bytes around a difference, on each side.
const AROUND: usize = 32;

fn around(bytes: &[u8], offset: usize) -> String {
    let offset = offset.min(bytes.len());
    let end = (offset + AROUND).min(bytes.len());
    let part = &bytes[offset.saturating_sub(AROUND)..end];
    part.escape_ascii().to_string()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::OneHas(file) => write!(f, "only one of them has `{file}`"),
            Difference::Header { file, values } => {
                write!(
                    f,
                    "`{file}` has {} here, and {} there",
                    values[0], values[1]
                )
            }
            Difference::Content {
                file,
                offset,
                section,
                around,
            } => {
                write!(f, "`{file}` differs at byte {offset}")?;
                if let Some(section) = section {
                    write!(f, ", in section {section}")?;
                }
                write!(f, ":\n  here:  {}\n  there: {}", around[0], around[1])
            }
            Difference::Bytes { offset } => write!(f, "the first difference is at byte {offset}"),
            Difference::Packing { offset } => write!(
                f,
                "all files are equal, and the archives differ at byte {offset}: they were packed differently"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Member;

    fn packed(kind: Kind, members: &[(&str, &str, bool)], time: u64) -> Vec<u8> {
        let members: Vec<_> = members
            .iter()
            .map(|(name, text, executable)| Member {
                name: (*name).to_owned(),
                bytes: text.as_bytes().to_vec(),
                executable: *executable,
            })
            .collect();
        kind.pack("top", &members, time).unwrap()
    }

    #[test]
    fn equal_archives_have_no_difference() {
        for kind in [Kind::TarGz, Kind::Zip] {
            let one = packed(kind, &[("a", "x", true)], 1);
            assert_eq!(first(Some(kind), [&one, &one.clone()]).unwrap(), None);
        }
    }

    #[test]
    fn the_first_file_that_differs_is_named_with_the_place() {
        for kind in [Kind::TarGz, Kind::Zip] {
            let one = packed(
                kind,
                &[("a", "same", true), ("b", "built in /a/b", false)],
                1,
            );
            let other = packed(
                kind,
                &[("a", "same", true), ("b", "built in /c/d", false)],
                1,
            );
            let difference = first(Some(kind), [&one, &other]).unwrap().unwrap();
            assert_eq!(
                difference.to_string(),
                "`top/b` differs at byte 10:\n  here:  built in /a/b\n  there: built in /c/d"
            );
        }
    }

    #[test]
    fn a_missing_file_another_time_and_another_mode_are_told() {
        let kind = Kind::TarGz;
        let one = packed(kind, &[("a", "x", true)], 1);
        let say = |other: &[u8]| {
            first(Some(kind), [&one, other])
                .unwrap()
                .unwrap()
                .to_string()
        };
        let more = packed(kind, &[("a", "x", true), ("b", "", false)], 1);
        assert_eq!(say(&more), "only one of them has `top/b`");
        let later = packed(kind, &[("a", "x", true)], 2);
        assert_eq!(
            say(&later),
            "`top/a` has mode 755, owner 0:0, time 1 here, and mode 755, owner 0:0, time 2 there"
        );
        let plain = packed(kind, &[("a", "x", false)], 1);
        assert!(say(&plain).contains("mode 755") && say(&plain).contains("mode 644"));
    }

    /// With gcc, the build ID of a program comes first, and says nothing.
    #[test]
    fn a_hash_of_the_whole_program_is_told_only_if_nothing_else_differs() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let text = b"a_text_that_only_this_test_has_too";
        let at_text = program.windows(text.len()).position(|part| part == text);
        let at_text = at_text.unwrap();
        if let Some(id) = elf_sections::range(&program, ".note.gnu.build-id") {
            let at_id = id.end - 1;
            let mut other = program.clone();
            other[at_id] ^= 1;
            assert_eq!(telling_position(&program, &other), Some(at_id));
            other[at_text] ^= 1;
            assert_eq!(telling_position(&program, &other), Some(at_text));
        }
        assert_eq!(telling_position(&program, &program), None);
        let longer = [&program[..], b"x"].concat();
        assert_eq!(telling_position(&program, &longer), Some(program.len()));

        let mut pe = vec![0; 512];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        pe[0x80..0x84].copy_from_slice(b"PE\0\0");
        let mut other = pe.clone();
        other[0x88] = 1;
        assert_eq!(telling_position(&pe, &other), Some(0x88));
        other[400] = 1;
        assert_eq!(telling_position(&pe, &other), Some(400));
        for cut in [0, 2, 0x3d, 0x81] {
            assert!(about_the_whole(&pe[..cut]).is_empty());
        }
    }

    #[test]
    fn archives_that_were_packed_differently_are_told_from_others() {
        let one = packed(Kind::TarGz, &[("a", "x", true)], 1);
        let mut other = one.clone();
        // The operating system in the header of gzip.
        other[9] = 3;
        let difference = first(Some(Kind::TarGz), [&one, &other]).unwrap();
        assert_eq!(difference, Some(Difference::Packing { offset: 9 }));
    }

    #[test]
    fn an_archive_that_is_cut_is_an_error() {
        let one = packed(Kind::TarGz, &[("a", "x", true)], 1);
        assert!(first(Some(Kind::TarGz), [&one, &one[..20]]).is_err());
        let other = first(None, [b"!<arch>", b"!<arcH>"]).unwrap();
        assert_eq!(other, Some(Difference::Bytes { offset: 5 }));
    }
}
