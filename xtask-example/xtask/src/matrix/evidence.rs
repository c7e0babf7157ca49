//! What was seen of each target: one entry for a target, an engine and a source of Rust.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::prove::Proof;
use crate::archive;
use crate::failure::Failure;

/// Where the entries are, below the workspace's root.
const RECORDS: &str = "docs/targets.json";
/// The page that is made of them.
pub(crate) const TABLE: &str = "docs/targets.md";

/// What came of one proof.
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
    /// What was built of `rust`, `c` and `c++`.
    pub(crate) built: Vec<String>,
    /// The oldest glibc the program starts on.
    pub(crate) glibc: Option<String>,
    /// Tests that passed, and that there are. For a target without `std`: its program.
    pub(crate) tests: Option<(u64, u64)>,
    /// The environment's size as the engine counts it.
    pub(crate) size: Option<String>,
    /// Seconds that the environment took from nothing; absent where it was there.
    pub(crate) environment_seconds: Option<f64>,
    /// Seconds of the whole proof.
    pub(crate) seconds: f64,
    /// Why it failed.
    pub(crate) error: Option<String>,
    /// What came of each of the crates that people use, where they were tried: nothing, or why not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) crates: BTreeMap<String, Option<String>>,
}

/// What the environment says of its tools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Versions {
    /// rustc's.
    pub(crate) rust: Option<String>,
    pub(crate) compiler: Option<String>,
    pub(crate) libc: Option<String>,
    pub(crate) emulator: Option<String>,
}

/// What came of the crates that people use, for one target.
pub(crate) struct Crates {
    pub(crate) target: String,
    pub(crate) engine: String,
    pub(crate) toolchain: String,
    pub(crate) results: BTreeMap<String, Option<String>>,
}

impl Entry {
    /// What there can be one entry of.
    pub(crate) fn key(&self) -> (&str, &str, &str) {
        (&self.target, &self.engine, &self.toolchain)
    }
}

/// The entries, in the order of their keys.
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

    /// The entry of a proof, if it was one of the same things.
    pub(crate) fn same(&self, proof: &Proof<'_>) -> Option<&Entry> {
        self.entries.iter().find(|entry| proof.is_of(entry))
    }

    /// What is known of an environment from an earlier proof of its recipe: what it took to make.
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

    /// Keeps what came of the crates with the entry of their target.
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

    /// Keeps `entry` in place of an earlier one, but for what came of the crates.
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

    /// Does `change` to the entries as they are by now, since other runs record too, and writes them
    /// and the page.
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

    /// Writes the entries and the page, each in one step.
    fn write(&self, root: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(&self.entries)
            .map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))?;
        text.push('\n');
        replace(&root.join(RECORDS), &text)?;
        replace(&root.join(TABLE), &super::rendered(&self.entries))
    }

    /// `rows` of those that are proven with this engine and Rust, others every day: all of them in
    /// turn.
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
                entry.error.is_none() && entry.engine == engine && entry.toolchain == toolchain
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
            glibc: None,
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
    }

    #[test]
    fn an_entry_takes_the_place_of_the_earlier_one() {
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
    fn the_page_is_the_one_of_the_records() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let store = Store::open(&root).unwrap();
        let page = fs::read_to_string(root.join(TABLE)).unwrap();
        let made = super::super::rendered(&store.entries);
        assert!(page == made, "`cargo xtask matrix --render` writes it");
    }

    #[test]
    fn what_is_written_is_read_again() {
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
