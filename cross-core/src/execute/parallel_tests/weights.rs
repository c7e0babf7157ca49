//! How many tests there are in the sources of a test binary, roughly.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{Dir, limits};

use crate::cargo::dep_info;
use crate::model::error::{MapEngineError as _, Result};

/// Weighs binaries; each source file is read once.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    /// Where cargo says of binaries what they were made of.
    target_dir: &'a Dir,
    workspace: Dir,
    files: HashMap<PathBuf, u32>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(target_dir: &'a Dir, workspace: &Path) -> Result<Self> {
        Ok(Weights {
            target_dir,
            workspace: Dir::open(workspace).map_engine_error()?,
            files: HashMap::new(),
        })
    }

    /// The tests in the sources of `binary`, at least one. What tests are made of (macros, a
    /// harness of its own) cannot be known, and a wrong number only costs time.
    pub(super) fn of(&mut self, binary: &Path) -> u32 {
        let sources = dep_info::sources_of(self.target_dir, binary).unwrap_or_default();
        let tests = sources
            .iter()
            .filter(|source| source.extension().is_some_and(|it| it == "rs"))
            .fold(0_u32, |tests, source| {
                tests.saturating_add(self.file(source))
            });
        tests.max(1)
    }

    /// Those in a file of the workspace. What else a binary claims to be made of is not looked
    /// into.
    fn file(&mut self, path: &Path) -> u32 {
        if let Some(known) = self.files.get(path) {
            return *known;
        }
        let below = self.workspace.relative(path).unwrap_or(path);
        let file = self.workspace.file(below);
        let text = file.and_then(|file| file.text(limits::SOURCE));
        let tests = text.map_or(0, |text| tests_in(&text));
        self.files.insert(path.to_owned(), tests);
        tests
    }
}

/// How many attributes make tests in `text`: `#[test]`, `#[tokio::test]`, `#[rstest]` and the like.
fn tests_in(text: &str) -> u32 {
    let makes_one = |line: &&str| {
        let attribute = line.trim_start().strip_prefix("#[");
        attribute.is_some_and(|it| !it.starts_with("cfg") && it.contains("test"))
    };
    u32::try_from(text.lines().filter(makes_one).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tests_are_known_by_their_attributes() {
        let text = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n    #[tokio::test(flavor = \"x\")]\n    \
                    async fn b() {}\n    #[rstest]\n    fn c() {}\n    // test\n    #[derive(Debug)]\n";
        assert_eq!(tests_in(text), 3);
    }

    #[test]
    fn a_binary_weighs_what_is_in_its_sources() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("a.rs", "#[test]\n#[test]\n");
        write("b.rs", "#[test]\n");
        write("it-1.d", "/t/it-1: a.rs b.rs c.bin\n\na.rs:\n");
        let target_dir = Dir::open(dir.path()).unwrap();
        let mut weights = Weights::new(&target_dir, dir.path()).unwrap();
        assert_eq!(weights.of(&dir.path().join("it-1")), 3);
        let unknown = weights.of(&dir.path().join("other-1"));
        assert_eq!(unknown, 1);
    }

    #[test]
    fn sources_that_a_binary_claims_elsewhere_are_not_looked_into() {
        let outer = tempfile::tempdir().unwrap();
        let workspace = outer.path().join("w");
        fs::create_dir(&workspace).unwrap();
        fs::write(outer.path().join("secret.rs"), "#[test]\n#[test]\n").unwrap();
        std::os::unix::fs::symlink("/dev/zero", workspace.join("endless.rs")).unwrap();
        let secret = outer.path().join("secret.rs");
        let sources = format!("/t/it-1: ../secret.rs {} endless.rs\n", secret.display());
        fs::write(workspace.join("it-1.d"), sources).unwrap();
        let target_dir = Dir::open(&workspace).unwrap();
        let mut weights = Weights::new(&target_dir, &workspace).unwrap();
        assert_eq!(weights.of(&workspace.join("it-1")), 1);
    }
}
