//! What is in a volume: a list that is written into the volume last, so that it never says more
//! than is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::os::System;

/// How a manifest begins. Another version of this library may write another form.
const FORM: &str = "cross volume 1";

/// A time within so many nanoseconds before the list was made may be that of a later change, too.
const RACY: u128 = 2_000_000_000;

/// What is in a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// When the list was made, by the sender's clock, in nanoseconds since the Unix epoch.
    pub(crate) at: u128,
    /// The parts of a tree that only grows.
    pub(crate) parts: BTreeSet<Vec<u8>>,
    /// The entries of other trees, by their path without the leading separator.
    pub(crate) entries: BTreeMap<Vec<u8>, Entry>,
}

/// A file, link or directory in a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Directory,
    File {
        size: u64,
        /// By the sender's clock, in nanoseconds since the Unix epoch.
        modified: u128,
        mode: u32,
        /// Its SHA-256 in hexadecimal; empty until it is known.
        hash: String,
    },
    Link(Vec<u8>),
}

/// What has to be done so that a volume has what its caller has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// The entries to send.
    pub(crate) send: Vec<Vec<u8>>,
    /// The entries to remove before. What is below one is not listed.
    pub(crate) remove: Vec<Vec<u8>>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.send.is_empty() && self.remove.is_empty()
    }
}

/// The key of a path: the bytes of its place inside without the leading separator.
pub(crate) fn key(path: &Path) -> Vec<u8> {
    let inside = System::HERE.inside(path);
    let inside = inside.as_deref().unwrap_or(path);
    let bytes = inside.as_os_str().as_encoded_bytes();
    bytes.strip_prefix(b"/").unwrap_or(bytes).to_vec()
}

/// Whether `key` is `root` or below it.
pub(crate) fn is_below(key: &[u8], root: &[u8]) -> bool {
    match key.strip_prefix(root) {
        Some(rest) => root.is_empty() || rest.is_empty() || rest[0] == b'/',
        None => false,
    }
}

impl Manifest {
    /// Compares what the volume has with `now`, which is everything below `roots`. `hash` computes
    /// the hash of a file; it is asked only if size and time do not decide, and what it says is
    /// recorded in `now`.
    pub(crate) fn changes(
        &self,
        now: &mut Manifest,
        roots: &[Vec<u8>],
        hash: &mut dyn FnMut(&[u8]) -> String,
    ) -> Changes {
        let mut changes = Changes::default();
        for (key, entry) in &mut now.entries {
            let before = self.entries.get(key);
            let is_same = match (before, &mut *entry) {
                (
                    Some(Entry::File {
                        size: had,
                        modified: at,
                        mode: was,
                        hash: known,
                    }),
                    Entry::File {
                        size,
                        modified,
                        mode,
                        hash: new,
                    },
                ) if had == size && was == mode && !known.is_empty() => {
                    let is_settled = at == modified && *at + RACY < self.at;
                    if is_settled {
                        new.clone_from(known);
                    } else {
                        *new = hash(key);
                    }
                    new == known
                }
                (Some(before), after) => *before == *after,
                (None, _) => false,
            };
            if is_same {
                continue;
            }
            let kind = std::mem::discriminant::<Entry>;
            if before.is_some_and(|before| kind(before) != kind(entry)) {
                changes.remove.push(key.clone());
            }
            changes.send.push(key.clone());
        }
        let in_scope = |key: &[u8]| roots.iter().any(|root| is_below(key, root));
        for key in self.entries.keys() {
            let is_gone = !now.entries.contains_key(key) && in_scope(key);
            let above = changes.remove.last();
            if is_gone && !above.is_some_and(|above| is_below(key, above)) {
                changes.remove.push(key.clone());
            }
        }
        changes.remove.sort();
        changes.remove.dedup();
        changes
    }

    /// What the volume has once `changes` to `now`, which is everything below `roots`, are made.
    pub(crate) fn updated(&self, now: Manifest, roots: &[Vec<u8>]) -> Manifest {
        let in_scope = |key: &[u8]| roots.iter().any(|root| is_below(key, root));
        let mut entries = self.entries.clone();
        entries.retain(|key, _| !in_scope(key));
        entries.extend(now.entries);
        let mut parts = self.parts.clone();
        parts.extend(now.parts);
        Manifest {
            at: now.at,
            parts,
            entries,
        }
    }

    /// The text that is kept.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{FORM}\nat {}\n", self.at);
        for part in &self.parts {
            text += &format!("part {}\n", escaped(part));
        }
        for (key, entry) in &self.entries {
            let key = escaped(key);
            text += &match entry {
                Entry::Directory => format!("dir {key}\n"),
                Entry::Link(to) => format!("link {} {key}\n", escaped(to)),
                Entry::File {
                    size,
                    modified,
                    mode,
                    hash,
                } => {
                    let hash = if hash.is_empty() { "-" } else { hash };
                    format!("file {size} {modified} {mode:o} {hash} {key}\n")
                }
            };
        }
        text
    }

    /// Reads the text that was kept; `None` if it is no manifest of this version, or not whole.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != FORM {
            return None;
        }
        let at = lines.next()?.strip_prefix("at ")?.parse().ok()?;
        let mut manifest = Manifest {
            at,
            ..Manifest::default()
        };
        for line in lines {
            let mut words = line.split(' ');
            let entry = match words.next()? {
                "part" => {
                    manifest.parts.insert(plain(words.next()?)?);
                    continue;
                }
                "dir" => Entry::Directory,
                "link" => Entry::Link(plain(words.next()?)?),
                "file" => Entry::File {
                    size: words.next()?.parse().ok()?,
                    modified: words.next()?.parse().ok()?,
                    mode: u32::from_str_radix(words.next()?, 8).ok()?,
                    hash: words.next()?.trim_matches('-').to_owned(),
                },
                _ => return None,
            };
            manifest.entries.insert(plain(words.next()?)?, entry);
        }
        Some(manifest)
    }
}

/// Writes bytes in a line of words.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'!'..=b'~' if *byte != b'%' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "%{byte:02x}");
            }
        }
    }
    text
}

/// Reads what [`escaped`] wrote.
pub(crate) fn plain(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64, modified: u128, hash: &str) -> Entry {
        Entry::File {
            size,
            modified,
            mode: 0o644,
            hash: hash.to_owned(),
        }
    }

    fn manifest(at: u128, entries: &[(&str, Entry)]) -> Manifest {
        let entries = entries.iter().cloned();
        Manifest {
            at,
            parts: BTreeSet::new(),
            entries: entries
                .map(|(key, entry)| (key.as_bytes().to_vec(), entry))
                .collect(),
        }
    }

    const LATE: u128 = 100 * RACY;

    /// The names of what is sent and of what is removed.
    fn changes(before: &Manifest, now: &mut Manifest, hash: &str) -> (Vec<String>, Vec<String>) {
        let changes = before.changes(now, &[b"w".to_vec()], &mut |_| hash.to_owned());
        let names = |keys: Vec<Vec<u8>>| {
            let names = keys.into_iter().map(|key| String::from_utf8(key).unwrap());
            names.collect::<Vec<_>>()
        };
        (names(changes.send), names(changes.remove))
    }

    #[test]
    fn a_text_says_everything_again() {
        let mut whole = manifest(
            7,
            &[
                ("w", Entry::Directory),
                ("w/a b\n%", file(1, 2, "ab")),
                ("w/new", file(1, 2, "")),
                ("w/link", Entry::Link(b"../x y".to_vec())),
            ],
        );
        whole.parts.insert(b"lib\xff".to_vec());
        assert_eq!(Manifest::parse(&whole.text()), Some(whole.clone()));
        assert_eq!(Manifest::parse(""), None);
        assert_eq!(Manifest::parse("cross volume 2\nat 0\n"), None);
        let text = whole.text();
        assert_eq!(Manifest::parse(&text[..text.len() - 8]), None, "cut off");
    }

    #[test]
    fn size_and_time_decide_unless_a_later_change_may_have_the_same() {
        let before = manifest(LATE, &[("w/f", file(4, 1, "old"))]);
        let same = &mut manifest(LATE, &[("w/f", file(4, 1, ""))]);
        assert_eq!(changes(&before, same, "asked"), (vec![], vec![]));
        let racy = manifest(2, &[("w/f", file(4, 1, "old"))]);
        assert_eq!(changes(&racy, same, "new").0, ["w/f"]);
        assert!(changes(&racy, same, "old").0.is_empty());
        let touched = &mut manifest(LATE, &[("w/f", file(4, 2, ""))]);
        assert!(
            changes(&before, touched, "old").0.is_empty(),
            "the hash says so"
        );
        // A clock that is an hour behind changes nothing.
        let earlier = &mut manifest(LATE, &[("w/f", file(4, 0, ""))]);
        assert_eq!(changes(&before, earlier, "new").0, ["w/f"]);
        let longer = &mut manifest(LATE, &[("w/f", file(5, 1, ""))]);
        assert_eq!(changes(&before, longer, "unasked").0, ["w/f"]);
    }

    #[test]
    fn what_is_gone_is_removed_once_and_only_below_what_was_looked_at() {
        let before = manifest(
            LATE,
            &[
                ("w", Entry::Directory),
                ("w/dir", Entry::Directory),
                ("w/dir/a", file(1, 1, "a")),
                ("w/dir/b", file(1, 1, "b")),
                ("w/kind", Entry::Directory),
                ("wide/f", file(1, 1, "c")),
            ],
        );
        let now = &mut manifest(LATE, &[("w", Entry::Directory), ("w/kind", file(1, 1, ""))]);
        let (sent, removed) = changes(&before, now, "k");
        assert_eq!(sent, ["w/kind"]);
        assert_eq!(removed, ["w/dir", "w/kind"]);
        let after = before.updated(now.clone(), &[b"w".to_vec()]);
        let keys: Vec<_> = after.entries.keys().map(Vec::as_slice).collect();
        assert_eq!(keys, [&b"w"[..], b"w/kind", b"wide/f"]);
    }
}
