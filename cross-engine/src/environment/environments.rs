//! Environments: found, built, listed and removed.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engines::answers;
use crate::engines::engine::{Engine, EngineKind};
use crate::environment::blueprint::Blueprint;
use crate::environment::commands;
use crate::environment::contents::Contents;
use crate::environment::contents_file::{self, CONTENTS};
use crate::environment::finish;
use crate::environment::manifest::{self, MANIFEST, Manifest};
use crate::environment::rootless;
use crate::image::build_process::BuildProcess;
use crate::image::cli::{self, ImageFacts, LABEL};
use crate::image::image_build::{Builder, ContainerfileSource, ImageBuild};
use crate::image::image_cache;
use crate::image::images::BuildFiles;
use crate::image::progress::ProgressSink;
use crate::image::staging::{Staging, remove_tree};
use crate::image::store::Store;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::reuse::sweep;
use crate::spec::rootfs_layout::{RootfsLayout, read_rootfs_layout};
use crate::spec::run_spec::Root;

/// The repository of the environments' images. The tag is the environment's name.
const REPOSITORY: &str = "localhost/cross-core";

/// The environments and images of one engine.
#[derive(Clone, Copy, Debug)]
pub struct Environments<'a> {
    pub(crate) store: Store<'a>,
}

/// The location of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EnvironmentLocation {
    /// A root file system in this directory.
    Directory(PathBuf),
    /// An image with this name.
    Image(String),
    /// The host itself, which cannot be built, listed or removed.
    Host,
}

/// What a look for an environment finds if it exists.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExistingEnvironment {
    /// What the engine says of the image, if the environment is one.
    pub image: Option<ImageFacts>,
}

/// An environment of a list.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its engine.
    pub engine: EngineKind,
    /// Its size: in MB of 10^6 bytes for a directory, and as the engine displays it for an image.
    /// Empty if it is unknown because of `damage`.
    pub size: String,
    /// What was installed when it was made. `None` if another version of this library or another
    /// cache made it: [`Environments::contents`] finds out.
    pub contents: Option<Contents>,
    /// What is wrong with its directory, in which case nothing is built in it. Once it is
    /// [removed](Environments::remove), the next build makes it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

impl<'a> Environments<'a> {
    /// Creates a view of the environments of `engine` on `host`.
    pub fn new(engine: &'a Engine, host: &'a Host) -> Self {
        Environments {
            store: Store { engine, host },
        }
    }

    /// The location of the environment `name`, which need not exist.
    pub fn location(&self, name: &str) -> EnvironmentLocation {
        if self.store.engine.is_host() {
            EnvironmentLocation::Host
        } else if self.store.engine.has_images() {
            EnvironmentLocation::Image(format!("{REPOSITORY}:{name}"))
        } else {
            EnvironmentLocation::Directory(self.directory(name))
        }
    }

    /// Whether the environment `name` exists. This reads one small file, or takes one `inspect` by
    /// the engine.
    ///
    /// # Errors
    ///
    /// If the engine cannot be queried. [`ErrorKind::Environment`] if the file is damaged.
    pub fn exists(&self, name: &str, cancel: &Cancel) -> Result<bool> {
        Ok(self.find(name, cancel)?.is_some())
    }

    /// Like [`exists`](Environments::exists), and returns what the engine says of an image.
    ///
    /// # Errors
    ///
    /// As for [`exists`](Environments::exists).
    pub fn find(&self, name: &str, cancel: &Cancel) -> Result<Option<ExistingEnvironment>> {
        let found = |image| ExistingEnvironment { image };
        match self.location(name) {
            EnvironmentLocation::Directory(dir) => match Manifest::of(name, &dir) {
                Ok(manifest) => Ok(manifest.map(|_| found(None))),
                Err(why) => Err(manifest::damaged(name, &why)),
            },
            EnvironmentLocation::Image(image) => {
                let (engine, host) = (self.store.engine, self.store.host);
                if let Some(facts) = image_cache::recall_image(engine, host, &image) {
                    return Ok(Some(found(Some(facts))));
                }
                let answer = self.store.inspect(&image, cancel)?;
                let exists = answer.exit.success();
                Ok(exists.then(|| found(cli::facts(&image, &answer.stdout).ok())))
            }
            EnvironmentLocation::Host => Ok(Some(found(None))),
        }
    }

    /// The root of the environment, with the layout for mounts at `targets`. Reads directories of a
    /// root file system, and does not query the engine.
    ///
    /// # Errors
    ///
    /// If a root file system cannot be read.
    pub fn root(&self, name: &str, targets: &[&Path]) -> Result<Root> {
        Ok(match self.location(name) {
            EnvironmentLocation::Directory(dir) => {
                let path = dir.join("root");
                let layout = read_rootfs_layout(&path, targets)?;
                Root::Directory { path, layout }
            }
            EnvironmentLocation::Image(image) => Root::Image(image),
            EnvironmentLocation::Host => Root::Host,
        })
    }

    /// The root of an environment that may not exist yet, without its layout. This is enough to
    /// display a command, but not to run it.
    pub fn root_without_layout(&self, name: &str) -> Root {
        match self.location(name) {
            EnvironmentLocation::Directory(dir) => Root::Directory {
                path: dir.join("root"),
                layout: RootfsLayout::default(),
            },
            EnvironmentLocation::Image(image) => Root::Image(image),
            EnvironmentLocation::Host => Root::Host,
        }
    }

    /// The program that builds environments. An engine with images does without it where this user
    /// cannot use it.
    pub(crate) fn mmdebstrap(&self) -> Option<PathBuf> {
        if self.store.engine.kind == EngineKind::Nerdctl {
            // It cannot import a root file system.
            return None;
        }
        if self.store.engine.is_of_another_architecture() {
            // The packages' own programs would not run here.
            return None;
        }
        let host = self.store.host;
        let program = host.find_program("mmdebstrap")?;
        let is_of_use = !self.store.engine.has_images() || rootless::known_obstacle(host).is_none();
        is_of_use.then_some(program)
    }

    /// The command of [`make`](Environments::make), for display. It does not use the cache, which
    /// makes no difference to the result.
    ///
    /// # Errors
    ///
    /// If the cache's path is not UTF-8.
    pub fn make_command(&self, blueprint: &Blueprint) -> Result<Invocation> {
        let staging = self.store.staging(&blueprint.name);
        match (self.mmdebstrap(), self.location(&blueprint.name)) {
            (None, EnvironmentLocation::Image(image)) => {
                let builder = self.display_builder();
                let build = self.image_build(blueprint, &image, builder)?;
                self.store
                    .builder_command(builder, &build, &BuildFiles::of(&build, &staging), None)
            }
            (found, _) => {
                let program = found.unwrap_or_else(|| PathBuf::from("mmdebstrap"));
                blueprint.mmdebstrap(&program, &self.rootfs(&staging))
            }
        }
    }

    /// The builder of commands that are displayed. Docker is not queried for its builder: every
    /// docker has this one.
    pub(crate) fn display_builder(&self) -> Builder {
        match self.store.engine.kind {
            EngineKind::Podman => Builder::Podman,
            EngineKind::Nerdctl => Builder::Nerdctl,
            _ => Builder::Legacy,
        }
    }

    /// Builds the environment unless it exists. Other processes that need it wait. An incomplete
    /// environment is never visible, and is removed if the build fails or its process dies.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ToolMissing`] without `mmdebstrap` if the engine is the sandbox,
    /// [`ErrorKind::PackageNotFound`], [`ErrorKind::Unreachable`], [`ErrorKind::Environment`] for
    /// other failures of the build, [`ErrorKind::Io`], [`ErrorKind::Cancelled`].
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
        let mut build_process =
            BuildProcess::new(self.store.host, staging.path(), cancel, progress);
        let result = self.build_in_staging(blueprint, &mut build_process);
        if let Err(error) = &result {
            // The engine may have completed the image just before it was stopped.
            if error.kind() == ErrorKind::Cancelled && self.store.engine.has_images() {
                self.remove(name, &Cancel::new()).ok();
            }
        }
        result
    }

    fn build_in_staging(
        &self,
        blueprint: &Blueprint,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<()> {
        let staging = build_process.staging();
        let mmdebstrap = self.mmdebstrap();
        let rootfs = self.rootfs(staging);
        if let Some(program) = &mmdebstrap {
            self.store
                .install(blueprint, program, &rootfs, build_process)?;
        }
        match (self.location(&blueprint.name), mmdebstrap) {
            (EnvironmentLocation::Directory(dir), Some(_)) => {
                let root = staging.join("root");
                if rootfs != root {
                    build_process.stage("unpacking")?;
                    build_process.unpack(blueprint, &rootfs, &root)?;
                }
                finish::finish(&root, blueprint, self.store.host)?;
                let _ = fs::remove_dir_all(&dir);
                fs::rename(staging, &dir).on("move the environment to", &dir)
            }
            (EnvironmentLocation::Directory(_), None) => Err(Error::new(
                ErrorKind::ToolMissing,
                "`mmdebstrap` is not installed, and the sandbox needs it to build an environment",
            )
            .with_help(match blueprint.locked {
                // The other engines make a locked environment with it, too.
                Some(_) => "install mmdebstrap (a package of Debian and Ubuntu)",
                None => {
                    "install mmdebstrap (a package of Debian and Ubuntu), or use docker or podman"
                }
            })),
            (EnvironmentLocation::Image(image), Some(_)) => {
                build_process.stage("importing the image")?;
                let import = cli::import(self.store.engine, &rootfs, &image, &blueprint.name)?;
                build_process.run_step("importing the environment", import, blueprint, &[])?;
                self.record(blueprint, &image, build_process.cancel())
            }
            (EnvironmentLocation::Image(image), None) => {
                self.build_image(blueprint, &image, build_process)?;
                self.record(blueprint, &image, build_process.cancel())
            }
            (EnvironmentLocation::Host, _) => Ok(()),
        }
    }

    /// Builds an image from one of the distribution's, if there is no `mmdebstrap`. That image has
    /// packages of its own, so a lock cannot hold.
    fn build_image(
        &self,
        blueprint: &Blueprint,
        image: &str,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<()> {
        if blueprint.locked.is_some() {
            let message = "a locked environment is made by `mmdebstrap`, which is not installed or \
                           cannot be used by this engine";
            return Err(Error::new(ErrorKind::ToolMissing, message).with_help(
                "install mmdebstrap (a package of Debian and Ubuntu), or use another engine",
            ));
        }
        build_process.stage("building the image")?;
        let builder = self.store.builder(false, build_process.cancel())?;
        let build = self.image_build(blueprint, image, builder)?;
        let command =
            self.store
                .prepare_build(builder, &build, build_process.staging(), build_process)?;
        build_process
            .run_step("building the environment's image", command, blueprint, &[])
            .map_err(|error| {
                if error.kind() != ErrorKind::Unreachable {
                    return error;
                }
                error.with_help(
                "install mmdebstrap, which needs no image registry, or make the registry reachable",
            )
            })
    }

    /// The image build of an environment. Its commands get the host's certificates if the builder
    /// can mount them; with the legacy builder they have only the image's own.
    pub(crate) fn image_build(
        &self,
        blueprint: &Blueprint,
        image: &str,
        builder: Builder,
    ) -> Result<ImageBuild> {
        const FILE: &str = "certificates.pem";
        let is_needed = !blueprint.commands.is_empty() && builder.can_mount();
        let bundle = commands::certificates(self.store.host).filter(|_| is_needed);
        let text = match &bundle {
            Some(_) => blueprint.containerfile_with_certificates(FILE),
            None => blueprint.containerfile(),
        };
        let mut build = ImageBuild::new(image, ContainerfileSource::Text(text))
            .labels([(LABEL.to_owned(), blueprint.name.clone())]);
        if let Some(path) = bundle {
            let bundle = fs::read_to_string(&path).on("read", &path)?;
            build = build.files([(FILE.to_owned(), bundle)]);
        }
        Ok(build)
    }

    /// Inspects the image `reference`; `None` if the engine does not have it. Queries the engine at
    /// most once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EngineUnusable`] if the engine does not support images or cannot be queried.
    pub fn image(&self, reference: &str, cancel: &Cancel) -> Result<Option<ImageFacts>> {
        self.store.image(reference, cancel)
    }

    /// The command of [`pull`](Environments::pull), for display.
    pub fn pull_command(&self, reference: &str, platform: Option<&str>) -> Invocation {
        self.store.pull_command(reference, platform)
    }

    /// Pulls the image `reference` from its registry with the user's credentials, even if the
    /// engine has it already.
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

    /// The command of [`build`](Environments::build), for display. Queries docker for its builder.
    ///
    /// # Errors
    ///
    /// If docker cannot be queried, or a path is not UTF-8.
    pub fn build_command(&self, build: &ImageBuild, cancel: &Cancel) -> Result<Invocation> {
        self.store.build_command(build, cancel)
    }

    /// Builds an image. Concurrent builds with one tag wait for each other.
    ///
    /// A build that fails, is cancelled or loses its caller leaves no container and no incomplete
    /// image. The builder keeps the steps that were completed, and continues with them the next
    /// time. Only podman may leave a container of its own, without a process, if the caller is
    /// killed during a step. `podman ps --external` lists it, and `podman container prune` removes
    /// it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::CommandFailed`] with the command and its last lines of output,
    /// [`ErrorKind::ImageNotFound`], [`ErrorKind::PlatformNotFound`] and [`ErrorKind::Unreachable`]
    /// for base images, [`ErrorKind::Environment`] for other failures, [`ErrorKind::Io`],
    /// [`ErrorKind::Cancelled`], [`ErrorKind::Deadline`].
    pub fn build(
        &self,
        build: &ImageBuild,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        self.store.build(build, cancel, progress)
    }

    /// Lists the engine's environments, sorted by name.
    ///
    /// # Errors
    ///
    /// If the engine cannot be queried or the cache cannot be read.
    pub fn list(&self, cancel: &Cancel) -> Result<Vec<Environment>> {
        let mut all = match self.store.engine.kind {
            EngineKind::Docker | EngineKind::Podman | EngineKind::Nerdctl => {
                self.list_images(cancel)?
            }
            EngineKind::Sandbox => self.list_directories()?,
            EngineKind::Host => Vec::new(),
        };
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn list_images(&self, cancel: &Cancel) -> Result<Vec<Environment>> {
        let (engine, host) = (self.store.engine, self.store.host);
        let listed = answers::list(engine, &cli::list(engine), host, cancel)?;
        let prefix = format!("{REPOSITORY}:");
        let parse = |line: &str| {
            let (image, rest) = line.split_once('|')?;
            let (size, id) = rest.split_once('|')?;
            let contents = self.recorded_image(id);
            Some(self.environment(image.strip_prefix(&prefix)?, size, contents))
        };
        Ok(listed.lines().filter_map(parse).collect())
    }

    fn list_directories(&self) -> Result<Vec<Environment>> {
        let dir = self.store.environments_dir();
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.on("read directory", &dir)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.on("read directory", &dir)?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') {
                // Something is made or removed in it.
                continue;
            }
            match Manifest::of(&name, &path) {
                Ok(None) => {}
                Ok(Some(manifest)) => {
                    let size = format!("{}MB", manifest.bytes / 1_000_000);
                    let contents = contents_file::read(&path.join(CONTENTS));
                    found.push(self.environment(&name, &size, contents));
                }
                Err(why) => found.push(Environment {
                    damage: Some(why),
                    ..self.environment(&name, "", None)
                }),
            }
        }
        Ok(found)
    }

    fn environment(&self, name: &str, size: &str, contents: Option<Contents>) -> Environment {
        Environment {
            name: name.to_owned(),
            engine: self.store.engine.kind,
            size: size.to_owned(),
            contents,
            damage: None,
        }
    }

    /// Removes the environment `name`, and returns whether it existed.
    ///
    /// # Errors
    ///
    /// If it is in use or cannot be removed.
    pub fn remove(&self, name: &str, cancel: &Cancel) -> Result<bool> {
        match self.location(name) {
            EnvironmentLocation::Host => return Ok(false),
            EnvironmentLocation::Directory(dir) => {
                // `..` and paths name something else.
                let is_name = dir.file_name() == Some(OsStr::new(name));
                if !is_name || !manifest::is_complete(&dir) {
                    return Ok(false);
                }
                // Without its manifest it is not an environment any more, even if this is
                // interrupted.
                let manifest = dir.join(MANIFEST);
                match manifest.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                    // It is damaged.
                    true => remove_tree(&manifest)?,
                    false => fs::remove_file(&manifest).on("remove", &manifest)?,
                }
                remove_tree(&dir)?;
            }
            EnvironmentLocation::Image(image) => {
                if !self.exists(name, cancel)? {
                    return Ok(false);
                }
                // Its reused containers would prevent the removal.
                sweep::of_image(self.store.engine, &image, self.store.host, cancel)?;
                let output = process::output(
                    &cli::remove(self.store.engine, &image),
                    &self.store.host.variables,
                    cancel,
                )?;
                if !output.exit.success() {
                    return Err(Error::new(
                        ErrorKind::Environment,
                        format!("cannot remove image `{image}`: {}", output.stderr.trim()),
                    ));
                }
            }
        }
        Ok(true)
    }

    /// The root file system that mmdebstrap creates: a directory if the caller is root. Other users
    /// cannot create files of root, and get an archive, which they unpack as their own.
    pub(crate) fn rootfs(&self, staging: &Path) -> PathBuf {
        let directory = !self.store.engine.has_images() && self.store.host.uid == 0;
        staging.join(if directory { "root" } else { "root.tar" })
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.store.environments_dir().join(name)
    }
}

#[cfg(test)]
mod tests;
