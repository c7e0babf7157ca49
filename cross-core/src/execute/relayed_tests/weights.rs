//! Estimates the number of tests in the sources of a test binary.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{Dir, limits};

use crate::cargo::dep_info;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::fixed_paths::FixedPaths;

/// Estimates the weights of binaries. Each source file is read once.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    /// The target directory, which has the list of each binary's sources.
    target_dir: &'a Dir,
    workspace: Dir,
    /// The paths that the run sees.
    fixed: &'a FixedPaths,
    /// The number of tests in each source file.
    files: HashMap<PathBuf, u32>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(
        target_dir: &'a Dir,
        workspace: &Path,
        fixed: &'a FixedPaths,
    ) -> Result<Self> {
        Ok(Weights {
            target_dir,
            workspace: Dir::open(workspace).map_engine_error()?,
            fixed,
            files: HashMap::new(),
        })
    }

    /// Returns the number of tests in the sources of `binary`, at least one. Tests from macros or a
    /// custom harness are not counted, and a wrong number only costs time.
    pub(super) fn of(&mut self, binary: &Path) -> u32 {
        let sources = dep_info::sources_of(self.target_dir, binary, self.fixed).unwrap_or_default();
        let tests = sources
            .iter()
            .filter(|source| {
                source
                    .extension()
                    .is_some_and(|extension| extension == "rs")
            })
            .fold(0_u32, |tests, source| {
                tests.saturating_add(self.tests_in_file(source))
            });
        tests.max(1)
    }

    /// Returns the number of tests in a file of the workspace. Other files that a binary lists as
    /// its sources are not read.
    fn tests_in_file(&mut self, path: &Path) -> u32 {
        if let Some(tests) = self.files.get(path) {
            return *tests;
        }
        let relative = self.workspace.relative(path).unwrap_or(path);
        let file = self.workspace.file(relative);
        let text = file.and_then(|file| file.text(limits::SOURCE));
        let tests = text.map_or(0, |text| tests_in(&text));
        self.files.insert(path.to_owned(), tests);
        tests
    }
}

/// Counts the attributes that declare tests in `text`: `#[test]`, `#[tokio::test]`, `#[rstest]` and
/// so on.
fn tests_in(text: &str) -> u32 {
    let declares_test = |line: &&str| {
        let attribute = line.trim_start().strip_prefix("#[");
        attribute.is_some_and(|name| !name.starts_with("cfg") && name.contains("test"))
    };
    u32::try_from(text.lines().filter(declares_test).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn tests_are_counted_by_their_attributes() {
        let text = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n    #[tokio::test(flavor = \"x\")]\n    \
                    async fn b() {}\n    #[rstest]\n    fn c() {}\n    // test\n    #[derive(Debug)]\n";
        assert_eq!(tests_in(text), 3);
    }

    #[test]
    fn the_weight_of_a_binary_is_the_number_of_tests_in_its_sources() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write("a.rs", "#[test]\n#[test]\n");
        write("b.rs", "#[test]\n");
        write("it-1.d", "/t/it-1: a.rs b.rs c.bin\n\na.rs:\n");
        let target_dir = Dir::open(dir.path()).unwrap();
        let fixed = FixedPaths::default();
        let mut weights = Weights::new(&target_dir, dir.path(), &fixed).unwrap();
        assert_eq!(weights.of(&dir.path().join("it-1")), 3);
        let unknown = weights.of(&dir.path().join("other-1"));
        assert_eq!(unknown, 1);
    }

    #[test]
    fn sources_outside_the_workspace_are_not_read() {
        let outer = tempfile::tempdir().unwrap();
        let workspace = outer.path().join("w");
        fs::create_dir(&workspace).unwrap();
        fs::write(outer.path().join("secret.rs"), "#[test]\n#[test]\n").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/zero", workspace.join("endless.rs")).unwrap();
        let secret = outer.path().join("secret.rs");
        let sources = format!("/t/it-1: ../secret.rs {} endless.rs\n", secret.display());
        fs::write(workspace.join("it-1.d"), sources).unwrap();
        let target_dir = Dir::open(&workspace).unwrap();
        let fixed = FixedPaths::default();
        let mut weights = Weights::new(&target_dir, &workspace, &fixed).unwrap();
        assert_eq!(weights.of(&workspace.join("it-1")), 1);
    }
}
