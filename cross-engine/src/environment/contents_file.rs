//! The records of environments' contents, beside the environments.

use std::path::Path;

use crate::environment::blueprint::Blueprint;
use crate::environment::contents::{Contents, RECORD, SCHEMA_VERSION};
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

/// Reads the contents in the file at `path`, if there are any. What is damaged or no file of a
/// record's size, or was written by a newer version that means something else by it, is no record.
pub(crate) fn read(path: &Path) -> Option<Contents> {
    let file = Dir::open(path.parent()?)
        .ok()?
        .file(path.file_name()?)
        .ok()?;
    let contents: Contents = serde_json::from_slice(&file.bytes(LIMIT).ok()?).ok()?;
    (contents.schema_version <= SCHEMA_VERSION).then_some(contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_record_that_is_cut_or_of_a_newer_version_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CONTENTS);
        assert_eq!(read(&path), None);
        let contents = Contents::parse("package\ta\t1\tall\t\ta\t1\n");
        write(&path, &contents).unwrap();
        assert_eq!(read(&path), Some(contents));
        let text = fs::read_to_string(&path).unwrap();
        let is_none = |text: &str| {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path), None, "{text}");
        };
        for end in [0, 1, text.len() / 2, text.len() - 1] {
            is_none(&text[..end]);
        }
        is_none(&text.replace("\"schema_version\": 1", "\"schema_version\": 2"));
        let known = text.replacen('{', "{ \"later\": 1,", 1);
        fs::write(&path, known).unwrap();
        assert!(read(&path).is_some(), "a newer version may say more");
    }
}
