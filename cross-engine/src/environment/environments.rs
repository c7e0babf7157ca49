//! Environments: found by one stat or one inspect, made atomically, listed and removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engines::engine::{Engine, Kind};
use crate::environment::blueprint::Blueprint;
use crate::environment::commands;
use crate::environment::finish;
use crate::environment::manifest::{MANIFEST, Manifest};
use crate::image::cli::{self, ImageFacts, LABEL};
use crate::image::image_build::{Builder, ImageBuild, Source};
use crate::image::image_cache;
use crate::image::images::Place;
use crate::image::maker::Maker;
use crate::image::progress::ProgressSink;
use crate::image::staging::{Staging, remove_tree};
use crate::image::store::Store;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::reuse::sweep;
use crate::spec::rootfs_layout::{Layout, read_layout};
use crate::spec::run_spec::Root;

/// The repository of our images; the tag is the environment's name.
const REPOSITORY: &str = "localhost/cross-core";
/// The environments that one engine holds.
#[derive(Clone, Copy, Debug)]
pub struct Environments<'a> {
    pub(crate) store: Store<'a>,
}

/// Where an environment is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Location {
    /// A root file system in this directory.
    Directory(PathBuf),
    /// An image of this name.
    Image(String),
    /// The machine itself, which is not made, listed or removed by anyone here.
    Host,
}

/// An environment that is there.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// The engine that holds it.
    pub engine: Kind,
    /// Its size as the engine counts it: in MB of 10^6 bytes for a directory, in the engine's own
    /// words for an image.
    pub size: String,
}

impl<'a> Environments<'a> {
    /// The environments of `engine` on `host`.
    pub fn new(engine: &'a Engine, host: &'a Host) -> Self {
        Environments {
            store: Store { engine, host },
        }
    }

    /// Where the environment `name` is or will be.
    pub fn location(&self, name: &str) -> Location {
        if self.store.engine.is_bare() {
            Location::Host
        } else if self.store.engine.has_images() {
            Location::Image(format!("{REPOSITORY}:{name}"))
        } else {
            Location::Directory(self.directory(name))
        }
    }

    /// Whether the environment `name` is there: one stat, or one inspect by the engine.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub fn exists(&self, name: &str, cancel: &Cancel) -> Result<bool> {
        match self.location(name) {
            Location::Directory(dir) => Ok(dir.join(MANIFEST).exists()),
            Location::Image(image) => {
                if image_cache::recall_image(self.store.engine, self.store.host, &image).is_some() {
                    return Ok(true);
                }
                Ok(self.store.inspect(&image, cancel)?.exit.success())
            }
            Location::Host => Ok(true),
        }
    }

    /// The root to run in, laid out for mounts at `targets`. Reads directories of a root file
    /// system, asks nothing of an engine.
    ///
    /// # Errors
    ///
    /// When a root file system cannot be read.
    pub fn root(&self, name: &str, targets: &[&Path]) -> Result<Root> {
        Ok(match self.location(name) {
            Location::Directory(dir) => {
                let path = dir.join("root");
                let layout = read_layout(&path, targets)?;
                Root::Directory { path, layout }
            }
            Location::Image(image) => Root::Image(image),
            Location::Host => Root::Host,
        })
    }

    /// The root of an environment that may not be there yet, without its layout: enough to show a
    /// command, not to run it.
    pub fn unread_root(&self, name: &str) -> Root {
        match self.location(name) {
            Location::Directory(dir) => Root::Directory {
                path: dir.join("root"),
                layout: Layout::default(),
            },
            Location::Image(image) => Root::Image(image),
            Location::Host => Root::Host,
        }
    }

    /// The command that does what [`make`](Environments::make) does, to show what will be done: without
    /// what that takes from the cache, which changes nothing of the result.
    ///
    /// # Errors
    ///
    /// When the cache's path is not UTF-8.
    pub fn making(&self, blueprint: &Blueprint) -> Result<Invocation> {
        let staging = self.store.staging(&blueprint.name);
        match (
            self.store.host.find_program("mmdebstrap"),
            self.location(&blueprint.name),
        ) {
            (None, Location::Image(image)) => {
                // Nothing is asked here: the builder that every docker has stands for any.
                let builder = match self.store.engine.kind {
                    Kind::Podman => Builder::Podman,
                    _ => Builder::Legacy,
                };
                let build = self.image_build(blueprint, &image, builder)?;
                self.store
                    .build_command(builder, &build, &Place::of(&build, &staging), None)
            }
            (found, _) => {
                let program = found.unwrap_or_else(|| PathBuf::from("mmdebstrap"));
                blueprint.mmdebstrap(&program, &self.product(&staging))
            }
        }
    }

    /// Makes the environment unless it is there. One process makes it, others wait for it; a
    /// half-made one is never seen, and is removed when the making fails or its process dies.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ToolMissing`] without `mmdebstrap` where the engine is the sandbox,
    /// [`ErrorKind::PackageNotFound`], [`ErrorKind::Unreachable`], [`ErrorKind::Environment`] for
    /// other failures of the making, [`ErrorKind::Io`], [`ErrorKind::Cancelled`].
    pub fn make(
        &self,
        blueprint: &Blueprint,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        let name = &blueprint.name;
        let _lock = self.store.lock(name, cancel, progress)?;
        if self.exists(name, cancel)? {
            return Ok(());
        }
        let staging = Staging::new(&self.store.staging(name))?;
        let mut maker = Maker::new(self.store.host, staging.path(), cancel, progress);
        let made = self.make_in(blueprint, &mut maker);
        if let Err(error) = &made {
            // The engine may have finished its part just before it was stopped.
            if error.kind() == ErrorKind::Cancelled && self.store.engine.has_images() {
                self.remove(name, &Cancel::new()).ok();
            }
        }
        made
    }

    fn make_in(&self, blueprint: &Blueprint, maker: &mut Maker<'_, '_>) -> Result<()> {
        let staging = maker.staging();
        let mmdebstrap = self.store.host.find_program("mmdebstrap");
        let product = self.product(staging);
        if let Some(program) = &mmdebstrap {
            self.store.install(blueprint, program, &product, maker)?;
        }
        match (self.location(&blueprint.name), mmdebstrap) {
            (Location::Directory(home), Some(_)) => {
                let root = staging.join("root");
                if product != root {
                    maker.stage("unpacking")?;
                    maker.unpack(blueprint, &product, &root)?;
                }
                finish::finish(&root, blueprint, self.store.host)?;
                let _ = fs::remove_dir_all(&home);
                fs::rename(staging, &home).on("move the environment to", &home)
            }
            (Location::Directory(_), None) => Err(Error::new(
                ErrorKind::ToolMissing,
                "`mmdebstrap` is not installed, and the sandbox has no other way to make an environment",
            )
            .with_help("install mmdebstrap (Debian and Ubuntu have the package), or use docker or podman")),
            (Location::Image(image), Some(_)) => {
                maker.stage("importing the image")?;
                let import = cli::import(self.store.engine, &product, &image, &blueprint.name)?;
                maker.make("importing the environment", import, blueprint, &[])
            }
            (Location::Image(image), None) => self.make_image(blueprint, &image, maker),
            (Location::Host, _) => Ok(()),
        }
    }

    /// Makes an image where there is no `mmdebstrap`: from one of the distribution's.
    fn make_image(
        &self,
        blueprint: &Blueprint,
        image: &str,
        maker: &mut Maker<'_, '_>,
    ) -> Result<()> {
        maker.stage("building the image")?;
        let builder = self.store.builder(false, maker.cancel())?;
        let build = self.image_build(blueprint, image, builder)?;
        let command = self
            .store
            .prepare_build(builder, &build, maker.staging(), maker)?;
        maker
            .make("building the environment's image", command, blueprint, &[])
            .map_err(|error| {
                if error.kind() != ErrorKind::Unreachable {
                    return error;
                }
                error.with_help(
                "install mmdebstrap, which needs no image registry, or make the registry reachable",
            )
            })
    }

    /// The build of an environment's image. What its commands trust, they are shown where the builder
    /// can do so; the legacy builder's see the image's own certificates only.
    fn image_build(
        &self,
        blueprint: &Blueprint,
        image: &str,
        builder: Builder,
    ) -> Result<ImageBuild> {
        const FILE: &str = "certificates.pem";
        let wanted = !blueprint.commands.is_empty() && builder.mounts();
        let bundle = commands::certificates(self.store.host).filter(|_| wanted);
        let text = match &bundle {
            Some(_) => blueprint.containerfile_with_certificates(FILE),
            None => blueprint.containerfile(),
        };
        let mut build = ImageBuild::new(image, Source::Text(text))
            .labels([(LABEL.to_owned(), blueprint.name.clone())]);
        if let Some(path) = bundle {
            let bundle = fs::read_to_string(&path).on("read", &path)?;
            build = build.files([(FILE.to_owned(), bundle)]);
        }
        Ok(build)
    }

    /// What is true of the image `reference`, or `None` if the engine does not hold it: one question at
    /// most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EngineUnusable`] when the engine has no images or cannot be asked.
    pub fn image(&self, reference: &str, cancel: &Cancel) -> Result<Option<ImageFacts>> {
        self.store.image(reference, cancel)
    }

    /// The command of [`pull`](Environments::pull), to show what will be done.
    pub fn pulling(&self, reference: &str, platform: Option<&str>) -> Invocation {
        self.store.pulling(reference, platform)
    }

    /// Fetches the image `reference` from its registry, with the user's own credentials, whether or not
    /// the engine holds it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ImageNotFound`], [`ErrorKind::PlatformNotFound`], [`ErrorKind::Unreachable`],
    /// [`ErrorKind::Environment`] for other failures, [`ErrorKind::Cancelled`],
    /// [`ErrorKind::Deadline`].
    pub fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        self.store.pull(reference, platform, cancel, progress)
    }

    /// The command of [`build`](Environments::build), to show what will be done. Docker is asked which
    /// builder it has.
    ///
    /// # Errors
    ///
    /// When docker cannot be asked, or a path is not UTF-8.
    pub fn building(&self, build: &ImageBuild, cancel: &Cancel) -> Result<Invocation> {
        self.store.building(build, cancel)
    }

    /// Builds an image. Of two builds with one tag the second waits for the first.
    ///
    /// A build that fails, is cancelled or whose caller dies leaves no container and no half image, but the
    /// steps it had finished stay with the builder, which begins with them the next time. Only podman can
    /// leave a container of its own, without a process, when the caller is killed in the midst of a step:
    /// it is not listed by `podman ps` without `--external`, and goes with `podman container prune`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CommandFailed`] with the command and the last lines it printed,
    /// [`ErrorKind::ImageNotFound`], [`ErrorKind::PlatformNotFound`] and [`ErrorKind::Unreachable`] for
    /// images that it begins with, [`ErrorKind::Environment`] for other failures,
    /// [`ErrorKind::Io`], [`ErrorKind::Cancelled`], [`ErrorKind::Deadline`].
    pub fn build(
        &self,
        build: &ImageBuild,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        self.store.build(build, cancel, progress)
    }

    /// Every environment that the engine holds, by name.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked or the cache cannot be read.
    pub fn list(&self, cancel: &Cancel) -> Result<Vec<Environment>> {
        let mut all = match self.store.engine.kind {
            Kind::Docker | Kind::Podman => self.list_images(cancel)?,
            Kind::Sandbox => self.list_directories()?,
            Kind::Host => Vec::new(),
        };
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn list_images(&self, cancel: &Cancel) -> Result<Vec<Environment>> {
        let said = process::output(
            &cli::list(self.store.engine),
            &self.store.host.variables,
            cancel,
        )?;
        let prefix = format!("{REPOSITORY}:");
        let of_line = |line: &str| {
            let (image, size) = line.split_once('|')?;
            Some(self.environment(image.strip_prefix(&prefix)?, size))
        };
        Ok(said.stdout.lines().filter_map(of_line).collect())
    }

    fn list_directories(&self) -> Result<Vec<Environment>> {
        let home = self.store.home();
        let entries = match fs::read_dir(&home) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.on("read directory", &home)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.on("read directory", &home)?.path();
            if let Some(manifest) = Manifest::read(&path) {
                let size = format!("{}MB", manifest.bytes / 1_000_000);
                found.push(self.environment(&manifest.name, &size));
            }
        }
        Ok(found)
    }

    fn environment(&self, name: &str, size: &str) -> Environment {
        Environment {
            name: name.to_owned(),
            engine: self.store.engine.kind,
            size: size.to_owned(),
        }
    }

    /// Removes the environment `name`; says whether it was there.
    ///
    /// # Errors
    ///
    /// When it is in use or cannot be removed.
    pub fn remove(&self, name: &str, cancel: &Cancel) -> Result<bool> {
        if !self.exists(name, cancel)? {
            return Ok(false);
        }
        match self.location(name) {
            Location::Host => return Ok(false),
            Location::Directory(dir) => {
                // Once the manifest is gone it is no environment any more, however far this comes.
                let manifest = dir.join(MANIFEST);
                fs::remove_file(&manifest).on("remove", &manifest)?;
                remove_tree(&dir)?;
            }
            Location::Image(image) => {
                // What is kept of it would be in the way.
                sweep::of_image(self.store.engine, &image, self.store.host, cancel)?;
                let said = process::output(
                    &cli::remove(self.store.engine, &image),
                    &self.store.host.variables,
                    cancel,
                )?;
                if !said.exit.success() {
                    return Err(Error::new(
                        ErrorKind::Environment,
                        format!("cannot remove image `{image}`: {}", said.stderr.trim()),
                    ));
                }
            }
        }
        Ok(true)
    }

    /// What mmdebstrap makes. Only root can make a directory whose files are root's; for others they
    /// come by way of an archive, so that they are the caller's.
    fn product(&self, staging: &Path) -> PathBuf {
        let directory = !self.store.engine.has_images() && self.store.host.uid == 0;
        staging.join(if directory { "root" } else { "root.tar" })
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.store.home().join(name)
    }
}
