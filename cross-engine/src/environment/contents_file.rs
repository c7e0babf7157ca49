//! The records of environments' contents, beside the environments.

use std::fs;
use std::path::Path;

use crate::environment::blueprint::Blueprint;
use crate::environment::contents::{Contents, RECORD};
use crate::process::error::Result;
use crate::process::untrusted::{Dir, limits};
use crate::process::whole_file;

/// The file beside a root file system that has its contents.
pub(crate) const CONTENTS: &str = "contents.json";

/// The largest record: that of a whole distribution has some 10 MiB.
pub(crate) const LIMIT: u64 = limits::SOURCE;

/// The contents of the root file system at `root`, which `blueprint` describes.
pub(crate) fn of_root(root: &Path, blueprint: &Blueprint) -> Result<Contents> {
    let file = Dir::open(root)?.file(RECORD.trim_start_matches('/'))?;
    Ok(of_text(&file.text(LIMIT)?, blueprint))
}

/// The contents of `blueprint`'s environment, which recorded `text`.
pub(crate) fn of_text(text: &str, blueprint: &Blueprint) -> Contents {
    let mut contents = Contents::parse(text);
    contents.downloads.clone_from(&blueprint.downloads);
    contents.pre_build.clone_from(&blueprint.pre_build);
    if let Some(locked) = &blueprint.locked {
        // The packages came from an archive of exactly these, which has no release of its own.
        contents.releases.clone_from(&locked.releases);
    }
    contents
}

/// Writes `contents` to `path`.
pub(crate) fn write(path: &Path, contents: &Contents) -> Result<()> {
    let text = serde_json::to_string_pretty(contents).unwrap_or_default();
    whole_file::write(path, text.as_bytes(), 0o644)
}

/// Reads the contents in the file at `path`, if there are any.
pub(crate) fn read(path: &Path) -> Option<Contents> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}
