//! The directory `target/dist`: archives, checksums, papers, and the manifest that describes them.
//!
//! The manifest has an entry for each target of this version that was made here. A run for one
//! target replaces the entry of that target, and keeps the others whose archive still exists. So
//! every archive of this version in the directory has passed the checks of `dist`: when a target
//! fails, its earlier archive is removed. Files are written atomically and under a lock, so that
//! concurrent and killed runs leave a consistent directory.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use cross_core::outcome::TestSummary;
use serde::{Deserialize, Serialize};

use crate::archive;
use crate::failure::Failure;
use crate::papers::Paper;

/// The version of the format. It grows when a field changes its meaning or is removed.
const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    pub(crate) name: String,
    pub(crate) version: String,
    /// The entries, sorted by target.
    pub(crate) targets: Vec<Entry>,
}

/// The result of one target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) target: String,
    /// If the target failed, the fields below that were not known yet are absent.
    #[serde(flatten)]
    pub(crate) status: Status,
    pub(crate) built: Option<Built>,
    pub(crate) archive: Option<Archive>,
    pub(crate) tests: Option<Tests>,
    pub(crate) seconds: Seconds,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub(crate) enum Status {
    Ok,
    Failed { error: String, help: Option<String> },
}

/// How the program was built.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Built {
    pub(crate) engine: String,
    pub(crate) environment: String,
    /// Present if the environment was made from a recipe.
    pub(crate) recipe_sha256: Option<String>,
    pub(crate) rust: Option<String>,
    /// The oldest glibc that the program runs with.
    pub(crate) glibc: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Archive {
    pub(crate) file: String,
    pub(crate) sha256: String,
    /// The size in bytes.
    pub(crate) size: u64,
    /// The bill of materials and the provenance.
    #[serde(default)]
    pub(crate) papers: Vec<PaperFile>,
}

/// A file beside the archive that describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PaperFile {
    pub(crate) file: String,
    pub(crate) sha256: String,
}

/// The bytes of an archive, and the papers beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed {
    pub(crate) archive: Vec<u8>,
    pub(crate) papers: Vec<Paper>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tests {
    pub(crate) run: u64,
    pub(crate) passed: u64,
    pub(crate) ignored: u64,
}

/// The duration of each part. In the first run, `build` includes the making of the environment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seconds {
    pub(crate) build: f64,
    pub(crate) test: f64,
    pub(crate) run: f64,
    pub(crate) total: f64,
}

impl From<&TestSummary> for Tests {
    fn from(summary: &TestSummary) -> Self {
        Tests {
            run: summary.ran(),
            passed: summary.passed,
            ignored: summary.ignored,
        }
    }
}

impl Entry {
    pub(crate) fn is_ok(&self) -> bool {
        matches!(self.status, Status::Ok)
    }
}

/// The directory with the archives.
pub(crate) struct Store {
    dir: PathBuf,
    name: String,
    version: String,
}

impl Store {
    pub(crate) fn open(dir: PathBuf, name: &str, version: &str) -> Result<Self, Failure> {
        fs::create_dir_all(&dir).map_err(|error| Failure::io("create", &dir, &error))?;
        Ok(Store {
            dir,
            name: name.to_owned(),
            version: version.to_owned(),
        })
    }

    /// The directory of the archives.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn manifest_path(&self) -> PathBuf {
        self.dir.join("dist-manifest.json")
    }

    /// Records `entry` in place of the target's earlier entry, and writes its archive with its papers.
    pub(crate) fn record(&self, entry: Entry, packed: Option<&Packed>) -> Result<(), Failure> {
        self.locked(|| self.replace(entry, packed))
            .map_err(|error| Failure::io("write to", &self.dir, &error))
    }

    fn locked(&self, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.dir.join(".lock"))?;
        let mut lock = fd_lock::RwLock::new(file);
        let _held = lock.write()?;
        archive::sweep(&self.dir)?;
        work()
    }

    fn replace(&self, entry: Entry, packed: Option<&Packed>) -> io::Result<()> {
        let (mut targets, earlier): (Vec<_>, Vec<_>) = self
            .read()
            .into_iter()
            .filter(|earlier| self.has(earlier))
            .partition(|earlier| earlier.target != entry.target);
        match (&entry.archive, packed) {
            (Some(archive), Some(packed)) => {
                let sum = format!("{}  {}\n", archive.sha256, archive.file);
                archive::write(&self.dir.join(&archive.file), &packed.archive)?;
                archive::write(&checksum(&self.dir.join(&archive.file)), sum.as_bytes())?;
                for paper in &packed.papers {
                    archive::write(&self.dir.join(&paper.file), &paper.bytes)?;
                }
            }
            _ => earlier
                .iter()
                .try_for_each(|earlier| self.remove(earlier))?,
        }
        targets.push(entry);
        targets.sort_by(|a, b| a.target.cmp(&b.target));
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            name: self.name.clone(),
            version: self.version.clone(),
            targets,
        };
        let mut text = serde_json::to_vec_pretty(&manifest)?;
        text.push(b'\n');
        archive::write(&self.manifest_path(), &text)
    }

    /// Reads the entries. A manifest that is of another version or unreadable has none.
    fn read(&self) -> Vec<Entry> {
        fs::read(self.manifest_path())
            .ok()
            .and_then(|text| serde_json::from_slice::<Manifest>(&text).ok())
            .filter(|manifest| {
                manifest.schema_version == SCHEMA_VERSION && manifest.version == self.version
            })
            .map_or_else(Vec::new, |manifest| manifest.targets)
    }

    fn has(&self, entry: &Entry) -> bool {
        let archive = entry.archive.as_ref();
        archive.is_none_or(|archive| self.dir.join(&archive.file).exists())
    }

    fn remove(&self, entry: &Entry) -> io::Result<()> {
        let Some(archive) = &entry.archive else {
            return Ok(());
        };
        let path = self.dir.join(&archive.file);
        let papers = archive.papers.iter();
        let papers = papers.map(|paper| self.dir.join(&paper.file));
        [path.clone(), checksum(&path)]
            .into_iter()
            .chain(papers)
            .try_for_each(|path| remove(&path))
    }
}

/// Removes a file. One that is gone already is fine.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn checksum(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(target: &str) -> Entry {
        Entry {
            target: target.to_owned(),
            status: Status::Ok,
            built: None,
            archive: Some(Archive {
                file: format!("app-1-{target}.tar.gz"),
                sha256: archive::sha256(target.as_bytes()),
                size: target.len() as u64,
                papers: vec![PaperFile {
                    file: format!("app-1-{target}.tar.gz.cdx.json"),
                    sha256: archive::sha256(b"paper"),
                }],
            }),
            tests: None,
            seconds: Seconds::default(),
        }
    }

    fn packed(target: &str) -> Packed {
        Packed {
            archive: target.as_bytes().to_vec(),
            papers: vec![Paper {
                file: format!("app-1-{target}.tar.gz.cdx.json"),
                bytes: b"paper".to_vec(),
            }],
        }
    }

    fn failed(target: &str) -> Entry {
        Entry {
            status: Status::Failed {
                error: "broken".to_owned(),
                help: None,
            },
            archive: None,
            ..ok(target)
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }

    fn targets(store: &Store) -> Vec<(String, bool)> {
        let entries = store.read().into_iter();
        entries
            .map(|entry| (entry.target.clone(), entry.is_ok()))
            .collect()
    }

    #[test]
    fn a_run_keeps_the_entries_of_other_targets_whose_archive_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().to_owned(), "app", "1").unwrap();
        for target in ["b", "a", "c"] {
            store.record(ok(target), Some(&packed(target))).unwrap();
        }
        fs::remove_file(dir.path().join("app-1-c.tar.gz")).unwrap();
        store.record(ok("b"), Some(&packed("b"))).unwrap();
        assert_eq!(
            targets(&store),
            [("a".to_owned(), true), ("b".to_owned(), true)]
        );
        let sum = fs::read_to_string(dir.path().join("app-1-b.tar.gz.sha256")).unwrap();
        assert_eq!(sum, format!("{}  app-1-b.tar.gz\n", archive::sha256(b"b")));
        let next = Store::open(dir.path().to_owned(), "app", "2").unwrap();
        assert!(
            targets(&next).is_empty(),
            "another version is another release"
        );
    }

    #[test]
    fn a_target_that_fails_loses_its_earlier_archive_with_its_papers() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().to_owned(), "app", "1").unwrap();
        store.record(ok("a"), Some(&packed("a"))).unwrap();
        assert_eq!(names(dir.path()).len(), 4);
        store.record(failed("a"), None).unwrap();
        assert_eq!(targets(&store), [("a".to_owned(), false)]);
        assert_eq!(names(dir.path()), ["dist-manifest.json"]);
    }

    #[test]
    fn concurrent_runs_lose_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let dir = dir.path().to_owned();
                scope.spawn(move || {
                    let store = Store::open(dir, "app", "1").unwrap();
                    let target = format!("t{n}");
                    store.record(ok(&target), Some(&packed(&target))).unwrap();
                });
            }
        });
        let store = Store::open(dir.path().to_owned(), "app", "1").unwrap();
        assert_eq!(targets(&store).len(), 8);
        assert_eq!(
            names(dir.path()).len(),
            8 * 3 + 1,
            "no unfinished file is left"
        );
    }
}
