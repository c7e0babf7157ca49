//! The user's images in an engine's store: inspected, pulled and built.

use std::fs;
use std::path::{Path, PathBuf};

use crate::engines::diagnosis;
use crate::engines::engine::EngineKind;
use crate::image::build_process::{BuildProcess, isolated};
use crate::image::cli::{self, ImageFacts};
use crate::image::dockerignore;
use crate::image::failure;
use crate::image::image_build::{self, BuildPaths, Builder, ContainerfileSource, ImageBuild};
use crate::image::image_cache;
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
    /// Inspects the image `reference`; `None` if the engine does not have it. Queries the engine at
    /// most once.
    pub(crate) fn image(&self, reference: &str, cancel: &Cancel) -> Result<Option<ImageFacts>> {
        self.check_has_images()?;
        if let Some(facts) = image_cache::recall_image(self.engine, self.host, reference) {
            return Ok(Some(facts));
        }
        let output = self.inspect(reference, cancel)?;
        if output.exit.success() {
            return cli::facts(reference, &output.stdout).map(Some);
        }
        if diagnosis::says_no_image(&output.stderr) {
            return Ok(None);
        }
        let diagnosis = diagnosis::of_probe(self.engine.kind, &output);
        Err(Error::new(
            ErrorKind::EngineUnusable,
            format!(
                "{} cannot say whether it has image `{reference}`: {}",
                self.engine.kind, diagnosis.reason
            ),
        )
        .with_help(diagnosis.help))
    }

    /// Queries the engine about the image `reference`, and caches the answer if possible.
    pub(crate) fn inspect(&self, reference: &str, cancel: &Cancel) -> Result<Output> {
        let asked_at = clock::unix_time();
        let inspect = cli::inspect(self.engine, reference);
        let output = process::output(&inspect, &self.host.variables, cancel)?;
        if output.exit.success() {
            image_cache::remember_image(
                self.engine,
                self.host,
                reference,
                asked_at,
                &output.stdout,
            );
        }
        Ok(output)
    }

    /// The command of [`pull`](Store::pull), for display.
    pub(crate) fn pull_command(&self, reference: &str, platform: Option<&str>) -> Invocation {
        cli::pull(self.engine, reference, platform)
    }

    /// Pulls the image `reference` from its registry with the user's credentials, even if the
    /// engine has it already.
    pub(crate) fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        self.check_has_images()?;
        let staging = self.lock_staging(&format!("pull-{reference}"), cancel, progress)?;
        let mut build_process = BuildProcess::new(self.host, staging.path(), cancel, progress);
        build_process.stage(&format!("pulling the image {reference}"))?;
        let pull = with_tmpdir(self.pull_command(reference, platform), staging.path());
        build_process.run(pull, &|exit, output| {
            failure::of_pull(&format!("image `{reference}`"), exit, output)
        })?;
        match platform {
            Some(platform) => self.check_platform(reference, platform, cancel),
            None => Ok(()),
        }
    }

    /// Checks the platform of a pulled image. If an image has only one platform, a registry serves
    /// that, whatever was requested.
    fn check_platform(&self, reference: &str, platform: &str, cancel: &Cancel) -> Result<()> {
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

    /// The command of [`build`](Store::build), for display. Queries docker for its builder.
    pub(crate) fn build_command(&self, build: &ImageBuild, cancel: &Cancel) -> Result<Invocation> {
        let builder = self.builder(build.no_buildkit, cancel)?;
        let files = BuildFiles::of(build, &self.staging(&file_name(&build.tag)));
        self.builder_command(builder, build, &files, None)
    }

    /// Builds an image. Concurrent builds with one tag wait for each other.
    pub(crate) fn build(
        &self,
        build: &ImageBuild,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<()> {
        self.check_has_images()?;
        let builder = self.builder(build.no_buildkit, cancel)?;
        let staging = self.lock_staging(&build.tag, cancel, progress)?;
        let mut build_process = BuildProcess::new(self.host, staging.path(), cancel, progress);
        build_process.stage(&format!("building the image {}", build.tag))?;
        let command = self.prepare_build(builder, build, staging.path(), &mut build_process)?;
        build_process.run(command, &|exit, output| {
            failure::of_image_build(&build.tag, exit, output)
        })
    }

    /// Writes the files of `build` to `staging`, and returns its command.
    pub(crate) fn prepare_build(
        &self,
        builder: Builder,
        build: &ImageBuild,
        staging: &Path,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<Invocation> {
        let mut files = BuildFiles::of(build, staging);
        if build.context.is_none() {
            fs::create_dir_all(&files.context).on("create directory", &files.context)?;
            for (name, text) in &build.files {
                let path = files.context.join(name);
                fs::write(&path, text).on("write", &path)?;
            }
        }
        if let ContainerfileSource::Text(text) = &build.file {
            fs::write(&files.file, text).on("write", &files.file)?;
        }
        let mut ignore = None;
        if build.context.is_some() {
            if let Some(list) = dockerignore::ignore_list(&files.context, &files.file)? {
                ignore =
                    self.write_ignore_file(builder, &mut files, staging, &list, build_process)?;
            }
        }
        let command = self.builder_command(builder, build, &files, ignore.as_deref())?;
        let command = with_tmpdir(command, staging);
        match builder {
            // A client's service ends a build when it loses the client.
            Builder::Podman if self.engine.reach.is_shared() => self.in_own_namespaces(command),
            _ => Ok(command),
        }
    }

    /// Runs a build by podman in namespaces of its own, because the processes of a step do not end
    /// if podman is killed. Users other than root need podman's user namespace for that.
    fn in_own_namespaces(&self, build: Invocation) -> Result<Invocation> {
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

    /// Makes the builder ignore what is in `list`. Returns the ignore file for builders that have
    /// an option for it.
    fn write_ignore_file(
        &self,
        builder: Builder,
        files: &mut BuildFiles,
        staging: &Path,
        list: &str,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<Option<PathBuf>> {
        let file = staging.join("Containerfile");
        let ignore = staging.join("Containerfile.dockerignore");
        match builder {
            Builder::Legacy => {
                build_process.line("the whole context is sent, including cache directories: list them in `.dockerignore`")?;
                return Ok(None);
            }
            // BuildKit reads an ignore file beside the Containerfile.
            Builder::Buildx | Builder::Nerdctl if files.file != file => {
                fs::copy(&files.file, &file).on("copy", &files.file)?;
                files.file = file;
            }
            Builder::Buildx | Builder::Podman | Builder::Nerdctl => {}
        }
        fs::write(&ignore, list).on("write", &ignore)?;
        Ok(Some(ignore))
    }

    /// The command of `builder` for `build`.
    pub(crate) fn builder_command(
        &self,
        builder: Builder,
        build: &ImageBuild,
        files: &BuildFiles,
        ignore: Option<&Path>,
    ) -> Result<Invocation> {
        let paths = BuildPaths {
            file: &files.file,
            context: &files.context,
            ignore,
        };
        image_build::invocation(self.engine, builder, build, &paths, self.host)
    }

    /// Selects the builder. Queries docker for its plug-in.
    pub(crate) fn builder(&self, no_buildkit: bool, cancel: &Cancel) -> Result<Builder> {
        match self.engine.kind {
            EngineKind::Podman => return Ok(Builder::Podman),
            EngineKind::Nerdctl => return Ok(Builder::Nerdctl),
            _ if no_buildkit => return Ok(Builder::Legacy),
            _ => {}
        }
        let version = Invocation::new(&self.engine.program).args(["buildx", "version"]);
        let output = process::output(&version, &self.host.variables, cancel)?;
        Ok(match output.exit.success() {
            true => Builder::Buildx,
            false => Builder::Legacy,
        })
    }

    /// Creates a staging directory, and locks it so that no other process uses it.
    fn lock_staging(
        &self,
        name: &str,
        cancel: &Cancel,
        progress: &mut ProgressSink<'_>,
    ) -> Result<LockedStaging> {
        let name = file_name(name);
        let lock = self.lock(&name, cancel, progress)?;
        Ok(LockedStaging {
            staging: Staging::new(&self.staging(&name))?,
            _lock: lock,
        })
    }

    fn check_has_images(&self) -> Result<()> {
        if self.engine.has_images() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::EngineUnusable,
            "the sandbox runs root file systems, not images",
        )
        .with_help("choose docker or podman as the engine"))
    }
}

/// A staging directory and its lock. The directory is removed first.
struct LockedStaging {
    staging: Staging,
    _lock: Lock,
}

impl LockedStaging {
    fn path(&self) -> &Path {
        self.staging.path()
    }
}

/// The Containerfile and the context of a build.
pub(crate) struct BuildFiles {
    pub(crate) file: PathBuf,
    pub(crate) context: PathBuf,
}

impl BuildFiles {
    pub(crate) fn of(build: &ImageBuild, staging: &Path) -> Self {
        BuildFiles {
            file: match &build.file {
                ContainerfileSource::Path(path) => path.clone(),
                ContainerfileSource::Text(_) => staging.join("Containerfile"),
            },
            context: match &build.context {
                Some(dir) => dir.clone(),
                None => staging.join("context"),
            },
        }
    }
}

/// Makes a client keep its temporary files in `staging`, where they are removed in any case.
fn with_tmpdir(command: Invocation, staging: &Path) -> Invocation {
    match staging.to_str() {
        Some(dir) => command.env("TMPDIR", dir),
        None => command,
    }
}

/// Converts a reference to a file name.
pub(crate) fn file_name(reference: &str) -> String {
    let is_allowed =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    let text: String = reference
        .chars()
        .map(|letter| if is_allowed(letter) { letter } else { '+' })
        .collect();
    format!("image-{text}")
}
