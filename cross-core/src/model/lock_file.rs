//! The lock file: what the environments of a project are made of. It is read and written as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use cross_engine::{ArchiveRelease, Download, InstalledPackage};
use hmac_sha256::Hash;
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer};
use toml::Spanned;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::hash::hex;

/// The name of the file, beside `Cross.toml`.
pub(crate) const LOCK_FILE: &str = "Cross.lock";

/// The version of the format.
const VERSION: i64 = 1;

const HEAD: &str = "\
# What the environments of this project are made of. Commit this file, and do not edit it:
# `cargo xtask lock` writes it, and docs/reproducible.md describes it.
";

/// A lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockFile {
    /// Sorted by target and architecture.
    pub(crate) environments: Vec<LockedEnvironment>,
}

/// What the environment of a target is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockedEnvironment {
    /// The target as it is requested, with a glibc floor.
    pub(crate) target: String,
    /// Debian's name of the architecture of the machine that builds.
    pub(crate) architecture: String,
    /// The hash of the recipe, if the environment has one.
    pub(crate) recipe: Option<String>,
    /// The keys of the configuration that decide what the environment is, with a short form of
    /// their values.
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) releases: Vec<ArchiveRelease>,
    pub(crate) packages: Vec<InstalledPackage>,
    pub(crate) downloads: Vec<Download>,
    /// The digests of images, by their references.
    pub(crate) images: BTreeMap<String, String>,
}

/// The remedy for a file that nobody can read.
const AGAIN: &str = "restore it from the repository, or remove it and lock again: `cargo xtask lock` \
                     (`Cross::lock`)";

/// What to run to update the lock of `target`, in the middle of a sentence.
pub(crate) fn how_to_update(target: &str) -> String {
    format!("update the lock with `cargo xtask lock --update {target}` (`Cross::lock`)")
}

/// The target and the architecture of an entry.
pub(crate) type EntryKey = (String, String);

impl LockFile {
    /// Parses the bytes of the file at `path`. An entry that is damaged or the second one is an
    /// error, unless it is of a target that `is_replaced`: it is left out, and its key is returned.
    pub(crate) fn parse_bytes(
        bytes: &[u8],
        path: &Path,
        is_replaced: &dyn Fn(&str) -> bool,
    ) -> Result<(Self, Vec<EntryKey>)> {
        match std::str::from_utf8(bytes) {
            Ok(text) => LockFile::parse(text, path, is_replaced),
            Err(error) => {
                let line = line_at(bytes, error.valid_up_to());
                let message = format!(
                    "`{}` cannot be used: line {line} is not UTF-8",
                    path.display()
                );
                Err(Error::new(ErrorKind::Lock, message).with_help(AGAIN))
            }
        }
    }

    /// Parses the text of the file at `path`. Line ends and a byte order mark, which a checkout or an
    /// editor may change, do not matter.
    fn parse(
        text: &str,
        path: &Path,
        is_replaced: &dyn Fn(&str) -> bool,
    ) -> Result<(Self, Vec<EntryKey>)> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let refused = |why: String, help: String| {
            let message = format!("`{}` cannot be used: {why}", path.display());
            Err(Error::new(ErrorKind::Lock, message).with_help(help))
        };
        let markers = ["<<<<<<< ", "=======", ">>>>>>> ", "||||||| "];
        let is_marker = |line: &str| markers.iter().any(|marker| line.starts_with(marker));
        if let Some(n) = text.lines().position(is_marker) {
            let help = "take either side of the conflict (`git checkout --ours Cross.lock`), then \
                        update what the other side changed: `cargo xtask lock --update` \
                        (`Cross::lock`)";
            return refused(
                format!("line {} is a merge conflict", n + 1),
                help.to_owned(),
            );
        }
        let line = |at: usize| line_at(text.as_bytes(), at);
        let invalid = |error: &toml::de::Error| {
            let at = error
                .span()
                .map(|span| format!("line {}: ", line(span.start)));
            let why = at.unwrap_or_default() + &first_line(error);
            refused(why, AGAIN.to_owned())
        };
        let version: Version = match toml::from_str(text) {
            Ok(version) => version,
            Err(error) => return invalid(&error),
        };
        if version.version > VERSION {
            let why = format!(
                "it has version {}, and this library reads {VERSION}",
                version.version
            );
            let help = "update cross-core, or remove the file and lock again with this version";
            return refused(why, help.to_owned());
        }
        if version.version < 1 {
            let why = format!("no lock has version {}", version.version);
            return refused(why, AGAIN.to_owned());
        }
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => return invalid(&error),
        };
        let mut environments: Vec<LockedEnvironment> = Vec::new();
        let mut left_out = Vec::new();
        for entry in file.environment {
            let written = entry.sha256.clone();
            let line = line(written.span().start);
            let environment = LockedEnvironment::from(entry);
            let target = &environment.target;
            let is_second = environments.iter().any(|it| it.key() == environment.key());
            let is_damaged = environment.sha256() != *written.get_ref();
            if (is_second || is_damaged) && is_replaced(target) {
                left_out.push((target.clone(), environment.architecture));
                continue;
            }
            if is_second {
                let why = format!(
                    "line {line}: the entry of `{target}` (on {}) is the second one",
                    environment.architecture
                );
                let help = format!("remove either entry, or {}", how_to_update(target));
                return refused(why, help);
            }
            if is_damaged {
                let why = format!(
                    "line {line}: the hash of `{target}` does not fit what is written there, so it was \
                     edited or damaged"
                );
                let help = format!(
                    "restore it from the repository, or {}",
                    how_to_update(target)
                );
                return refused(why, help);
            }
            environments.push(environment);
        }
        Ok((LockFile { environments }, left_out))
    }

    /// The environment of `target` on machines of this architecture.
    pub(crate) fn find(&self, target: &str, architecture: &str) -> Option<&LockedEnvironment> {
        let mut all = self.environments.iter();
        all.find(|it| it.target == target && it.architecture == architecture)
    }

    /// Adds an environment, in place of what there is for its target and architecture. Returns what
    /// there was.
    pub(crate) fn put(&mut self, environment: LockedEnvironment) -> Option<LockedEnvironment> {
        let mut all = self.environments.iter();
        let found = all.position(|it| it.key() == environment.key());
        let before = found.map(|at| self.environments.remove(at));
        self.environments.push(environment);
        self.environments.sort_by(|a, b| a.key().cmp(&b.key()));
        before
    }

    /// Removes the environments of the targets that `is_removed`, and returns their keys.
    pub(crate) fn remove(&mut self, is_removed: impl Fn(&str) -> bool) -> Vec<EntryKey> {
        let removed = self.environments.iter().filter(|it| is_removed(&it.target));
        let removed = removed.map(|it| (it.target.clone(), it.architecture.clone()));
        let removed = removed.collect();
        self.environments.retain(|it| !is_removed(&it.target));
        removed
    }

    /// The text of the file. Equal locks have equal texts.
    pub(crate) fn render(&self) -> String {
        let mut text = format!("{HEAD}version = {VERSION}\n");
        for environment in &self.environments {
            text.push_str("\n[[environment]]\n");
            let _ = writeln!(text, "sha256 = {}", quoted(&environment.sha256()));
            text.push_str(&environment.render());
        }
        text
    }
}

impl LockedEnvironment {
    /// What an entry is for. A lock has one entry for each.
    fn key(&self) -> (&str, &str) {
        (&self.target, &self.architecture)
    }

    /// The hash of everything that the lock says of the environment.
    pub(crate) fn sha256(&self) -> String {
        hex(&Hash::hash(self.render().as_bytes()))
    }

    fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "target = {}", quoted(&self.target));
        let _ = writeln!(text, "architecture = {}", quoted(&self.architecture));
        if let Some(recipe) = &self.recipe {
            let _ = writeln!(text, "recipe = {}", quoted(recipe));
        }
        list(&mut text, "release", &self.releases, |release| {
            [
                ("origin", Some(&release.origin)),
                ("suite", Some(&release.suite)),
                ("codename", Some(&release.codename)),
                ("version", Some(&release.version)),
                ("url", Some(&release.url)),
                ("date", Some(&release.date)),
                ("sha256", Some(&release.sha256)),
            ]
        });
        list(&mut text, "package", &self.packages, |package| {
            let is_other = package.source_version != package.version;
            [
                ("name", Some(&package.name)),
                ("version", Some(&package.version)),
                ("architecture", Some(&package.architecture)),
                ("sha256", package.sha256.as_ref()),
                ("source", Some(&package.source)),
                (
                    "source-version",
                    is_other.then_some(&package.source_version),
                ),
                ("removed", package.removed.then_some(&YES)),
            ]
        });
        list(&mut text, "download", &self.downloads, |file| {
            [
                ("name", Some(&file.name)),
                ("version", Some(&file.version)),
                ("sha256", Some(&file.sha256)),
            ]
        });
        for (name, table) in [("keys", &self.keys), ("images", &self.images)] {
            if !table.is_empty() {
                let _ = writeln!(text, "\n[environment.{name}]");
            }
            for (key, value) in table {
                let _ = writeln!(text, "{} = {}", quoted(key), quoted(value));
            }
        }
        text
    }
}

/// The value of a flag in a list of texts.
static YES: String = String::new();

/// Writes a list of tables, one in each line.
fn list<T, const N: usize>(
    text: &mut String,
    name: &str,
    items: &[T],
    fields: impl Fn(&T) -> [(&'static str, Option<&String>); N],
) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "{name} = [");
    for item in items {
        let fields = fields(item).into_iter().filter_map(|(key, value)| {
            Some(match key {
                "removed" => value.map(|_| "removed = true".to_owned())?,
                _ => format!("{key} = {}", quoted(value?)),
            })
        });
        let _ = writeln!(text, "    {{ {} }},", fields.collect::<Vec<_>>().join(", "));
    }
    text.push_str("]\n");
}

/// A basic string of TOML. JSON's escapes are a part of TOML's; only DEL has to be escaped, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// The number of the line that has the byte `at`.
fn line_at(text: &[u8], at: usize) -> usize {
    let before = text.iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

fn first_line(error: &toml::de::Error) -> String {
    error
        .message()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[derive(Deserialize)]
struct Version {
    version: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    environment: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: Spanned<String>,
    target: String,
    architecture: String,
    recipe: Option<String>,
    #[serde(default, deserialize_with = "releases")]
    release: Vec<ArchiveRelease>,
    #[serde(default)]
    package: Vec<Package>,
    #[serde(default, deserialize_with = "downloads")]
    download: Vec<Download>,
    #[serde(default)]
    keys: BTreeMap<String, String>,
    #[serde(default)]
    images: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Package {
    name: String,
    version: String,
    architecture: String,
    sha256: Option<String>,
    source: String,
    source_version: Option<String>,
    #[serde(default)]
    removed: bool,
}

fn releases<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Vec<ArchiveRelease>, D::Error> {
    let known = [
        "origin", "suite", "codename", "version", "url", "date", "sha256",
    ];
    tables(from, &known)
}

fn downloads<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Vec<Download>, D::Error> {
    tables(from, &["name", "version", "sha256"])
}

/// Tables of texts with no other keys than `known`. The engine's own records may have more: a newer
/// version may have written them. In a lock, nothing is ignored, because its hash would not have it.
fn tables<'de, D, T>(from: D, known: &[&str]) -> std::result::Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let tables: Vec<BTreeMap<String, String>> = Vec::deserialize(from)?;
    let tables = tables.into_iter().map(|table| {
        if let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(de::Error::custom(format!("unknown field `{key}`")));
        }
        let table = MapDeserializer::<_, de::value::Error>::new(table.into_iter());
        T::deserialize(table).map_err(de::Error::custom)
    });
    tables.collect()
}

impl From<Entry> for LockedEnvironment {
    fn from(entry: Entry) -> Self {
        let packages = entry.package.into_iter().map(|package| {
            let source_version = package.source_version.unwrap_or(package.version.clone());
            InstalledPackage::new(package.name, package.version, package.architecture)
                .source(package.source, source_version)
                .sha256(package.sha256)
                .removed(package.removed)
        });
        LockedEnvironment {
            target: entry.target,
            architecture: entry.architecture,
            recipe: entry.recipe,
            keys: entry.keys,
            releases: entry.release,
            packages: packages.collect(),
            downloads: entry.download,
            images: entry.images,
        }
    }
}

#[cfg(test)]
mod tests;
