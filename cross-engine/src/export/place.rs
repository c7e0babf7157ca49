//! Where the parts of an archive go, and whether they are there.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::environment::contents_file::{self, CONTENTS};
use crate::environment::locked_packages::LockedPackages;
use crate::environment::manifest::Manifest;
use crate::environment::package_cache::PACKAGES;
use crate::export::manifest::Part;
use crate::export::pack::hash_of;
use crate::export::part::PartKind;
use crate::image::store::ENVIRONMENTS;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::process::untrusted::Dir;

/// Where the parts of an archive go on this machine.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Destination {
    /// The cache directory.
    pub cache: PathBuf,
    /// `CARGO_HOME`.
    pub cargo_home: PathBuf,
    /// `RUSTUP_HOME`.
    pub rustup_home: PathBuf,
    /// The SHA-256 hashes that the project's `Cargo.lock` allows for a crate, by the name of its file.
    /// Others are not checked.
    pub crates: BTreeMap<String, BTreeSet<String>>,
    /// The packages that the project's `Cross.lock` has for an environment, by the end of its name.
    /// Others are not checked.
    pub locked: BTreeMap<String, LockedPackages>,
}

/// Whether a part is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum There {
    No,
    Yes,
}

impl Destination {
    /// A machine with these directories.
    pub fn new(
        cache: impl Into<PathBuf>,
        cargo_home: impl Into<PathBuf>,
        rustup_home: impl Into<PathBuf>,
    ) -> Self {
        Destination {
            cache: cache.into(),
            cargo_home: cargo_home.into(),
            rustup_home: rustup_home.into(),
            crates: BTreeMap::new(),
            locked: BTreeMap::new(),
        }
    }

    /// Sets the hashes that are allowed for crates.
    #[must_use]
    pub fn crates(mut self, crates: BTreeMap<String, BTreeSet<String>>) -> Self {
        self.crates = crates;
        self
    }

    /// Sets the packages of locked environments.
    #[must_use]
    pub fn locked(mut self, locked: BTreeMap<String, LockedPackages>) -> Self {
        self.locked = locked;
        self
    }

    /// Checks that the environment `name`, of which `dir` is all there is, has the packages that
    /// the project's lock has for it.
    pub(crate) fn check_environment(&self, name: &str, dir: &Path) -> Result<()> {
        let mut locked = self.locked.iter();
        let Some((_, locked)) = locked.find(|(end, _)| name.ends_with(&**end)) else {
            return Ok(());
        };
        let refused = |why: String| {
            let message =
                format!("the archive's environment `{name}` is not what Cross.lock says: {why}");
            Err(Error::new(ErrorKind::Archive, message).with_help(
                "export again from the project as it is; the archive may have been changed on the \
                 way",
            ))
        };
        match contents_file::read(&dir.join(CONTENTS)) {
            None => refused("it has no record of its packages".to_owned()),
            Some(contents) => match locked.differences(&contents) {
                Some(differences) => refused(differences),
                None => Ok(()),
            },
        }
    }

    /// The directory of the parts of this kind. Each may be on a file system of its own.
    pub(crate) fn base(&self, kind: PartKind) -> PathBuf {
        match kind {
            PartKind::Environment => self.cache.join(ENVIRONMENTS),
            PartKind::Package => self.cache.join(PACKAGES),
            PartKind::Toolchain => self.rustup_home.join("toolchains"),
            PartKind::Crate => self.cargo_home.clone(),
        }
    }

    /// Where a part goes.
    pub(crate) fn place(&self, part: &Part) -> PathBuf {
        self.base(part.kind).join(&part.name)
    }

    /// Whether a part is there already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Archive`] if something else is there, or if it is not the crate that the
    /// project's `Cargo.lock` names.
    pub(crate) fn look(&self, part: &Part) -> Result<There> {
        self.check_crate(part)?;
        let place = self.place(part);
        if place.symlink_metadata().is_err() {
            return Ok(There::No);
        }
        match part.kind {
            // It is compared with the archive's index whenever it is used.
            PartKind::Package => Ok(There::Yes),
            // An index has newer versions as time goes by.
            PartKind::Crate if part.name.starts_with("registry/index/") => Ok(There::Yes),
            PartKind::Environment => look_at_environment(part, &place),
            PartKind::Toolchain | PartKind::Crate => look_at_files(part, &place),
        }
    }

    fn check_crate(&self, part: &Part) -> Result<()> {
        let file = part.name.rsplit('/').next().unwrap_or_default();
        let (PartKind::Crate, Some(allowed)) = (part.kind, self.crates.get(file)) else {
            return Ok(());
        };
        match part.files().all(|(_, _, sha256)| allowed.contains(sha256)) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Archive,
                format!("the archive's `{file}` is not the crate that Cargo.lock names"),
            )
            .with_help(
                "export again from the project as it is; the archive may have been changed on the way",
            )),
        }
    }
}

fn look_at_environment(part: &Part, place: &Path) -> Result<There> {
    match Manifest::of(&part.name, place) {
        Ok(Some(_)) => {}
        // It is what an interrupted removal left.
        Ok(None) => return Ok(There::No),
        Err(why) => return Err(differs(part, place, &why)),
    }
    let ours = part.files().find(|(path, ..)| *path == CONTENTS);
    let Some((_, size, sha256)) = ours else {
        return Ok(There::Yes);
    };
    match is_file(place, CONTENTS, size, sha256)? {
        true => Ok(There::Yes),
        false => Err(differs(part, place, "it has other packages")),
    }
}

/// Compares the files that decide what a part is. Other files may be there as well.
fn look_at_files(part: &Part, place: &Path) -> Result<There> {
    for (path, size, sha256) in part.files() {
        // The names of branches change, and the objects do not.
        if part.is_repository() && !path.starts_with("objects/") {
            continue;
        }
        if !is_file(place, path, size, sha256)? {
            let why = match path {
                "" => "its content differs".to_owned(),
                path => format!("`{path}` is missing or differs"),
            };
            return Err(differs(part, place, &why));
        }
    }
    Ok(There::Yes)
}

/// Whether a file is there and has this size and hash.
fn is_file(place: &Path, path: &str, size: u64, sha256: &str) -> Result<bool> {
    let (dir, name) = match (path, place.parent(), place.file_name()) {
        ("", Some(parent), Some(name)) => (parent, Path::new(name)),
        _ => (place, Path::new(path)),
    };
    let dir = match Dir::open(dir) {
        Err(error) if error.io_kind() == Some(io::ErrorKind::NotADirectory) => return Ok(false),
        dir => dir?,
    };
    let file = match dir.file_if_any(name) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(false),
        Err(error) if error.kind() == ErrorKind::Untrusted => return Ok(false),
        Err(error) => return Err(error),
    };
    if file.len() != size {
        return Ok(false);
    }
    Ok(hash_of(file.as_file()).on("read", file.path())? == sha256)
}

fn differs(part: &Part, place: &Path, why: &str) -> Error {
    let (kind, name) = (part.kind, &part.name);
    let message = format!(
        "the {kind} `{name}` is at `{}` already, and is not the archive's: {why}",
        place.display()
    );
    let remedy = match kind {
        PartKind::Environment => {
            "an import overwrites nothing: remove it first with `Cross::remove_environment` or \
             `cargo xtask env rm`"
        }
        PartKind::Toolchain => {
            "an import overwrites nothing: remove it first with `rustup toolchain uninstall`, or \
             export without toolchains"
        }
        _ => "an import overwrites nothing: move it away first",
    };
    Error::new(ErrorKind::Archive, message).with_help(remedy)
}
