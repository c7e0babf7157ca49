//! How many tests there are in the sources of a test binary, roughly.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::dep_info;

/// Weighs binaries; each source file is read once.
#[derive(Debug, Default)]
pub(super) struct Weights {
    files: HashMap<PathBuf, u32>,
}

impl Weights {
    /// The tests in the sources of `binary`, at least one. What tests are made of (macros, a harness of its own)
    /// cannot be known, and a wrong number only costs time.
    pub(super) fn of(&mut self, binary: &Path, workspace: &Path) -> u32 {
        let sources = dep_info::sources_of(binary).unwrap_or_default();
        let tests: u32 = sources
            .iter()
            .filter(|source| source.extension().is_some_and(|it| it == "rs"))
            .map(|source| self.file(&workspace.join(source)))
            .sum();
        tests.max(1)
    }

    fn file(&mut self, path: &Path) -> u32 {
        if let Some(known) = self.files.get(path) {
            return *known;
        }
        let tests = fs::read_to_string(path).map_or(0, |text| tests_in(&text));
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
        let mut weights = Weights::default();
        assert_eq!(weights.of(&dir.path().join("it-1"), dir.path()), 3);
        let unknown = weights.of(&dir.path().join("other-1"), dir.path());
        assert_eq!(unknown, 1);
    }
}
