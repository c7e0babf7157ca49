//! Images of the user's in an engine's store: looked at, pulled, and built.

use std::fs;
use std::path::{Path, PathBuf};

use crate::engines::diagnosis;
use crate::engines::engine::Kind;
use crate::image::cli::{self, ImageFacts};
use crate::image::dockerignore;
use crate::image::failure;
use crate::image::image_build::{self, Builder, ImageBuild, Parts, Source};
use crate::image::image_cache;
use crate::image::maker::{Maker, isolated};
use crate::image::progress::ProgressSink;
use crate::image::staging::Staging;
use crate::image::store::Store;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::invocation::Invocation;
use crate::process::lock::Lock;
use crate::process::{self, Output};

impl Store<'_> {
    /// What is true of the image `reference`, or `None` if the engine does not hold it: one question at
    /// most.
    pub(crate) fn image(&self, reference: &str, cancel: &Cancel) -> Result<Option<ImageFacts>> {
        self.needs_images()?;
        if let Some(facts) = image_cache::recall_image(self.engine, self.host, reference) {
            return Ok(Some(facts));
        }
        let said = self.inspect(reference, cancel)?;
        if said.exit.success() {
            return cli::facts(reference, &said.stdout).map(Some);
        }
        if diagnosis::says_no_image(&said.stderr) {
            return Ok(None);
        }
        let found = diagnosis::of_probe(self.engine.kind, &said);
        Err(Error::new(
            ErrorKind::EngineUnusable,
            format!(
                "{} cannot say whether it holds image `{reference}`: {}",
                self.engine.kind, found.reason
            ),
        )
        .with_help(found.help))
    }

    /// The engine's answer about the image `reference`, which is remembered where it can be.
    pub(crate) fn inspect(&self, reference: &str, cancel: &Cancel) -> Result<Output> {
        let asked = clock::unix_time();
        let ask = cli::inspect(self.engine, reference);
        let said = process::output(&ask, &self.host.variables, cancel)?;
        if said.exit.success() {
            image_cache::remember_image(self.engine, self.host, reference, asked, &said.stdout);
        }
        Ok(said)
    }

    /// The command of [`pull`](Store::pull), to show what will be done.
    pub(crate) fn pulling(&self, reference: &str, platform: Option<&str>) -> Invocation {
        cli::pull(self.engine, reference, platform)
    }

    /// Fetches the image `reference` from its registry, with the user's own credentials, whether or not
    /// the engine holds it.
    pub(crate) fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        self.needs_images()?;
        let staging = self.work(&format!("pull-{reference}"), cancel, progress)?;
        let mut maker = Maker::new(self.host, staging.path(), cancel, progress);
        maker.stage(&format!("pulling the image {reference}"))?;
        let pull = temporary_in(self.pulling(reference, platform), staging.path());
        maker.run(pull, &|exit, said| {
            failure::of_image(&format!("image `{reference}`"), exit, said)
        })?;
        match platform {
            Some(platform) => self.is_for(reference, platform, cancel),
            None => Ok(()),
        }
    }

    /// Of an image for one platform only, a registry gives that one whatever was asked for.
    fn is_for(&self, reference: &str, platform: &str, cancel: &Cancel) -> Result<()> {
        match self.image(reference, cancel)? {
            Some(facts) if !facts.is_for(platform) => Err(Error::new(
                ErrorKind::PlatformNotFound,
                format!(
                    "image `{reference}` is for {}/{} only, not for {platform}",
                    facts.os, facts.architecture
                ),
            )
            .with_help("choose a platform that the image has, or another image")),
            _ => Ok(()),
        }
    }

    /// The command of [`build`](Store::build), to show what will be done. Docker is asked which
    /// builder it has.
    pub(crate) fn building(&self, build: &ImageBuild, cancel: &Cancel) -> Result<Invocation> {
        let builder = self.builder(build.no_buildkit, cancel)?;
        let place = Place::of(build, &self.staging(&work_name(&build.tag)));
        self.build_command(builder, build, &place, None)
    }

    /// Builds an image. Of two builds with one tag the second waits for the first.
    pub(crate) fn build(
        &self,
        build: &ImageBuild,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        self.needs_images()?;
        let builder = self.builder(build.no_buildkit, cancel)?;
        let staging = self.work(&build.tag, cancel, progress)?;
        let mut maker = Maker::new(self.host, staging.path(), cancel, progress);
        maker.stage(&format!("building the image {}", build.tag))?;
        let command = self.prepare_build(builder, build, staging.path(), &mut maker)?;
        maker.run(command, &|exit, said| {
            failure::of_build(&build.tag, exit, said)
        })
    }

    /// Writes what `build` needs into `staging` and returns its command.
    pub(crate) fn prepare_build(
        &self,
        builder: Builder,
        build: &ImageBuild,
        staging: &Path,
        maker: &mut Maker<'_, '_>,
    ) -> Result<Invocation> {
        let mut place = Place::of(build, staging);
        if build.context.is_none() {
            fs::create_dir_all(&place.context).on("create directory", &place.context)?;
            for (name, text) in &build.files {
                let path = place.context.join(name);
                fs::write(&path, text).on("write", &path)?;
            }
        }
        if let Source::Text(text) = &build.file {
            fs::write(&place.file, text).on("write", &place.file)?;
        }
        let mut ignore = None;
        if build.context.is_some() {
            if let Some(list) = dockerignore::ignored(&place.context, &place.file)? {
                ignore = self.ignoring(builder, &mut place, staging, &list, maker)?;
            }
        }
        let command = self.build_command(builder, build, &place, ignore.as_deref())?;
        let command = temporary_in(command, staging);
        match builder {
            Builder::Podman => self.ending_with_its_client(command),
            Builder::Buildx | Builder::Legacy => Ok(command),
        }
    }

    /// What podman runs for a step does not end with podman when that is killed. In a process namespace
    /// it does; a plain user has to be in the user namespace of podman's for one.
    fn ending_with_its_client(&self, build: Invocation) -> Result<Invocation> {
        let isolated = isolated(build)?;
        if self.host.uid == 0 {
            return Ok(isolated);
        }
        let mut inside = Invocation::new(&self.engine.program)
            .args(["unshare", utf8(&isolated.program)?])
            .args(isolated.args);
        inside.env = isolated.env;
        Ok(inside)
    }

    /// Has the builder leave out of the context what is in `list`; returns the list's file for a builder
    /// that is told of it.
    fn ignoring(
        &self,
        builder: Builder,
        place: &mut Place,
        staging: &Path,
        list: &str,
        maker: &mut Maker<'_, '_>,
    ) -> Result<Option<PathBuf>> {
        let file = staging.join("Containerfile");
        let ignore = staging.join("Containerfile.dockerignore");
        match builder {
            Builder::Legacy => {
                maker.line("the whole context is sent, with directories that are caches: list them in `.dockerignore`")?;
                return Ok(None);
            }
            Builder::Buildx if place.file != file => {
                fs::copy(&place.file, &file).on("copy", &place.file)?;
                place.file = file;
            }
            Builder::Buildx | Builder::Podman => {}
        }
        fs::write(&ignore, list).on("write", &ignore)?;
        Ok(Some(ignore))
    }

    pub(crate) fn build_command(
        &self,
        builder: Builder,
        build: &ImageBuild,
        place: &Place,
        ignore: Option<&Path>,
    ) -> Result<Invocation> {
        let parts = Parts {
            file: &place.file,
            context: &place.context,
            ignore,
        };
        image_build::invocation(self.engine, builder, build, &parts, self.host)
    }

    /// What will build: docker is asked for its plug-in.
    pub(crate) fn builder(&self, no_buildkit: bool, cancel: &Cancel) -> Result<Builder> {
        match self.engine.kind {
            Kind::Podman => return Ok(Builder::Podman),
            _ if no_buildkit => return Ok(Builder::Legacy),
            _ => {}
        }
        let ask = Invocation::new(&self.engine.program).args(["buildx", "version"]);
        let said = process::output(&ask, &self.host.variables, cancel)?;
        Ok(match said.exit.success() {
            true => Builder::Buildx,
            false => Builder::Legacy,
        })
    }

    /// A directory of its own for work that is done once at a time.
    fn work(&self, name: &str, cancel: &Cancel, progress: &mut ProgressSink<'_>) -> Result<Locked> {
        let name = work_name(name);
        let lock = self.lock(&name, cancel, progress)?;
        Ok(Locked {
            staging: Staging::new(&self.staging(&name))?,
            _lock: lock,
        })
    }

    fn needs_images(&self) -> Result<()> {
        if self.engine.has_images() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::EngineUnusable,
            "the sandbox has no images: it runs root file systems",
        )
        .with_help("name docker or podman as the engine"))
    }
}

/// A directory, and the lock that makes it this process's; the directory goes first.
struct Locked {
    staging: Staging,
    _lock: Lock,
}

impl Locked {
    fn path(&self) -> &Path {
        self.staging.path()
    }
}

/// Where a build's Containerfile and context are.
pub(crate) struct Place {
    file: PathBuf,
    context: PathBuf,
}

impl Place {
    pub(crate) fn of(build: &ImageBuild, staging: &Path) -> Self {
        Place {
            file: match &build.file {
                Source::Path(path) => path.clone(),
                Source::Text(_) => staging.join("Containerfile"),
            },
            context: match &build.context {
                Some(dir) => dir.clone(),
                None => staging.join("context"),
            },
        }
    }
}

/// A client keeps its own temporary files where they are removed whatever happens to it.
fn temporary_in(command: Invocation, staging: &Path) -> Invocation {
    match staging.to_str() {
        Some(dir) => command.env("TMPDIR", dir),
        None => command,
    }
}

/// A file name for a reference.
fn work_name(reference: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let text: String = reference
        .chars()
        .map(|c| if keep(c) { c } else { '+' })
        .collect();
    format!("image-{text}")
}
