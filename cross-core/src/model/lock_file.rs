//! The lock file: what the environments of a project are made of. It is read and written as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use cross_engine::{ArchiveRelease, Download, InstalledPackage};
use hmac_sha256::Hash;
use serde::Deserialize;

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

/// What to run to update the lock of `target`, in the middle of a sentence.
pub(crate) fn how_to_update(target: &str) -> String {
    format!("update the lock with `cargo xtask lock --update {target}` (`Cross::lock`)")
}

impl LockFile {
    /// Parses the text of the file at `path`.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
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
        let again = "restore it from the repository, or remove it and lock again: `cargo xtask lock` \
                     (`Cross::lock`)";
        // A table has one deserializer, and a text three, for each of which the code is compiled.
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return refused(first_line(&error), again.to_owned()),
        };
        let version: Version = match table.clone().try_into() {
            Ok(version) => version,
            Err(error) => return refused(first_line(&error), again.to_owned()),
        };
        if version.version > VERSION {
            let why = format!(
                "it has version {}, and this library reads {VERSION}",
                version.version
            );
            let help = "update cross-core, or remove the file and lock again with this version";
            return refused(why, help.to_owned());
        }
        let file: File = match table.try_into() {
            Ok(file) => file,
            Err(error) => return refused(first_line(&error), again.to_owned()),
        };
        let mut environments = Vec::new();
        for entry in file.environment {
            let written = entry.sha256.clone();
            let environment = LockedEnvironment::from(entry);
            if environment.sha256() != written {
                let target = &environment.target;
                let why = format!(
                    "the hash of `{target}` does not fit what is written there, so it was edited or \
                     damaged"
                );
                let help = format!(
                    "restore it from the repository, or {}",
                    how_to_update(target)
                );
                return refused(why, help);
            }
            environments.push(environment);
        }
        Ok(LockFile { environments })
    }

    /// The environment of `target` on machines of this architecture.
    pub(crate) fn find(&self, target: &str, architecture: &str) -> Option<&LockedEnvironment> {
        let mut all = self.environments.iter();
        all.find(|it| it.target == target && it.architecture == architecture)
    }

    /// Adds an environment, in place of what there is for its target and architecture. Returns what
    /// there was.
    pub(crate) fn put(&mut self, environment: LockedEnvironment) -> Option<LockedEnvironment> {
        let key = |it: &LockedEnvironment| (it.target.clone(), it.architecture.clone());
        let found = self
            .environments
            .iter()
            .position(|it| key(it) == key(&environment));
        let before = found.map(|at| self.environments.remove(at));
        self.environments.push(environment);
        self.environments.sort_by_key(key);
        before
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
    sha256: String,
    target: String,
    architecture: String,
    recipe: Option<String>,
    #[serde(default)]
    release: Vec<ArchiveRelease>,
    #[serde(default)]
    package: Vec<Package>,
    #[serde(default)]
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
mod tests {
    use super::*;

    fn environment(target: &str) -> LockedEnvironment {
        let hash = Some("a".repeat(64));
        LockedEnvironment {
            target: target.to_owned(),
            architecture: "amd64".to_owned(),
            recipe: Some("r".to_owned()),
            keys: BTreeMap::from([("packages".to_owned(), "say \"hi\"\t\u{7f}".to_owned())]),
            packages: vec![
                InstalledPackage::new("adduser", "3.134", "all").sha256(hash.clone()),
                InstalledPackage::new("gcc", "4:12.2.0-3", "amd64")
                    .source("gcc-defaults", "1.203")
                    .sha256(hash)
                    .removed(true),
                InstalledPackage::new("own", "1", "amd64"),
            ],
            downloads: vec![Download::new("zig", "0.15.2", "b".repeat(64))],
            images: BTreeMap::from([("a/b:1".to_owned(), "sha256:1".to_owned())]),
            ..LockedEnvironment::default()
        }
    }

    fn lock() -> LockFile {
        let mut lock = LockFile::default();
        lock.put(environment("s390x-unknown-linux-gnu"));
        lock.put(environment("aarch64-unknown-linux-gnu"));
        lock
    }

    fn refused(text: &str) -> (String, String) {
        let error = LockFile::parse(text, Path::new("/w/Cross.lock")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Lock, "{error}");
        assert!(
            error
                .to_string()
                .starts_with("`/w/Cross.lock` cannot be used: "),
            "{error}"
        );
        (error.to_string(), error.help().unwrap().to_owned())
    }

    #[test]
    fn what_is_written_is_read_and_each_package_is_a_line() {
        let text = lock().render();
        assert_eq!(LockFile::parse(&text, Path::new("x")).unwrap(), lock());
        let first = text.find("target = \"aarch64").unwrap();
        assert!(first < text.find("target = \"s390x").unwrap(), "sorted");
        let line = "    { name = \"gcc\", version = \"4:12.2.0-3\", architecture = \"amd64\", sha256 = \"aaaa";
        assert_eq!(
            text.lines().filter(|it| it.starts_with(line)).count(),
            2,
            "{text}"
        );
        assert!(
            text.contains(
                "source = \"gcc-defaults\", source-version = \"1.203\", removed = true },"
            )
        );
        assert!(text.contains(
            "{ name = \"own\", version = \"1\", architecture = \"amd64\", source = \"own\" },"
        ));
    }

    #[test]
    fn a_changed_package_is_a_diff_of_two_lines() {
        let mut other = lock();
        let mut changed = environment("aarch64-unknown-linux-gnu");
        changed.packages[0] = InstalledPackage::new("adduser", "3.135", "all");
        assert!(other.put(changed).is_some());
        let (before, after) = (lock().render(), other.render());
        let lines = before.lines().zip(after.lines());
        let differ: Vec<_> = lines.filter(|(before, after)| before != after).collect();
        assert_eq!(differ.len(), 2, "the package and the hash: {differ:#?}");
    }

    #[test]
    fn a_newer_version_is_named() {
        let text = lock()
            .render()
            .replace("version = 1\n", "version = 2\nnew = true\n");
        let (message, help) = refused(&text);
        assert!(message.contains("version 2"), "{message}");
        assert!(help.contains("update cross-core"), "{help}");
    }

    #[test]
    fn an_edited_hash_or_version_does_not_fit() {
        for (from, to) in [
            ("aaaa", "aaab"),
            ("3.134", "3.135"),
            ("recipe = \"r\"", "recipe = \"s\""),
        ] {
            let (message, help) = refused(&lock().render().replacen(from, to, 1));
            assert!(message.contains("`aarch64-unknown-linux-gnu`"), "{message}");
            assert!(
                help.contains("cargo xtask lock --update aarch64-unknown-linux-gnu"),
                "{help}"
            );
        }
    }

    #[test]
    fn a_merge_conflict_is_named_by_its_line() {
        let text = lock().render();
        let (head, rest) = text.split_at(text.find("[[environment]]").unwrap());
        let line = head.lines().count() + 1;
        let (message, help) = refused(&format!(
            "{head}<<<<<<< HEAD\n{rest}=======\n>>>>>>> other\n"
        ));
        assert!(
            message.contains(&format!("line {line} is a merge conflict")),
            "{message}"
        );
        assert!(help.contains("--ours"), "{help}");
    }

    #[test]
    fn what_is_no_lock_is_refused_with_a_remedy() {
        for text in [
            "",
            "version = \"1\"",
            "version = 1\nunknown = 1",
            "not toml",
            "version = 1\n[[environment]]\n",
        ] {
            let (_, help) = refused(text);
            assert!(help.contains("lock again"), "{text}: {help}");
        }
    }
}
