//! Publishes artifacts: copies them to cargo's usual locations, under names that the workspace can
//! produce.

use std::fs;
use std::path::Path;

use cross_engine::Cancel;
use cross_engine::process::untrusted::{Dir, Entry, FileKind, RegularFile, limits};

use crate::cargo::products::{Products, Site};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind};

/// Creates and opens the directory where artifacts are published.
pub(crate) fn destination(path: &Path) -> Result<Dir> {
    fs::create_dir_all(path).on("create directory", path)?;
    Dir::open(path).map_engine_error()
}

/// Copies the artifacts in `from` to their published paths below `to`.
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

/// The error for a command that succeeded without what it announces.
pub(crate) fn nothing_made(place: &Path) -> Error {
    let message = format!(
        "cargo succeeded, but nothing is at `{}`, where it says it put the result",
        place.display()
    );
    Error::new(ErrorKind::CargoFailed, message).with_help(
        "a setting or a flag leads to a directory that does not exist outside of the environment: name the \
         directory with `--target-dir`",
    )
}

/// Decides whether a file may be published at a path.
pub(crate) type PublishCheck<'a> = dyn FnMut(&RegularFile, &Path) -> Result<bool> + 'a;

/// Copies the files that cargo presents to its user in a target's directory.
pub(crate) struct Mirror<'a, 'j> {
    /// The destination.
    pub(crate) to: &'a Dir,
    /// The names that files may have.
    pub(crate) products: &'a Products,
    pub(crate) cancel: &'a Cancel,
    /// Checks each file of a profile that has not been published yet.
    pub(crate) check: &'a mut PublishCheck<'j>,
}

impl Mirror<'_, '_> {
    /// Copies the files of each profile, its examples, and the documentation. Cargo's internal
    /// files are not copied.
    pub(crate) fn run(&mut self, from: &Dir) -> Result<()> {
        for entry in from.entries().map_engine_error()? {
            if entry.kind != FileKind::Directory || is_hidden(&entry) {
                continue;
            }
            let name = Path::new(&entry.name);
            let dir = from.dir(name).map_engine_error()?;
            if entry.name == "doc" {
                self.copy_tree(&dir, name, limits::DEPTH)?;
                continue;
            }
            let entries = dir.entries().map_engine_error()?;
            let has = |name: &str| entries.iter().any(|entry| entry.name == name);
            if has("deps") || self.products.have_any_name() {
                self.copy_site(&dir, &entries, name, Site::Profile)?;
            }
            if has("examples") {
                let examples = dir.dir("examples").map_engine_error()?;
                let entries = examples.entries().map_engine_error()?;
                self.copy_site(&examples, &entries, &name.join("examples"), Site::Examples)?;
            }
        }
        Ok(())
    }

    /// Copies the artifacts in a directory that a flag of cargo's names.
    pub(crate) fn of_flag(&mut self, from: &Dir) -> Result<()> {
        let entries = from.entries().map_engine_error()?;
        let here = Path::new("");
        let programs = self.copy_site(from, &entries, here, Site::Profile)?;
        let examples = self.copy_site(from, &entries, here, Site::Examples)?;
        match programs + examples {
            0 => Err(nothing_made(self.to.path())),
            _ => Ok(()),
        }
    }

    /// Copies the files in `dir` whose names the workspace can produce to `at`. Returns how many
    /// there are.
    fn copy_site(&mut self, dir: &Dir, entries: &[Entry], at: &Path, site: Site) -> Result<usize> {
        self.check_cancel()?;
        let mut products = 0;
        for entry in entries {
            let name = entry.name.to_str();
            let is_product = name.is_some_and(|name| self.products.can_be_called(name, site));
            if entry.kind == FileKind::Directory || is_hidden(entry) || !is_product {
                continue;
            }
            products += 1;
            let (file, to) = (
                dir.file(&entry.name).map_engine_error()?,
                at.join(&entry.name),
            );
            let published = self.to.path().join(&to);
            if !self.to.has_copy(&file, &to) && (self.check)(&file, &published)? {
                self.to
                    .publish(&file, &to, self.cancel)
                    .map_engine_error()?;
            }
        }
        Ok(products)
    }

    /// Fails if the request was cancelled.
    fn check_cancel(&self) -> Result<()> {
        let stopped = |reason| Error::stopped(reason, "the publishing of artifacts");
        self.cancel.check().map_err(stopped)
    }

    /// Copies all regular files in `dir` and its subdirectories, up to `depth` levels.
    fn copy_tree(&self, dir: &Dir, at: &Path, depth: usize) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            let message = format!("`{}` is nested too deeply", dir.path().display());
            return Err(Error::new(ErrorKind::Untrusted, message));
        };
        self.check_cancel()?;
        for entry in dir.entries().map_engine_error()? {
            let to = at.join(&entry.name);
            match entry.kind {
                _ if is_hidden(&entry) => {}
                FileKind::Directory => {
                    let subdirectory = dir.dir(&entry.name).map_engine_error()?;
                    self.copy_tree(&subdirectory, &to, depth)?;
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
