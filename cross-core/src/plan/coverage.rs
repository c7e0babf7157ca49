//! Coverage: the raw profiles that instrumented programs write when they exit.

use std::path::{Path, PathBuf};

use cross_engine::EnvValue;
use cross_engine::process::untrusted::Dir;

use crate::model::error::{MapEngineError as _, Result};
use crate::model::step::{Action, Prepared, Step};

/// The variable that tells an instrumented program where to write its profile.
const VARIABLE: &str = "LLVM_PROFILE_FILE";

/// Returns the directory of the profiles.
pub(crate) fn dir(target_dir: &Path) -> PathBuf {
    target_dir.join("raw-profiles")
}

/// Returns the variable for runs. Each process writes a file of its own.
pub(crate) fn variable(target_dir: &Path) -> (String, EnvValue) {
    let file = dir(target_dir).join("%m-%p.profraw");
    let value = EnvValue::Plain(file.display().to_string());
    (VARIABLE.to_owned(), value)
}

/// The step that prepares the directory, before the programs run.
pub(crate) fn prepare(target_dir: &Path) -> Step {
    let empty = Prepared::EmptyDirectory(dir(target_dir));
    Step::prepare("prepare for coverage", vec![empty])
}

/// The step that collects the profiles, after the programs ran.
pub(crate) fn collect(target_dir: &Path) -> Step {
    let from = dir(target_dir);
    Step::new("collect the coverage", Action::CollectProfiles { from })
}

/// Returns the profiles in `dir`, which is below the target directory, sorted by name.
pub(crate) fn files(target_dir: &Dir, dir: &Path) -> Result<Vec<PathBuf>> {
    let name = target_dir.relative(dir).unwrap_or(dir);
    let profiles = target_dir.dir(name).map_engine_error()?;
    let entries = profiles.entries().map_engine_error()?;
    entries
        .iter()
        .map(|entry| {
            // The caller reads them, so they have to be regular files.
            let file = profiles.file(&entry.name).map_engine_error()?;
            Ok(file.path().to_owned())
        })
        .collect()
}
