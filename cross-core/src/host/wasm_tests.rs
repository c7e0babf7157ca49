//! Reads which tests a test binary of WebAssembly has for libtest's harness.
//!
//! Where wasm-bindgen's test runner starts the tests, that harness never runs, and nobody can ask
//! it. Its list is in the binary: rustc's `main` calls libtest with the place and the length of an
//! array, whose elements point to the descriptions of the tests.

use std::collections::BTreeSet;
use std::fs::File;

use cross_engine::process::untrusted::{Room, limits};
use object::{ReadCache, ReadRef};

use crate::host::binary::Bounded;

/// The tests for libtest's harness.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LibtestTests {
    /// How many there are.
    pub(crate) count: usize,
    /// Their names: all of them, or none if their descriptions have an unknown layout.
    pub(crate) names: Vec<String>,
}

/// The most tests of one binary that are counted, and the most that wasm-bindgen-test exports. Each
/// of the ones is compared with each of the others.
const TESTS: u32 = 10_000;
/// The most parts of the initial memory that are read. Compilers make a handful.
const SEGMENTS: usize = 64;
/// The longest name of a test.
const NAME: u32 = 4096;
/// The words of a description that may be those of its name. It has some twenty.
const WORDS: u32 = 32;
/// What starts the name of a function that wasm-bindgen-test exports for each of its tests.
const EXPORTED: &str = "__wbgt_";
/// The functions of libtest that rustc's `main` calls: a part of their names, mangled or not.
const ENTRIES: [&str; 4] = [
    "4test16test_main_static",
    "4test22test_main_static_abort",
    "test::test_main_static::",
    "test::test_main_static_abort::",
];

/// Reads the tests of a binary that wasm-bindgen-test does not export as well. `None` if it does not
/// say whether it has any: it has no names of functions, or no call of libtest, which may be inlined.
pub(crate) fn read(file: &File) -> Result<Option<LibtestTests>, String> {
    let cache = ReadCache::new(file);
    parse(Bounded(&cache)).ok_or_else(|| "it is no WebAssembly, or is too large".to_owned())
}

pub(crate) fn parse<'data, R: ReadRef<'data>>(data: R) -> Option<Option<LibtestTests>> {
    let sections = Sections::parse(data)?;
    let imported = sections.imports.map_or(Some(0), imported_functions)?;
    let entries = sections.names.map_or(Some(BTreeSet::new()), entries)?;
    let Some((at, count)) = sections
        .code
        .and_then(|code| call(code, imported, &entries))
    else {
        return Some(None);
    };
    let count = count.min(TESTS);
    let memory = sections.data.map_or(Some(Vec::new()), segments)?;
    let names = names(&Memory(&memory), at, count);
    let exported = sections.exports.map_or(Some(Vec::new()), exports)?;
    let is_exported = |name: &String| exported.iter().any(|export| is_of(export, name));
    let (shared, names): (Vec<_>, Vec<_>) = names.into_iter().partition(is_exported);
    Some(Some(LibtestTests {
        count: count as usize - shared.len(),
        names,
    }))
}

/// The contents of the sections that are read.
#[derive(Default)]
struct Sections<'d> {
    imports: Option<&'d [u8]>,
    exports: Option<&'d [u8]>,
    code: Option<&'d [u8]>,
    data: Option<&'d [u8]>,
    /// The names of the functions.
    names: Option<&'d [u8]>,
}

impl<'d> Sections<'d> {
    fn parse<R: ReadRef<'d>>(file: R) -> Option<Self> {
        let end = file.len().ok()?;
        if file.read_bytes_at(0, 8).ok()? != b"\0asm\x01\0\0\0" {
            return None;
        }
        let (mut found, mut at) = (Self::default(), 8);
        while at < end {
            let head = file.read_bytes_at(at, 6.min(end - at)).ok()?;
            let (id, mut rest) = (*head.first()?, Bytes(head.get(1..)?));
            let size = u64::from(rest.number()?);
            at += (head.len() - rest.0.len()) as u64;
            let slot = match id {
                2 => Some(&mut found.imports),
                7 => Some(&mut found.exports),
                10 => Some(&mut found.code),
                11 => Some(&mut found.data),
                0 => {
                    let start = file.read_bytes_at(at, size.min(5)).ok()?;
                    (start == b"\x04name").then_some(&mut found.names)
                }
                // Others, such as debug information, may be too large to read at once.
                _ => None,
            };
            if let Some(slot) = slot {
                *slot = Some(file.read_bytes_at(at, size).ok()?);
            }
            at = at.checked_add(size)?;
        }
        Some(found)
    }
}

/// Bytes that are read from the start.
#[derive(Clone, Copy)]
struct Bytes<'d>(&'d [u8]);

impl<'d> Bytes<'d> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// An unsigned number of up to 32 bits.
    fn number(&mut self) -> Option<u32> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(value).ok();
            }
        }
        None
    }

    /// A signed number of up to 32 bits, as an address.
    fn address(&mut self) -> Option<u32> {
        let mut value = 0_i64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= i64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                let unused = 64 - (shift + 7);
                // The highest bit that is written is the sign.
                let signed = value << unused >> unused;
                let is_one = i32::try_from(signed).is_ok() || u32::try_from(signed).is_ok();
                return is_one.then(|| u32::try_from(signed & 0xffff_ffff).ok())?;
            }
        }
        None
    }

    fn take(&mut self, size: u32) -> Option<&'d [u8]> {
        let (taken, rest) = self.0.split_at_checked(size as usize)?;
        self.0 = rest;
        Some(taken)
    }

    /// A vector of bytes, such as a text.
    fn sized(&mut self) -> Option<&'d [u8]> {
        let size = self.number()?;
        self.take(size)
    }
}

/// The number of functions that are imported, which have the first numbers.
fn imported_functions(section: &[u8]) -> Option<u32> {
    let (mut bytes, mut functions) = (Bytes(section), 0);
    for _ in 0..bytes.number()? {
        bytes.sized()?;
        bytes.sized()?;
        match bytes.byte()? {
            0 => {
                bytes.number()?;
                functions += 1;
            }
            1 => {
                bytes.byte()?;
                limits_of(&mut bytes)?;
            }
            2 => limits_of(&mut bytes)?,
            3 => drop(bytes.take(2)?),
            4 => {
                bytes.byte()?;
                bytes.number()?;
            }
            _ => return None,
        }
    }
    Some(functions)
}

fn limits_of(bytes: &mut Bytes<'_>) -> Option<()> {
    let flags = bytes.byte()?;
    bytes.number()?;
    if flags & 1 != 0 {
        bytes.number()?;
    }
    Some(())
}

/// The names of what wasm-bindgen-test exports.
fn exports(section: &[u8]) -> Option<Vec<String>> {
    let (mut bytes, mut names) = (Bytes(section), Vec::new());
    let mut room = Room::new(limits::SYMBOL_NAMES);
    for _ in 0..bytes.number()? {
        let name = std::str::from_utf8(bytes.sized()?).ok()?;
        bytes.byte()?;
        bytes.number()?;
        let is_kept = |it: &&str| names.len() < TESTS as usize && room.take(it.len());
        if let Some(name) = name.strip_prefix(EXPORTED).filter(is_kept) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// Whether wasm-bindgen-test exports the test `name` as `export`: with flags, the crate and the
/// modules, or, by older versions, as the function's own name with a number.
fn is_of(export: &str, name: &str) -> bool {
    let is_path = || {
        let path = export.strip_suffix(name);
        path.is_some_and(|path| path.ends_with("::"))
    };
    let is_numbered = || {
        let (function, number) = export.rsplit_once('_').unwrap_or_default();
        let own = name.rsplit("::").next().unwrap_or(name);
        function == own && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_path() || is_numbered()
}

/// The numbers of the functions that start libtest's harness, by the section of names.
fn entries(section: &[u8]) -> Option<BTreeSet<u32>> {
    let (mut bytes, mut found) = (Bytes(section), BTreeSet::new());
    bytes.sized()?;
    while !bytes.0.is_empty() {
        let (kind, mut part) = (bytes.byte()?, Bytes(bytes.sized()?));
        if kind != 1 {
            continue;
        }
        for _ in 0..part.number()? {
            let number = part.number()?;
            let name = String::from_utf8_lossy(part.sized()?);
            if ENTRIES.iter().any(|entry| name.contains(entry)) {
                found.insert(number);
            }
        }
    }
    Some(found)
}

/// The place and the length of the array that a function gives to one of `entries`.
fn call(section: &[u8], imported: u32, entries: &BTreeSet<u32>) -> Option<(u32, u32)> {
    let mut bytes = Bytes(section);
    let functions = bytes.number()?;
    for number in 0..functions {
        let body = bytes.sized()?;
        // Libtest calls its own functions, with what it was given.
        let is_libtests = imported
            .checked_add(number)
            .is_some_and(|number| entries.contains(&number));
        if !is_libtests {
            let mut starts = (0..body.len()).map(|at| Bytes(&body[at..]));
            if let Some(found) = starts.find_map(|code| call_at(code, entries)) {
                return Some(found);
            }
        }
    }
    None
}

/// The two constants with which the code calls one of `entries`, if it starts with that.
fn call_at(mut code: Bytes<'_>, entries: &BTreeSet<u32>) -> Option<(u32, u32)> {
    const CONSTANT: u8 = 0x41;
    const CALL: u8 = 0x10;
    let mut constant = || match code.byte()? {
        CONSTANT => code.address(),
        _ => None,
    };
    let (at, count) = (constant()?, constant()?);
    match code.byte()? {
        CALL if entries.contains(&code.number()?) => Some((at, count)),
        _ => None,
    }
}

/// A part of the initial memory: its address, and what is there.
type Segment<'d> = (u32, &'d [u8]);

/// The segments whose addresses are known before the program starts.
fn segments(section: &[u8]) -> Option<Vec<Segment<'_>>> {
    let (mut bytes, mut found) = (Bytes(section), Vec::new());
    for _ in 0..bytes.number()? {
        if found.len() == SEGMENTS {
            return None;
        }
        let flags = bytes.number()?;
        if flags == 2 {
            bytes.number()?;
        }
        // A passive one has no address.
        let address = match flags {
            0 | 2 => match (bytes.byte()?, bytes.address()?, bytes.byte()?) {
                (0x41, address, 0x0b) => Some(address),
                _ => return None,
            },
            1 => None,
            _ => return None,
        };
        let content = bytes.sized()?;
        found.extend(address.map(|address| (address, content)));
    }
    Some(found)
}

struct Memory<'d>(&'d [Segment<'d>]);

impl<'d> Memory<'d> {
    fn read(&self, at: u32, size: u32) -> Option<&'d [u8]> {
        self.0.iter().find_map(|(start, content)| {
            let from = at.checked_sub(*start)? as usize;
            content.get(from..from.checked_add(size as usize)?)
        })
    }

    fn word(&self, at: u32) -> Option<u32> {
        let bytes = self.read(at, 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The text whose place and length are at `at`, if a test may have it as its name.
    fn name(&self, at: u32) -> Option<&'d str> {
        let size = self.word(at.checked_add(4)?)?;
        if size == 0 || size > NAME {
            return None;
        }
        let text = std::str::from_utf8(self.read(self.word(at)?, size)?).ok()?;
        let is_of_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '#');
        text.chars().all(is_of_path).then_some(text)
    }
}

/// The names of the tests whose descriptions the array at `at` points to.
///
/// The layout of a description is rustc's own. The same word of each is the place of its name. The
/// reason for which one is ignored, or the message with which it panics, may look like a name, and
/// not all tests have that. No two tests have the same name.
fn names(memory: &Memory<'_>, at: u32, count: u32) -> Vec<String> {
    let descriptions: Option<Vec<_>> = (0..count)
        .map(|n| memory.word(at.checked_add(n.checked_mul(4)?)?))
        .collect();
    let descriptions = descriptions.unwrap_or_default();
    for word in 0..WORDS {
        let mut room = Room::new(limits::SYMBOL_NAMES);
        let of = |description: &u32| {
            let name = memory.name(description.checked_add(4 * word)?)?;
            room.take(name.len()).then_some(name)
        };
        let all: Option<Vec<_>> = descriptions.iter().map(of).collect();
        let all = all.unwrap_or_default();
        let distinct: BTreeSet<_> = all.iter().collect();
        if !all.is_empty() && distinct.len() == all.len() {
            return all.into_iter().map(str::to_owned).collect();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A number below 8192, signed or not.
    fn number(value: u32) -> Vec<u8> {
        let [low, high, ..] = (value << 1 & 0x7f00 | value & 0x7f).to_le_bytes();
        vec![low | 0x80, high]
    }

    fn sized(bytes: &[u8]) -> Vec<u8> {
        [number(u32::try_from(bytes.len()).unwrap()), bytes.to_vec()].concat()
    }

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        [vec![id], sized(content)].concat()
    }

    /// The address of the list.
    const AT: u32 = 1000;

    /// The sections of a test binary: `main`, which is function 1, gives a list of tests with these
    /// names to function 2. wasm-bindgen-test exports `exported`.
    fn sections(names: &[&str], exported: &str) -> [Vec<u8>; 5] {
        let count = u32::try_from(names.len()).unwrap();
        let (mut list, mut descriptions, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (n, name) in (0..count).zip(names) {
            list.extend((AT + 4 * count + 16 * n).to_le_bytes());
            let text = AT + 20 * count + u32::try_from(texts.len()).unwrap();
            let length = u32::try_from(name.len()).unwrap();
            // Before the name is a reason that is the same for all.
            for word in [AT, 1, text, length] {
                descriptions.extend(word.to_le_bytes());
            }
            texts.extend(name.bytes());
        }
        let memory = [list, descriptions, texts].concat();
        let call = [
            vec![0, 0x41],
            number(AT),
            vec![0x41],
            number(count),
            vec![0x10, 2, 0x0b],
        ];
        let functions = [vec![2], sized(&call.concat()), sized(&[0, 0x0b])];
        let entry = sized(b"_ZN4test16test_main_static17h0123456789abcdefE");
        let known = [vec![1, 2], entry].concat();
        [
            section(2, &[&[1], &*sized(b"env"), &*sized(b"f"), &[0, 0]].concat()),
            section(7, &[&[1], &*sized(exported.as_bytes()), &[0, 1]].concat()),
            section(10, &functions.concat()),
            section(
                11,
                &[vec![1, 0, 0x41], number(AT), vec![0x0b], sized(&memory)].concat(),
            ),
            section(0, &[b"\x04name\x01".to_vec(), sized(&known)].concat()),
        ]
    }

    fn binary(sections: &[Vec<u8>]) -> Vec<u8> {
        [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
    }

    fn read_bytes(bytes: &[u8]) -> Result<Option<LibtestTests>, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        read(&file)
    }

    fn found(count: usize, names: &[&str]) -> Option<LibtestTests> {
        Some(LibtestTests {
            count,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        })
    }

    #[test]
    fn the_tests_that_main_gives_to_libtest_have_names() {
        let names = ["plain", "tests::deep::r#fn", "tests::shared"];
        for (exported, expected) in [
            ("__wbgt_$_app::tests::other", found(3, &names)),
            // A test with both attributes runs.
            ("__wbgt__app::tests::shared", found(2, &names[..2])),
            ("__wbgt_shared_12", found(2, &names[..2])),
            ("shared", found(3, &names)),
        ] {
            let all = binary(&sections(&names, exported));
            assert_eq!(read_bytes(&all).unwrap(), expected, "{exported}");
        }
    }

    #[test]
    fn what_a_binary_does_not_say_is_not_guessed() {
        let all = sections(&["plain"], "memory");
        assert_eq!(
            read_bytes(&binary(&all[..4])).unwrap(),
            None,
            "no names of functions"
        );
        let without_data = [&all[..3], &all[4..]].concat();
        assert_eq!(read_bytes(&binary(&without_data)).unwrap(), found(1, &[]));
        let [import, export, _, data, names] = all;
        let empty = section(10, &[vec![1], sized(&[0, 0x0b])].concat());
        let uncalled = binary(&[import, export, empty, data, names]);
        assert_eq!(read_bytes(&uncalled).unwrap(), None, "the call is inlined");
        let none = binary(&sections(&[], "memory"));
        assert_eq!(read_bytes(&none).unwrap(), found(0, &[]));
        assert!(read_bytes(b"MZ and other things").is_err());
    }

    #[test]
    fn no_bytes_of_a_hostile_binary_end_the_reader() {
        let all = binary(&sections(&["plain", "tests::other"], "__wbgt_other_1"));
        for at in 0..all.len() {
            let _ = read_bytes(&all[..at]);
            for value in [0, 0x7f, 0x80, 0xff] {
                let mut changed = all.clone();
                changed[at] = value;
                let _ = read_bytes(&changed);
            }
        }
    }
}
