//! Coverage: what instrumented programs write when they end, collected where the host finds it.

use std::path::{Path, PathBuf};

use cross_engine::EnvValue;
use cross_engine::process::untrusted::Dir;

use crate::model::error::{MapEngineError as _, Result};
use crate::model::step::{Action, Prepared, Step};

/// Says where an instrumented program writes.
const VARIABLE: &str = "LLVM_PROFILE_FILE";

/// Where programs write.
pub(crate) fn dir(target_dir: &Path) -> PathBuf {
    target_dir.join("raw-profiles")
}

/// The variable for what is run: a file for each program and process.
pub(crate) fn variable(target_dir: &Path) -> (String, EnvValue) {
    let file = dir(target_dir).join("%m-%p.profraw");
    let value = EnvValue::Plain(file.display().to_string());
    (VARIABLE.to_owned(), value)
}

/// The step before the programs run.
pub(crate) fn prepare(target_dir: &Path) -> Step {
    let empty = Prepared::EmptyDirectory(dir(target_dir));
    Step::prepare("prepare for coverage", vec![empty])
}

/// The step after it.
pub(crate) fn collect(target_dir: &Path) -> Step {
    Step {
        purpose: "collect the coverage".to_owned(),
        action: Action::CollectProfiles {
            from: dir(target_dir),
        },
        command: None,
        kept: None,
    }
}

/// The files in `dir`, which is below the target directory, by name.
pub(crate) fn files(target_dir: &Dir, dir: &Path) -> Result<Vec<PathBuf>> {
    let name = target_dir.relative(dir).unwrap_or(dir);
    let profiles = target_dir.dir(name).map_engine_error()?;
    let entries = profiles.entries().map_engine_error()?;
    entries
        .iter()
        .map(|entry| {
            // The caller reads them: they have to be files.
            let file = profiles.file(&entry.name).map_engine_error()?;
            Ok(file.path().to_owned())
        })
        .collect()
}
