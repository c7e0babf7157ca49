//! The recorded evidence: one entry for each target, engine and toolchain.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::prove::Proof;
use crate::archive;
use crate::failure::Failure;

/// The file with the entries, relative to the root of the workspace.
const RECORDS: &str = "docs/targets.json";
/// The page that is generated from the entries.
pub(crate) const TABLE: &str = "docs/targets.md";

/// The result of one proof.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) target: String,
    /// `sandbox`, `docker` or `podman`.
    pub(crate) engine: String,
    /// `host` or `image`.
    pub(crate) toolchain: String,
    /// The day, as `2026-11-23`.
    pub(crate) date: String,
    pub(crate) suite: Option<String>,
    pub(crate) recipe_sha256: Option<String>,
    /// A hash of the crate that was built.
    pub(crate) proof: String,
    /// `rustup`, `package` or `build-std`.
    pub(crate) std: String,
    #[serde(flatten)]
    pub(crate) versions: Versions,
    /// Which of `rust`, `c` and `c++` were built.
    pub(crate) built: Vec<String>,
    /// What took the place of the user's SDK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sdk: Option<String>,
    /// The oldest glibc that the program runs with.
    pub(crate) glibc: Option<String>,
    /// The oldest macOS that the program runs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) macos: Option<String>,
    /// How many tests passed, and how many ran. A target without `std` counts its program as a
    /// test.
    pub(crate) tests: Option<(u64, u64)>,
    /// The size of the environment as the engine reports it.
    pub(crate) size: Option<String>,
    /// How long the environment took to make. Absent if it existed.
    pub(crate) environment_seconds: Option<f64>,
    /// How long the whole proof took.
    pub(crate) seconds: f64,
    /// Why the proof failed.
    pub(crate) error: Option<String>,
    /// The popular crates that were tested, each with its error if it failed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) crates: BTreeMap<String, Option<String>>,
}

/// The versions that the tools in the environment report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Versions {
    /// The version of rustc.
    pub(crate) rust: Option<String>,
    pub(crate) compiler: Option<String>,
    pub(crate) libc: Option<String>,
    pub(crate) emulator: Option<String>,
}

/// The results of the popular crates for one target.
pub(crate) struct Crates {
    pub(crate) target: String,
    pub(crate) engine: String,
    pub(crate) toolchain: String,
    pub(crate) results: BTreeMap<String, Option<String>>,
}

/// What is known of the environment of one target.
pub(crate) struct Answer {
    pub(crate) target: String,
    pub(crate) engine: String,
    pub(crate) toolchain: String,
    pub(crate) recipe_sha256: Option<String>,
    pub(crate) versions: Versions,
    pub(crate) size: Option<String>,
    /// How long it took to make. `None` if it was there.
    pub(crate) seconds: Option<f64>,
}

impl Entry {
    /// Returns the key of the entry.
    pub(crate) fn key(&self) -> (&str, &str, &str) {
        (&self.target, &self.engine, &self.toolchain)
    }
}

/// The entries, sorted by their keys.
pub(crate) struct Store {
    entries: Vec<Entry>,
}

impl Store {
    pub(crate) fn open(root: &Path) -> Result<Self, Failure> {
        let path = root.join(RECORDS);
        let entries = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|error| {
                Failure::new(format!("`{}` cannot be read: {error}", path.display()))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Failure::io("read", &path, &error)),
        };
        Ok(Store { entries })
    }

    /// Returns the entry of a proof with the same inputs.
    pub(crate) fn same(&self, proof: &Proof<'_>) -> Option<&Entry> {
        self.entries.iter().find(|entry| proof.is_of(entry))
    }

    /// Returns how long an environment of this recipe took to make in an earlier proof.
    pub(crate) fn environment_seconds(
        &self,
        recipe_sha256: Option<&str>,
        engine: &str,
    ) -> Option<f64> {
        self.entries
            .iter()
            .filter(|entry| {
                entry.recipe_sha256.as_deref() == recipe_sha256 && entry.engine == engine
            })
            .find_map(|entry| entry.environment_seconds)
    }

    /// Records the results of the crates in the entry of their target.
    pub(crate) fn record_crates(&mut self, crates: Crates) -> Result<(), Failure> {
        let key = (&*crates.target, &*crates.engine, &*crates.toolchain);
        let entry = self.entries.iter_mut().find(|entry| entry.key() == key);
        let entry = entry.ok_or_else(|| {
            Failure::new(format!("{} is not recorded yet", crates.target))
                .with_help("prove it without `--crates` first")
        })?;
        entry.crates = crates.results;
        Ok(())
    }

    /// Records the environment of a proven row. The row keeps its date, which is that of its proof.
    pub(crate) fn record_environment(&mut self, answer: Answer) -> Result<(), Failure> {
        let key = (&*answer.target, &*answer.engine, &*answer.toolchain);
        let entry = self.entries.iter_mut().find(|entry| entry.key() == key);
        match entry {
            Some(entry) if entry.recipe_sha256 == answer.recipe_sha256 => {
                entry.versions = answer.versions;
                entry.size = answer.size;
                entry.environment_seconds = answer.seconds.or(entry.environment_seconds);
                Ok(())
            }
            Some(_) => Err(
                Failure::new(format!("the recipe of {} has changed", answer.target))
                    .with_help("prove it again, without `--environments`"),
            ),
            None => Err(
                Failure::new(format!("{} is not recorded yet", answer.target))
                    .with_help("prove it without `--environments` first"),
            ),
        }
    }

    /// Records `entry` in place of an earlier one, and keeps the results of the crates.
    pub(crate) fn record(&mut self, mut entry: Entry) {
        let earlier = self
            .entries
            .iter_mut()
            .find(|known| known.key() == entry.key());
        if let Some(earlier) = earlier {
            entry.crates = std::mem::take(&mut earlier.crates);
        }
        self.entries.retain(|known| known.key() != entry.key());
        self.entries.push(entry);
        self.entries.sort_by(|a, b| a.key().cmp(&b.key()));
    }

    /// Applies `change` to the current entries, and writes them and the page. A lock protects the
    /// entries of concurrent runs.
    pub(crate) fn update(
        root: &Path,
        change: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let dir = root.join(RECORDS);
        let dir = dir.parent().unwrap_or(root);
        let failed = |error: io::Error| Failure::io("lock", dir, &error);
        let mut lock = fd_lock::RwLock::new(File::open(dir).map_err(failed)?);
        let _held = lock.write().map_err(failed)?;
        let mut store = Store::open(root)?;
        change(&mut store)?;
        store.write(root)
    }

    /// Writes the entries and the page, each atomically.
    fn write(&self, root: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(&self.entries)
            .map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))?;
        text.push('\n');
        replace(&root.join(RECORDS), &text)?;
        replace(&root.join(TABLE), &super::rendered(&self.entries))
    }

    /// Returns this many of the rows that are proven with this engine and toolchain. The choice
    /// changes every day and covers all rows in turn. With `host`, a row needs a `std` of rustup's:
    /// another one was proven with another toolchain of the host.
    pub(crate) fn rotating(
        &self,
        rows: usize,
        day: u64,
        engine: &str,
        toolchain: &str,
    ) -> Vec<String> {
        let proven: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| {
                let has_std = toolchain != "host" || entry.std == "rustup";
                let is_asked = entry.engine == engine && entry.toolchain == toolchain;
                entry.error.is_none() && is_asked && has_std
            })
            .map(|entry| entry.target.clone())
            .collect();
        let first = usize::try_from(day).unwrap_or(0).wrapping_mul(rows);
        let rows = rows.min(proven.len());
        (0..rows)
            .map(|n| proven[first.wrapping_add(n) % proven.len()].clone())
            .collect()
    }
}

fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    archive::write(path, text.as_bytes()).map_err(|error| Failure::io("write", path, &error))
}

#[cfg(test)]
mod tests {
    use cross_core::targets::{Libc, Target};

    use super::*;

    fn entry(target: &str, toolchain: &str, error: Option<&str>) -> Entry {
        Entry {
            target: target.to_owned(),
            engine: "sandbox".to_owned(),
            toolchain: toolchain.to_owned(),
            date: "2026-11-23".to_owned(),
            suite: None,
            recipe_sha256: Some(format!("hash of {target}")),
            proof: String::new(),
            std: "package".to_owned(),
            versions: Versions::default(),
            built: Vec::new(),
            sdk: None,
            glibc: None,
            macos: None,
            tests: None,
            size: None,
            environment_seconds: Some(30.0),
            seconds: 1.0,
            error: error.map(str::to_owned),
            crates: BTreeMap::new(),
        }
    }

    fn store() -> Store {
        let mut store = Store {
            entries: Vec::new(),
        };
        for target in ["c", "a", "b"] {
            store.record(entry(target, "image", None));
        }
        store.record(entry("d", "image", Some("no")));
        store.record(entry("e", "host", None));
        store
    }

    #[test]
    fn every_proven_row_has_its_turn() {
        let store = store();
        let rows = |day| store.rotating(2, day, "sandbox", "image").concat();
        assert_eq!([rows(0), rows(1), rows(2)], ["ab", "ca", "bc"]);
        assert_eq!(store.rotating(9, 1, "sandbox", "image").len(), 3);
        assert!(store.rotating(2, 1, "docker", "image").is_empty());
        assert!(store.rotating(1, 1, "sandbox", "host").is_empty());
    }

    #[test]
    fn an_entry_replaces_the_earlier_one() {
        let mut store = store();
        store.record(entry("d", "image", None));
        let targets: Vec<_> = store
            .entries
            .iter()
            .map(|entry| entry.target.as_str())
            .collect();
        assert_eq!(targets, ["a", "b", "c", "d", "e"]);
        assert_eq!(store.entries[3].error, None);
        let seconds = |hash, engine| store.environment_seconds(Some(hash), engine);
        assert_eq!(seconds("hash of a", "sandbox"), Some(30.0));
        assert_eq!(seconds("hash of a", "docker"), None);
    }

    #[test]
    fn environments_are_recorded_again_for_the_same_recipe_only() {
        let mut store = store();
        let answer = |target: &str, recipe: &str, seconds| Answer {
            target: target.to_owned(),
            engine: "sandbox".to_owned(),
            toolchain: "image".to_owned(),
            recipe_sha256: Some(recipe.to_owned()),
            versions: Versions {
                rust: Some("1.95.0".to_owned()),
                ..Versions::default()
            },
            size: Some("409MB".to_owned()),
            seconds,
        };
        store
            .record_environment(answer("a", "hash of a", None))
            .unwrap();
        let [a, b] = [&store.entries[0], &store.entries[1]];
        assert_eq!(a.versions.rust.as_deref(), Some("1.95.0"));
        assert_eq!((&a.date, &b.versions.rust), (&b.date, &None));
        assert_eq!(a.size.as_deref(), Some("409MB"));
        assert_eq!(a.environment_seconds, Some(30.0), "it was there this time");
        let made = answer("a", "hash of a", Some(8.0));
        store.record_environment(made).unwrap();
        assert_eq!(store.entries[0].environment_seconds, Some(8.0));
        for (target, recipe) in [("b", "another"), ("x", "hash of x")] {
            let refused = store.record_environment(answer(target, recipe, Some(8.0)));
            assert!(refused.is_err(), "{target}");
        }
    }

    /// What was asked by an earlier version of the questions may be wrong for its target.
    #[test]
    fn the_recorded_libc_is_the_targets() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for entry in Store::open(&root).unwrap().entries {
            let facts = Target::parse(&entry.target).unwrap().facts();
            let names: &[&str] = match facts.libc {
                Libc::Glibc => &["glibc"],
                Libc::Musl | Libc::Emscripten => &["musl"],
                Libc::Mingw => &["mingw-w64"],
                Libc::Newlib => &["newlib"],
                Libc::Wasi => &["wasi-libc"],
                Libc::System => &["FreeBSD", "NetBSD"],
                _ => &[],
            };
            let is_right = |libc: &String| {
                libc.split_once(' ')
                    .is_some_and(|(name, version)| names.contains(&name) && !version.is_empty())
            };
            let libc = &entry.versions.libc;
            assert!(
                libc.iter().all(is_right),
                "{}: `cargo xtask matrix --versions` asks again instead of {libc:?}",
                entry.target
            );
        }
    }

    #[test]
    fn the_page_matches_the_records() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let store = Store::open(&root).unwrap();
        let page = fs::read_to_string(root.join(TABLE)).unwrap();
        let made = super::super::rendered(&store.entries);
        assert!(page == made, "`cargo xtask matrix --render` writes it");
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("docs")).unwrap();
        let written = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];
        std::thread::scope(|runs| {
            for target in written {
                runs.spawn(move || {
                    let record = |store: &mut Store| {
                        store.record(entry(target, "host", None));
                        Ok(())
                    };
                    Store::update(root, record).unwrap();
                });
            }
        });
        let again = Store::open(root).unwrap();
        assert_eq!(again.entries.len(), 2, "neither run lost the other's");
        assert!(again.entries.contains(&entry(written[0], "host", None)));
        let page = fs::read_to_string(root.join(TABLE)).unwrap();
        assert!(page.contains("x86_64-unknown-linux-gnu"));
    }
}
