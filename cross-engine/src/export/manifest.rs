//! What an archive says of itself: the header, which comes first, and the list of its parts.
//!
//! The members of an archive are a header, a list, and files that have their hashes as names. Paths
//! are in the list alone, where they are checked before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::environment::contents::is_sha256;
use crate::environment::contents_file::CONTENTS;
use crate::environment::manifest::MANIFEST;
use crate::export::part::{ArchivedPart, PartKind};
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::untrusted::limits;

/// The version of the format.
pub(crate) const FORMAT: u64 = 1;
/// The name of the header in the archive, and the most bytes that it has.
pub(crate) const HEADER: (&str, u64) = ("cross-archive.json", 64 << 10);
/// The same of the list. An environment has some 10 000 files, of 200 bytes each.
pub(crate) const LIST: (&str, u64) = ("parts.json", 256 << 20);
/// What begins the names of files.
pub(crate) const FILES: &str = "files/";
/// The directory of an environment's root file system.
pub(crate) const ROOT: &str = "root";
/// What an environment's directory has.
pub(crate) const OF_ENVIRONMENT: [&str; 3] = [CONTENTS, MANIFEST, ROOT];
/// What is taken of a repository of cargo's. The rest are hooks and settings, which make git run
/// programs.
pub(crate) const OF_REPOSITORY: [&str; 6] = [
    "FETCH_HEAD",
    "HEAD",
    "objects",
    "packed-refs",
    "refs",
    "shallow",
];
/// The longest path. Linux has none that is longer.
const PATH: usize = 4096;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: u64,
    /// The version of the library that wrote it.
    pub(crate) version: String,
    /// Debian's name of the architecture of the machine that builds.
    pub(crate) architecture: String,
    /// The SHA-256 of the list.
    pub(crate) list_sha256: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) parts: Vec<Part>,
}

/// What is placed whole or not at all.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) kind: PartKind,
    pub(crate) name: String,
    /// A part that is one file has an entry with an empty path. In others, a directory comes before
    /// what is in it.
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) path: String,
    #[serde(flatten)]
    pub(crate) what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum What {
    Directory,
    File {
        mode: u32,
        /// In seconds since 1970.
        modified: u64,
        size: u64,
        sha256: String,
    },
    Link {
        to: String,
    },
}

impl Part {
    /// The files: path, size and hash.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, u64, &str)> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            What::File { size, sha256, .. } => Some((&*entry.path, *size, &**sha256)),
            _ => None,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.files()
            .fold(0, |sum, (_, size, _)| sum.saturating_add(size))
    }

    /// Whether it is one file and no directory.
    pub(crate) fn is_file(&self) -> bool {
        self.entries.len() == 1 && self.entries[0].path.is_empty()
    }

    /// Whether it is a repository of cargo's.
    pub(crate) fn is_repository(&self) -> bool {
        self.kind == PartKind::Crate && self.name.starts_with("git/")
    }

    pub(crate) fn archived(&self, was_there: bool) -> ArchivedPart {
        ArchivedPart {
            kind: self.kind,
            name: self.name.clone(),
            bytes: self.bytes(),
            was_there,
        }
    }
}

impl Header {
    /// Reads a header, for a machine of this architecture.
    pub(crate) fn parse(text: &[u8], architecture: &str) -> Result<Self> {
        let no_archive = || {
            let message = "the file is no archive of `export`";
            Error::new(ErrorKind::Archive, message).with_help("name the file that `export` wrote")
        };
        let value: serde_json::Value = serde_json::from_slice(text).map_err(|_| no_archive())?;
        let format = value["format"].as_u64().ok_or_else(no_archive)?;
        if format > FORMAT {
            let message =
                format!("the archive has the format {format}, and this version reads {FORMAT}");
            return Err(Error::new(ErrorKind::Archive, message)
                .with_help("update cross-core here, or export with the version that is here"));
        }
        let header: Header = serde_json::from_value(value).map_err(|_| no_archive())?;
        if header.architecture != architecture {
            let message = format!(
                "the archive is for machines of the architecture {}, and this one has {architecture}",
                shown(&header.architecture)
            );
            return Err(Error::new(ErrorKind::Archive, message)
                .with_help("export on a machine of the same architecture"));
        }
        Ok(header)
    }
}

impl List {
    /// Every file, once, with its size and in the order of the archive.
    pub(crate) fn files(&self) -> Vec<(&str, u64)> {
        let mut seen = BTreeSet::new();
        let all = self.parts.iter().flat_map(Part::files);
        all.filter(|(_, _, sha256)| seen.insert(*sha256))
            .map(|(_, size, sha256)| (sha256, size))
            .collect()
    }

    /// Checks everything that a hostile list could say.
    pub(crate) fn check(&self) -> Result<()> {
        let (mut names, mut sizes) = (BTreeSet::new(), BTreeMap::new());
        for part in &self.parts {
            let refused = |path: &str, why: &str| Err(refused(part, path, why));
            if !names.insert((part.kind, &part.name)) {
                return refused("", "it comes twice");
            }
            if !is_name(part) {
                return refused("", "nothing of its kind has such a name");
            }
            let mut entries = BTreeMap::new();
            for entry in &part.entries {
                let path = &*entry.path;
                if let Err(why) = check_entry(part, entry, &entries) {
                    return refused(path, why);
                }
                if entries.insert(path, &entry.what).is_some() {
                    return refused(path, "it comes twice");
                }
                if let What::File { size, sha256, .. } = &entry.what {
                    if sizes
                        .insert(sha256, size)
                        .is_some_and(|other| other != size)
                    {
                        return refused(path, "its hash is that of a file with another size");
                    }
                }
            }
            let is_root = |what: Option<&&What>| matches!(what, Some(What::Directory));
            let is_file = |what: Option<&&What>| matches!(what, Some(What::File { .. }));
            if part.kind == PartKind::Environment
                && !(is_root(entries.get(ROOT)) && is_file(entries.get(MANIFEST)))
            {
                return refused("", "it is not whole");
            }
        }
        Ok(())
    }
}

/// How much of the text of an archive a message has.
const SHOWN: usize = 200;

/// The beginning of what an archive says, without what a terminal obeys.
pub(crate) fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

fn refused(part: &Part, path: &str, why: &str) -> Error {
    let of = match path {
        "" => String::new(),
        path => format!("`{}` of ", shown(path)),
    };
    let message = format!(
        "the archive is refused: {of}the {} `{}`: {why}",
        part.kind,
        shown(&part.name)
    );
    Error::new(ErrorKind::Archive, message)
        .with_help("`export` writes no such thing: find out where the archive is from")
}

/// Whether a part has a name that its kind can have.
fn is_name(part: &Part) -> bool {
    let name = &*part.name;
    let words: Vec<_> = name.split('/').collect();
    let is_one_file = part.is_file();
    words.iter().all(|word| is_word(word))
        && match (part.kind, &*words) {
            (PartKind::Environment | PartKind::Toolchain, [name]) => {
                !is_one_file && !name.starts_with('.')
            }
            (PartKind::Package, [file]) => {
                let hash = file.strip_suffix(".deb").unwrap_or_default();
                is_one_file && is_sha256(hash) && part.files().all(|(_, _, sha256)| sha256 == hash)
            }
            (PartKind::Crate, ["registry", "index", _, "config.json"]) => is_one_file,
            (PartKind::Crate, ["registry", "index", _, ".cache", _, ..]) => is_one_file,
            (PartKind::Crate, ["registry", "cache", _, file]) => {
                is_one_file && file.ends_with(".crate")
            }
            (PartKind::Crate, ["git", "db", _]) => !is_one_file,
            _ => false,
        }
}

/// Whether a component of a path is a name, on every system.
fn is_word(word: &str) -> bool {
    let is_allowed = |c: char| !c.is_control() && c != '\\' && c != ':';
    !matches!(word, "" | "." | "..") && word.len() < 256 && word.chars().all(is_allowed)
}

/// Checks an entry of a part whose earlier ones are `before`.
fn check_entry(
    part: &Part,
    entry: &Entry,
    before: &BTreeMap<&str, &What>,
) -> std::result::Result<(), &'static str> {
    let path = &*entry.path;
    if !part.is_file() {
        // A backslash is an ordinary character of names on Linux, and environments have some.
        let is_name = |word: &str| !matches!(word, "" | "." | "..") && !word.contains('\0');
        if path.len() > PATH || !path.split('/').all(is_name) {
            return Err("its path leads out");
        }
        match path.rsplit_once('/') {
            Some((parent, _)) if !matches!(before.get(parent), Some(What::Directory)) => {
                return Err("it is in no directory of the archive");
            }
            _ => {}
        }
        let top = path.split('/').next().unwrap_or_default();
        let is_known = match part.kind {
            PartKind::Environment => OF_ENVIRONMENT.contains(&top),
            PartKind::Crate => OF_REPOSITORY.contains(&top) && !path.starts_with("objects/info"),
            _ => true,
        };
        if !is_known {
            return Err("it does not belong there");
        }
    }
    match &entry.what {
        What::Directory if part.is_file() => Err("it is no file"),
        What::Directory => Ok(()),
        What::File { size, sha256, .. } => match is_sha256(sha256) && *size <= limits::ARTIFACT {
            true => Ok(()),
            false => Err("it has no hash, or is too long"),
        },
        What::Link { to } => check_link(part, path, to),
    }
}

/// A link belongs into an environment, whose root the sandbox is for it, and into a toolchain, which
/// it must not leave.
fn check_link(part: &Part, path: &str, to: &str) -> std::result::Result<(), &'static str> {
    let beneath = match part.kind {
        PartKind::Environment => path.strip_prefix("root/"),
        PartKind::Toolchain => Some(path),
        _ => None,
    };
    let Some(beneath) = beneath.filter(|_| !part.is_file()) else {
        return Err("a link does not belong there");
    };
    if to.is_empty() || to.contains('\0') || to.len() > PATH {
        return Err("its link leads nowhere");
    }
    if to.starts_with('/') {
        return match part.kind {
            PartKind::Environment => Ok(()),
            _ => Err("its link leads out"),
        };
    }
    let mut depth = beneath.matches('/').count();
    for word in to.split('/') {
        match word {
            "" | "." => {}
            ".." if depth == 0 && part.kind == PartKind::Environment => {}
            ".." if depth == 0 => return Err("its link leads out"),
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    Ok(())
}
