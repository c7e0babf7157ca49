//! The manifest of an environment's or a base's directory.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::environment::blueprint::Blueprint;
use crate::process::clock;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::untrusted::{Dir, limits};
use crate::process::whole_file;

/// The manifest's file name. The file is written last, and a directory without it is not complete.
pub(crate) const MANIFEST: &str = "environment.json";
/// The manifest of a directory.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest {
    schema_version: u32,
    pub(crate) name: String,
    suite: String,
    packages: Vec<String>,
    pub(crate) bytes: u64,
    made_at_unix: u64,
}

impl Manifest {
    /// Creates the manifest of `blueprint`, with the current time.
    pub(crate) fn new(blueprint: &Blueprint, bytes: u64) -> Self {
        Manifest {
            schema_version: 1,
            name: blueprint.name.clone(),
            suite: blueprint.suite.clone(),
            packages: blueprint.packages.clone(),
            bytes,
            made_at_unix: clock::unix_time().as_secs(),
        }
    }

    /// The manifest of `blueprint`, before its size and its time are known.
    pub(crate) fn unfinished(blueprint: &Blueprint) -> Self {
        Manifest {
            made_at_unix: 0,
            ..Manifest::new(blueprint, 0)
        }
    }

    /// Reads the manifest in `dir`, if the directory is complete and the manifest is whole.
    pub(crate) fn read(dir: &Path) -> Option<Self> {
        Manifest::read_whole(dir).ok().flatten()
    }

    /// Reads the manifest of the environment or base `name`, which is `dir`. `None` if it is not
    /// complete.
    ///
    /// # Errors
    ///
    /// What is wrong with the manifest.
    pub(crate) fn of(name: &str, dir: &Path) -> Result<Option<Self>, String> {
        match Manifest::read_whole(dir)? {
            Some(other) if other.name != name => {
                let path = dir.join(MANIFEST);
                Err(format!("`{}` is that of `{}`", path.display(), other.name))
            }
            manifest => Ok(manifest),
        }
    }

    /// No link is followed, and neither a pipe nor a huge file is read.
    fn read_whole(dir: &Path) -> Result<Option<Self>, String> {
        if !is_complete(dir) {
            return Ok(None);
        }
        let in_words = |error: Error| match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        let file = Dir::open(dir).and_then(|dir| dir.file_if_any(MANIFEST));
        let Some(file) = file.map_err(in_words)? else {
            // Somebody has just removed it.
            return Ok(None);
        };
        let bytes = file.bytes(limits::RECORD).map_err(in_words)?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| format!("`{}` cannot be read: {error}", file.path().display()))
    }

    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        whole_file::write(&dir.join(MANIFEST), self.text().as_bytes(), 0o644)
    }

    /// The content of the file.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Whether it is of another environment of the same suite.
    pub(crate) fn is_similar(&self, blueprint: &Blueprint) -> bool {
        self.suite == blueprint.suite && self.name != blueprint.name
    }

    pub(crate) fn built_at(&self) -> u64 {
        self.made_at_unix
    }
}

/// Whether a manifest is in `dir`, even a damaged one.
pub(crate) fn is_complete(dir: &Path) -> bool {
    match dir.join(MANIFEST).symlink_metadata() {
        Ok(_) => true,
        Err(error) => !matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
    }
}

/// The error about the environment `name`, whose manifest is damaged.
pub(crate) fn damaged(name: &str, why: &str) -> Error {
    let message = format!("the environment `{name}` is damaged: {why}");
    Error::new(ErrorKind::Environment, message).with_help(format!(
        "remove it, and the next build makes it again: `cargo xtask env rm {name} \
         --engine sandbox`, `Cross::remove_environment`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_damaged_manifest_is_told_from_none() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("env-1");
        let why = |name: &str| Manifest::of(name, &dir).err().unwrap_or_default();
        assert!(
            Manifest::of("env-1", &dir).unwrap().is_none(),
            "no directory"
        );
        fs::create_dir(&dir).unwrap();
        assert!(Manifest::of("env-1", &dir).unwrap().is_none(), "half made");
        assert!(!is_complete(&dir));
        let blueprint = Blueprint::new("env-1", "bookworm", ["gcc"]);
        Manifest::new(&blueprint, 7).write(&dir).unwrap();
        assert_eq!(Manifest::of("env-1", &dir).unwrap().unwrap().bytes, 7);
        assert!(why("env-2").ends_with("environment.json` is that of `env-1`"));

        let file = dir.join(MANIFEST);
        let text = fs::read_to_string(&file).unwrap();
        let wrong_type = text.replace("\"bytes\": 7", "\"bytes\": \"7\"");
        for damage in [
            "",
            &text[..text.len() / 2],
            "packages",
            "[]",
            "{}",
            &wrong_type,
        ] {
            fs::write(&file, damage).unwrap();
            let why = why("env-1");
            assert!(
                why.contains("environment.json` cannot be read: "),
                "{damage}: {why}"
            );
            assert!(is_complete(&dir), "{damage}");
        }
        fs::write(&file, [0xff, 0xfe, 0]).unwrap();
        assert!(why("env-1").contains("cannot be read"));
        let huge = fs::File::create(&file).unwrap();
        huge.set_len(limits::RECORD + 1).unwrap();
        assert!(why("env-1").contains("it is longer than 1048576 bytes"));
        // Windows keeps the name of an open file.
        drop(huge);
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(
            why("env-1").contains("not a regular file"),
            "{}",
            why("env-1")
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_manifest_that_is_a_link_or_a_pipe_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let (dir, file) = (home.path(), home.path().join(MANIFEST));
        let why = || Manifest::of("env-1", dir).err().unwrap_or_default();
        let elsewhere = home.path().join("elsewhere");
        for target in [elsewhere.as_path(), Path::new("/dev/zero")] {
            std::os::unix::fs::symlink(target, &file).unwrap();
            assert!(why().contains("not a regular file"), "{}", why());
            assert!(is_complete(dir), "it is not taken for half made");
            fs::remove_file(&file).unwrap();
        }
        let _pipe = crate::os::pipes::create(&file).unwrap();
        assert!(why().contains("not a regular file"), "{}", why());
    }
}
