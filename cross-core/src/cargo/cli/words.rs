//! Splits a command line into items: a flag with its value, a toolchain, or a positional word.

use std::ffi::{OsStr, OsString};

use super::flags::{self, Flag, Phase, Row, Takes};
use super::problem;
use crate::model::error::Result;

/// One or two words that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The words as written.
    pub(crate) words: Vec<OsString>,
    pub(crate) kind: Kind,
}

/// The kind of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A flag, or several flags in one word (`-rq`).
    Flags(Vec<GivenFlag>),
    /// `+nightly`.
    Toolchain(String),
    /// A positional word: the subcommand, a nested subcommand, a test filter.
    Word,
}

/// A flag and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenFlag {
    pub(crate) flag: Flag,
    pub(crate) value: Option<OsString>,
}

impl Item {
    /// The flags of the item; none for a toolchain or a word.
    pub(crate) fn flags(&self) -> &[GivenFlag] {
        match &self.kind {
            Kind::Flags(given) => given,
            _ => &[],
        }
    }

    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags().iter().any(|given| given.flag == flag)
    }

    fn word(word: &OsStr) -> Self {
        Item {
            words: vec![word.to_owned()],
            kind: Kind::Word,
        }
    }

    fn other(word: &OsStr) -> Self {
        Item {
            words: vec![word.to_owned()],
            kind: Kind::Flags(vec![GivenFlag {
                flag: Flag::Other,
                value: None,
            }]),
        }
    }
}

/// Reads the items of a command line in order.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    words: &'a [OsString],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(words: &'a [OsString]) -> Self {
        Reader { words, at: 0 }
    }

    /// The number of words that have been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The words that have not been read.
    pub(crate) fn rest(&self) -> &'a [OsString] {
        &self.words[self.at..]
    }

    /// Returns the next word without reading it.
    pub(crate) fn peek(&self) -> Option<&'a OsStr> {
        self.words.get(self.at).map(OsString::as_os_str)
    }

    /// Reads the next word: one item, or several if the word bundles flags that are treated
    /// differently. Returns no item at the end. The caller handles `--` before.
    pub(crate) fn next(&mut self, phase: Phase) -> Result<Vec<Item>> {
        let Some(word) = self.peek() else {
            return Ok(Vec::new());
        };
        self.at += 1;
        let Some(text) = word.to_str() else {
            return unreadable(word).map(|item| vec![item]);
        };
        if let Some(name) = text.strip_prefix('+') {
            return toolchain(word, name).map(|item| vec![item]);
        }
        if let Some(flag) = text.strip_prefix("--") {
            return self.long(word, flag, phase).map(|item| vec![item]);
        }
        match text.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            Some(letters) => self.letters(word, letters, phase),
            None => Ok(vec![Item::word(word)]),
        }
    }

    fn long(&mut self, word: &OsStr, text: &str, phase: Phase) -> Result<Item> {
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let Some(row) = flags::long(name, phase) else {
            return Ok(Item::other(word));
        };
        let mut item = Item {
            words: vec![word.to_owned()],
            kind: Kind::Word,
        };
        let value = match (attached, row.takes) {
            (Some(value), _) => Some(value.into()),
            (None, Takes::Nothing) => None,
            (None, _) => self.value(row, &mut item.words)?,
        };
        item.kind = Kind::Flags(vec![GivenFlag {
            flag: row.flag,
            value,
        }]);
        Ok(item)
    }

    /// `-v`, `-vv`, `-rq`, `-j4`, `-j 4`, `-j=4`, `-qpfoo`.
    fn letters(&mut self, word: &OsStr, letters: &str, phase: Phase) -> Result<Vec<Item>> {
        let mut given = Vec::new();
        let mut words = vec![word.to_owned()];
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let Some(row) = flags::letter(letter, phase) else {
                return Ok(vec![Item::other(word)]);
            };
            let mut value = None;
            if row.takes != Takes::Nothing {
                let attached = rest.as_str();
                value = match attached.strip_prefix('=').unwrap_or(attached) {
                    "" => self.value(row, &mut words)?,
                    attached => Some(attached.into()),
                };
                rest = "".chars();
            }
            given.push((letter, row.flag, value));
        }
        if given.len() > 1 && given.iter().any(|(_, flag, _)| *flag == Flag::Directory) {
            return Ok(given.into_iter().map(unbundled).collect());
        }
        let given = given.into_iter();
        let kind = Kind::Flags(
            given
                .map(|(_, flag, value)| GivenFlag { flag, value })
                .collect(),
        );
        Ok(vec![Item { words, kind }])
    }

    /// Reads the value of a flag from the next word, as cargo's parser does: a word that begins
    /// with a dash is not a value unless it is a negative number.
    fn value(&mut self, row: &Row, words: &mut Vec<OsString>) -> Result<Option<OsString>> {
        let next = self.peek().filter(|word| !is_flag(word));
        if let Some(word) = next {
            self.at += 1;
            words.push(word.to_owned());
            return Ok(Some(word.to_owned()));
        }
        match (row.takes, row.flag) {
            (Takes::Optional, _) => Ok(None),
            (_, Flag::Target) => Err(no_target()),
            _ => {
                let flag = row.written();
                let message = format!("a value is required for `{flag}`, but none was given");
                Err(problem::usage(message).with_help(format!("write it after `{flag}`")))
            }
        }
    }
}

/// The error for `--target` without a triple.
pub(crate) fn no_target() -> crate::model::error::Error {
    problem::refused("`--target` names no target")
        .with_help("write the triple after it: `--target aarch64-unknown-linux-gnu`")
}

/// A flag of a bundle as a separate item.
fn unbundled((letter, flag, value): (char, Flag, Option<OsString>)) -> Item {
    let mut words = vec![OsString::from(format!("-{letter}"))];
    words.extend(value.clone());
    Item {
        words,
        kind: Kind::Flags(vec![GivenFlag { flag, value }]),
    }
}

fn toolchain(word: &OsStr, name: &str) -> Result<Item> {
    if name.is_empty() {
        return Err(problem::usage("`+` names no toolchain")
            .with_help("write the toolchain right after the `+`: `+nightly`"));
    }
    Ok(Item {
        words: vec![word.to_owned()],
        kind: Kind::Toolchain(name.to_owned()),
    })
}

fn is_flag(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    match bytes {
        [b'-', second, ..] => !second.is_ascii_digit(),
        _ => false,
    }
}

/// The item for a word that is not UTF-8. It may be the name of a file. It is an error only in a
/// flag that is rewritten, because a part of it would be lost.
fn unreadable(word: &OsStr) -> Result<Item> {
    let shown = word.to_string_lossy();
    let rewritten = ["--target=", "--target-dir=", "--manifest-path=", "-C", "+"];
    if rewritten.iter().any(|prefix| shown.starts_with(prefix)) {
        return Err(problem::not_utf8(word)
            .with_help("write a path that is not UTF-8 as a separate argument, after the flag"));
    }
    Ok(if shown.starts_with('-') {
        Item::other(word)
    } else {
        Item::word(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str], phase: Phase) -> Result<Vec<Item>> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let mut reader = Reader::new(&words);
        let mut items = Vec::new();
        while reader.peek().is_some() {
            items.extend(reader.next(phase)?);
        }
        Ok(items)
    }

    fn given(words: &[&str], phase: Phase) -> Vec<(Flag, Option<String>)> {
        let items = read(words, phase).unwrap();
        let flags = items.iter().flat_map(Item::flags);
        flags
            .map(|given| {
                let value = given.value.as_ref();
                (given.flag, value.map(|text| text.to_str().unwrap().into()))
            })
            .collect()
    }

    #[test]
    fn a_value_is_attached_or_in_the_next_word() {
        let some = |text: &str| Some(text.to_owned());
        for (words, expected) in [
            (vec!["-j4"], vec![(Flag::Jobs, some("4"))]),
            (vec!["-j", "4"], vec![(Flag::Jobs, some("4"))]),
            (vec!["-j=4"], vec![(Flag::Jobs, some("4"))]),
            (vec!["-j", "-1"], vec![(Flag::Jobs, some("-1"))]),
            (vec!["--jobs=4"], vec![(Flag::Jobs, some("4"))]),
            (vec!["-Fa,b"], vec![(Flag::Features, some("a,b"))]),
            (vec!["-F", "a b"], vec![(Flag::Features, some("a b"))]),
            (vec!["--features", ""], vec![(Flag::Features, some(""))]),
            (vec!["-pfoo"], vec![(Flag::Package, some("foo"))]),
            (vec!["-p"], vec![(Flag::Package, None)]),
            (
                vec!["-p", "--lib"],
                vec![(Flag::Package, None), (Flag::Lib, None)],
            ),
            (vec!["-vv"], vec![(Flag::Verbose, None); 2]),
            (
                vec!["-rqpx"],
                vec![
                    (Flag::Release, None),
                    (Flag::Quiet, None),
                    (Flag::Package, some("x")),
                ],
            ),
            (
                vec!["-Zbuild-std"],
                vec![(Flag::Unstable, some("build-std"))],
            ),
            (vec!["--release=1"], vec![(Flag::Release, some("1"))]),
            (vec!["-x"], vec![(Flag::Other, None)]),
            (vec!["-vx"], vec![(Flag::Other, None)]),
            (vec!["--nope=1"], vec![(Flag::Other, None)]),
        ] {
            assert_eq!(given(&words, Phase::Cargo), expected, "{words:?}");
        }
    }

    #[test]
    fn a_directory_is_unbundled_from_other_flags() {
        let items = read(&["-vC", "dir", "-Cother"], Phase::Before).unwrap();
        let words: Vec<_> = items.iter().map(|item| item.words.clone()).collect();
        assert_eq!(words, [vec!["-v"], vec!["-C", "dir"], vec!["-Cother"]]);
        assert!(items[1].has(Flag::Directory) && items[2].has(Flag::Directory));
    }

    #[test]
    fn a_missing_value_is_an_error_that_names_the_flag() {
        for (words, message) in [
            (
                vec!["--color"],
                "a value is required for `--color`, but none was given",
            ),
            (
                vec!["-C"],
                "a value is required for `-C`, but none was given",
            ),
            (
                vec!["--features", "--release"],
                "a value is required for `--features`, but none was given",
            ),
            (vec!["--target", "--release"], "`--target` names no target"),
            (vec!["+"], "`+` names no toolchain"),
        ] {
            let error = read(&words, Phase::Before).unwrap_err();
            assert_eq!(error.to_string(), message, "{words:?}");
        }
    }

    #[test]
    fn no_character_panics() {
        // `cross` panics on an argument that begins with a non-ASCII letter.
        for word in ["é", "-é", "-vé", "--é=é", "日本", "-j日", "", "-", "+é"] {
            assert!(read(&[word], Phase::Cargo).is_ok(), "{word}");
            assert!(read(&[word], Phase::Plugin).is_ok(), "{word}");
        }
        assert_eq!(
            given(&["-j日"], Phase::Cargo),
            [(Flag::Jobs, Some("日".to_owned()))]
        );
        // `cross` counts the letters in eight bits.
        let many = format!("-{}", "v".repeat(1000));
        assert_eq!(given(&[&many], Phase::Cargo).len(), 1000);
    }

    #[cfg(unix)]
    #[test]
    fn a_word_that_is_not_utf8_is_kept_or_refused_but_never_truncated() {
        use std::os::unix::ffi::OsStringExt as _;
        let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
        for word in [bytes(b"\xff"), bytes(b"-\xff"), bytes(b"--cfg=\xff")] {
            let words = [word.clone()];
            let items = Reader::new(&words).next(Phase::Cargo).unwrap();
            assert_eq!(items[0].words, [word]);
        }
        let words = [bytes(b"--target-dir"), bytes(b"/\xff")];
        let items = Reader::new(&words).next(Phase::Cargo).unwrap();
        assert_eq!(items[0].flags()[0].value, Some(bytes(b"/\xff")));
        for word in [&b"--manifest-path=\xff"[..], b"-C\xff", b"+\xff"] {
            let words = [bytes(word)];
            let error = Reader::new(&words).next(Phase::Before).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Path);
        }
    }
}
