//! Exporting: writes everything that builds and tests need to one archive, for a machine without a
//! network.

mod host_parts;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::{ArchivedPart, Cancel, EnvironmentLocation, ExportSource, PartKind, export};
use serde::Serialize;

use crate::api::requests::distinct;
use crate::facts::environment_name::build_architecture;
use crate::facts::facts::Facts;
use crate::facts::remote::toolchain_parts;
use crate::facts::{lock, locked_crates, probe};
use crate::model::error::{Error, ErrorKind, IoContext as _, MapEngineError as _, Result};
use crate::model::step::Warning;
use crate::model::toolchain::ToolchainSource;
use crate::request::cross::Cross;
use crate::request::event::EventKind;
use crate::target::name::TargetName;

/// A request to export what targets need. [`Cross::export`] creates it.
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct ExportRequest {
    cross: Cross,
    targets: Vec<String>,
    path: PathBuf,
    toolchains: bool,
}

/// The outcome of an export.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ExportOutcome {
    /// The archive.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its header, which has the hash of everything else.
    /// [`ImportRequest::expect`](crate::export::ImportRequest::expect) compares it.
    pub sha256: String,
    /// What is in it, in the order of the archive.
    pub parts: Vec<ArchivedPart>,
}

impl Cross {
    /// Writes everything that builds and tests for `targets` need to an archive at `path`, for a
    /// machine of the same architecture without a network: the environments, the packages that
    /// `Cross.lock` names, and the crates that `Cargo.lock` names, with those of `std` if it is
    /// built. What is missing is made and fetched first, as [`prefetch`](Cross::prefetch) does. A
    /// path that is relative is relative to the directory of this `Cross`.
    ///
    /// An SDK and `wasm-bindgen-test-runner` are the machine's own. The warning `not-exported` names
    /// what of them the other machine has to have.
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// let archive = cross.export(["aarch64-unknown-linux-gnu"], "offline.tar").toolchains(true).run()?;
    /// println!("{} MB, SHA-256 {}", archive.bytes / 1_000_000, archive.sha256);
    /// // On the other machine, in the same project:
    /// cross.import("offline.tar").expect(&archive.sha256).run()?;
    /// cross.offline(true).test("aarch64-unknown-linux-gnu").run()?;
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    pub fn export<I>(&self, targets: I, path: impl Into<PathBuf>) -> ExportRequest
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        ExportRequest {
            cross: self.clone(),
            targets: distinct(targets),
            path: path.into(),
            toolchains: false,
        }
    }
}

impl ExportRequest {
    /// Exports rustup's toolchains, too: what of them compiles for the targets. The other machine
    /// runs their cargo.
    ///
    /// # Default value
    ///
    /// `false`: the other machine has them.
    pub fn toolchains(mut self, yes: bool) -> Self {
        self.toolchains = yes;
        self
    }

    /// Writes the archive. A file at its path is replaced when the archive is whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Archive`] for what cannot be exported: images of docker and podman, crates that
    /// cargo cannot use without a network, a toolchain that rustup does not manage. The errors of
    /// [`prefetch`](Cross::prefetch), and [`ErrorKind::Io`].
    pub fn run(&self) -> Result<ExportOutcome> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](ExportRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](ExportRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<ExportOutcome> {
        let cross = &self.cross;
        if self.targets.is_empty() {
            let message = "no target is named to export";
            return Err(Error::new(ErrorKind::Request, message).with_help("name a target"));
        }
        // What is refused is refused before anything is downloaded.
        let path = cross.dir().join(&self.path);
        check_place(&path)?;
        for target in &self.targets {
            let facts = probe::probe(&cross.build(target), cancel)?;
            environment_dir(&facts).map_err(|error| error.with_target(target))?;
            for warning in host_parts::warnings(cross, &facts)? {
                let Warning {
                    code,
                    message,
                    help,
                } = warning;
                let warning = EventKind::Warning {
                    code,
                    message,
                    help,
                };
                let _ = cross.emit(target, warning);
            }
        }
        let batch = cross.build_many(&self.targets);
        batch.prefetch_until(cancel)?;

        let mut sources = Sources::default();
        for target in &self.targets {
            let facts = probe::probe(&cross.build(target), cancel)?;
            sources
                .add(&facts, self.toolchains)
                .map_err(|error| error.with_target(target))?;
        }
        let written = export(
            &sources.list(),
            &build_architecture()?.to_string(),
            &path,
            cancel,
            &mut |bytes, of| cross.emit("", EventKind::ArchiveProgress { bytes, of }),
        );
        let written = written.map_engine_error()?;
        Ok(ExportOutcome {
            path,
            bytes: written.bytes,
            sha256: written.sha256,
            parts: written.parts,
        })
    }
}

/// Checks that an archive can be written at `path`.
fn check_place(path: &Path) -> Result<()> {
    let refused = |why: String, help: &str| {
        let message = format!("cannot export to `{}`: {why}", path.display());
        Err(Error::new(ErrorKind::Io, message).with_help(help))
    };
    if path.is_dir() || path.file_name().is_none() {
        return refused(
            "it is a directory".to_owned(),
            "name the file to write, such as `offline.tar` in it",
        );
    }
    match path.parent() {
        Some(parent) if !parent.is_dir() => refused(
            format!("`{}` is not a directory", parent.display()),
            "make the directory, or name a file in another one",
        ),
        _ => Ok(()),
    }
}

/// The directory of the environment of a request.
fn environment_dir(facts: &Facts) -> Result<(String, PathBuf)> {
    let location = facts.environment().location;
    match (&location, facts.env_spec.recipe()) {
        (EnvironmentLocation::Directory(dir), Some(named)) => {
            Ok((named.blueprint.name.clone(), dir.clone()))
        }
        (location, _) => {
            let engine = facts.selected.engine.kind;
            let (why, help) = match location {
                EnvironmentLocation::Host => (
                    "uses the tools of this machine",
                    "name the engine `sandbox`: its environments are exported",
                ),
                _ => (
                    "keeps environments as images, which are not exported",
                    "name the engine `sandbox`: its environments are exported; the engine itself copies \
                     an image by its `save` and `load`",
                ),
            };
            let message = format!("the engine `{engine}` {why}");
            Err(Error::new(ErrorKind::Archive, message).with_help(help))
        }
    }
}

/// What is exported, each once.
#[derive(Default)]
struct Sources {
    /// By kind and name: where it is, and which parts.
    found: BTreeMap<(PartKind, String), (PathBuf, Vec<PathBuf>)>,
}

impl Sources {
    /// Adds what a request needs.
    fn add(&mut self, facts: &Facts, toolchains: bool) -> Result<()> {
        let (name, dir) = environment_dir(facts)?;
        self.put(PartKind::Environment, name, dir, Vec::new());
        let root = &facts.workspace.root;
        self.add_packages(facts, root)?;
        if toolchains {
            self.add_toolchain(facts)?;
        }
        let cargo_home = &facts.inputs.cargo_home;
        let lock_file = root.join("Cargo.lock");
        let text = fs::read_to_string(&lock_file).on("read", &lock_file)?;
        let of_std = facts.lock_of_std()?;
        for text in [Some(text), of_std].into_iter().flatten() {
            for path in locked_crates::fetched(cargo_home, &text)? {
                let words = path.iter().map(|word| word.to_string_lossy());
                let name = words.collect::<Vec<_>>().join("/");
                self.put(PartKind::Crate, name, cargo_home.join(path), Vec::new());
            }
        }
        Ok(())
    }

    /// Adds the packages that the lock names and the cache has.
    fn add_packages(&mut self, facts: &Facts, root: &Path) -> Result<()> {
        let Some(file) = lock::read(root)? else {
            return Ok(());
        };
        let architecture = build_architecture()?.to_string();
        let locked = file.find(facts.target.requested(), &architecture);
        let packages = locked.iter().flat_map(|locked| &locked.packages);
        for sha256 in packages.filter_map(|package| package.sha256.as_ref()) {
            let name = format!("{sha256}.deb");
            let place = facts.host.cache.join("packages").join(&name);
            if place.is_file() {
                self.put(PartKind::Package, name, place, Vec::new());
            }
        }
        Ok(())
    }

    /// Adds what of the toolchain compiles for the target.
    fn add_toolchain(&mut self, facts: &Facts) -> Result<()> {
        let (name, sysroot) = match &facts.toolchain.source {
            ToolchainSource::Host { name, sysroot } => (name, sysroot),
            // It is in the environment.
            ToolchainSource::Image => return Ok(()),
            ToolchainSource::Directory { sysroot } => {
                let message = format!(
                    "the toolchain in `{}` is no toolchain of rustup's, and is not exported",
                    sysroot.display()
                );
                return Err(Error::new(ErrorKind::Archive, message).with_help(
                    "copy the directory to the same place there, and export without toolchains",
                ));
            }
        };
        let mut triples = rust_triples(&facts.target);
        triples.push(facts.native_triple());
        let parts = toolchain_parts(sysroot, &triples, !facts.build_std.is_empty());
        let parts = parts
            .iter()
            .filter_map(|part| part.strip_prefix(sysroot).ok());
        let parts = parts.map(Path::to_owned).collect();
        self.put(PartKind::Toolchain, name.clone(), sysroot.clone(), parts);
        Ok(())
    }

    fn put(&mut self, kind: PartKind, name: String, root: PathBuf, parts: Vec<PathBuf>) {
        let (_, known) = self.found.entry((kind, name)).or_insert((root, Vec::new()));
        known.extend(parts);
        known.sort();
        known.dedup();
    }

    fn list(self) -> Vec<ExportSource> {
        let found = self.found.into_iter();
        found
            .map(|((kind, name), (root, parts))| ExportSource::new(kind, name, root).parts(parts))
            .collect()
    }
}

fn rust_triples(target: &TargetName) -> Vec<String> {
    target.slices().into_iter().map(str::to_owned).collect()
}
