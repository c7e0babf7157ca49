//! What was built, made to appear outside: copies under names that the workspace can produce.

use std::fs;
use std::path::Path;

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, Entry, FileKind, RegularFile, limits};

use crate::cargo::products::{Products, Site};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind};

/// Opens the directory where artifacts appear.
pub(crate) fn destination(path: &Path) -> Result<Dir> {
    fs::create_dir_all(path).on("create directory", path)?;
    Dir::open(path).map_engine_error()
}

/// Makes copies of the artifacts that are in `from` appear where they are published, below `to`.
pub(crate) fn artifacts(from: &Dir, to: &Dir, built: &[Artifact], cancel: &Cancel) -> Result<()> {
    for artifact in built {
        if artifact.kind != ArtifactKind::Test && artifact.inside != artifact.path {
            let file = files::open(from, &artifact.inside)?;
            let published = files::relative(to, &artifact.path)?;
            to.publish(&file, published, cancel).map_engine_error()?;
        }
    }
    Ok(())
}

/// Says of a file, and of where it is to appear, whether it may.
pub(crate) type Judge<'a> = dyn FnMut(&RegularFile, &Path) -> Result<bool> + 'a;

/// Makes what cargo shows its user in a target's directory appear elsewhere.
pub(crate) struct Mirror<'a, 'j> {
    /// Where it appears.
    pub(crate) to: &'a Dir,
    /// Which names files may have.
    pub(crate) products: &'a Products,
    pub(crate) cancel: &'a Cancel,
    /// Is asked of each file of a profile that is not there yet.
    pub(crate) judge: &'a mut Judge<'j>,
}

impl Mirror<'_, '_> {
    /// Mirrors the files of each profile and its examples, and the documentation. What cargo keeps
    /// for itself stays.
    pub(crate) fn run(&mut self, from: &Dir) -> Result<()> {
        for entry in from.entries().map_engine_error()? {
            if entry.kind != FileKind::Directory || is_hidden(&entry) {
                continue;
            }
            let name = Path::new(&entry.name);
            let dir = from.dir(name).map_engine_error()?;
            if entry.name == "doc" {
                self.tree(&dir, name, limits::DEPTH)?;
                continue;
            }
            let entries = dir.entries().map_engine_error()?;
            let has = |name: &str| entries.iter().any(|entry| entry.name == name);
            if has("deps") || self.products.have_any_name() {
                self.site(&dir, &entries, name, Site::Profile)?;
            }
            if has("examples") {
                let examples = dir.dir("examples").map_engine_error()?;
                let entries = examples.entries().map_engine_error()?;
                self.site(&examples, &entries, &name.join("examples"), Site::Examples)?;
            }
        }
        Ok(())
    }

    /// Mirrors the files in `dir` that have names of the workspace's to `at`.
    fn site(&mut self, dir: &Dir, entries: &[Entry], at: &Path, site: Site) -> Result<()> {
        self.is_to_go_on()?;
        for entry in entries {
            let name = entry.name.to_str();
            let is_ours = name.is_some_and(|name| self.products.can_be_called(name, site));
            if entry.kind == FileKind::Directory || is_hidden(entry) || !is_ours {
                continue;
            }
            let (file, to) = (
                dir.file(&entry.name).map_engine_error()?,
                at.join(&entry.name),
            );
            let shown = self.to.path().join(&to);
            if !self.to.has_copy(&file, &to) && (self.judge)(&file, &shown)? {
                self.to
                    .publish(&file, &to, self.cancel)
                    .map_engine_error()?;
            }
        }
        Ok(())
    }

    fn is_to_go_on(&self) -> Result<()> {
        let stopped = |why| Error::stopped(why, "the publishing of what was built");
        self.cancel.check().map_err(stopped)
    }

    /// Mirrors all regular files in `dir` and below it, at most so `deep`.
    fn tree(&self, dir: &Dir, at: &Path, deep: usize) -> Result<()> {
        let Some(deep) = deep.checked_sub(1) else {
            let message = format!("`{}` is deeper than documentation is", dir.path().display());
            return Err(Error::new(ErrorKind::Untrusted, message));
        };
        self.is_to_go_on()?;
        for entry in dir.entries().map_engine_error()? {
            let to = at.join(&entry.name);
            match entry.kind {
                _ if is_hidden(&entry) => {}
                FileKind::Directory => {
                    self.tree(&dir.dir(&entry.name).map_engine_error()?, &to, deep)?;
                }
                FileKind::Regular => {
                    let file = dir.file(&entry.name).map_engine_error()?;
                    self.to
                        .publish(&file, &to, self.cancel)
                        .map_engine_error()?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_hidden(entry: &Entry) -> bool {
    entry.name.as_encoded_bytes().starts_with(b".")
}
