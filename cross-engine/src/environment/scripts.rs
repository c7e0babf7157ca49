//! What makes an environment or an image, as text for a shell, for people who run a plan by hand.

use std::path::Path;

use crate::environment::blueprint::Blueprint;
use crate::environment::environments::{EnvironmentLocation, Environments};
use crate::environment::manifest::{MANIFEST, Manifest};
use crate::image::cli;
use crate::image::image_build::{ContainerfileSource, ImageBuild};
use crate::image::images::{self, BuildFiles};
use crate::process::cancel::Cancel;
use crate::process::error::Result;
use crate::process::invocation::Invocation;
use crate::process::script::joined;
use crate::process::shell_text::{here_document, word};

/// What `finish` does in the root file system `$root`, for the caller `$owner`.
const FINISH: &str = include_str!("scripts/finish.sh");

impl Environments<'_> {
    /// The shell commands that make the environment unless it exists, with
    /// [`make_command`](Environments::make_command) among them. Like it, they do not use the cache
    /// of packages. Unlike [`make`](Environments::make), they do not wait for other processes that
    /// make the same environment, and record no contents. `None` if the environment is locked: its
    /// packages are obtained by their hashes, which is not for a shell.
    ///
    /// # Errors
    ///
    /// If a path is not UTF-8, or a file that is copied cannot be read.
    pub fn make_script(&self, blueprint: &Blueprint) -> Result<Option<String>> {
        if blueprint.locked.is_some() {
            return Ok(None);
        }
        let staging = self.store.staging(&blueprint.name);
        let command = self.make_command(blueprint)?;
        Ok(match (self.location(&blueprint.name), self.mmdebstrap()) {
            (EnvironmentLocation::Directory(dir), _) => {
                let made = self.rootfs(&staging);
                Some(self.directory_script(blueprint, &command, &made, &dir))
            }
            (EnvironmentLocation::Image(image), Some(_)) => {
                let archive = self.rootfs(&staging);
                let import = cli::import(self.store.engine, &archive, &image, &blueprint.name)?;
                let steps = format!("{command}\n{import}\n");
                Some(self.image_script(&image, &staging, &steps))
            }
            (EnvironmentLocation::Image(image), None) => {
                let build = self.image_build(blueprint, &image, self.display_builder())?;
                let files = context_files(&build, &staging);
                let steps = format!("{files}{command}\n");
                Some(self.image_script(&image, &staging, &steps))
            }
            (EnvironmentLocation::Host, _) => None,
        })
    }

    /// The shell commands that build an image, with
    /// [`build_command`](Environments::build_command) among them.
    ///
    /// # Errors
    ///
    /// If docker cannot be queried, or a path is not UTF-8.
    pub fn build_script(&self, build: &ImageBuild, cancel: &Cancel) -> Result<String> {
        let command = self.build_command(build, cancel)?;
        let staging = self.store.staging(&images::file_name(&build.tag));
        let files = context_files(build, &staging);
        let staging = word(&staging);
        Ok(format!(
            "mkdir -p {staging}\n{files}{command}\nrm -rf -- {staging}\n"
        ))
    }

    /// Makes a root file system beside its final place, and moves it there once it is complete.
    fn directory_script(
        &self,
        blueprint: &Blueprint,
        command: &Invocation,
        made: &Path,
        dir: &Path,
    ) -> String {
        let staging = self.store.staging(&blueprint.name);
        let root = staging.join("root");
        let unpack = match made == root {
            true => String::new(),
            false => format!(
                "mkdir {root}\ntar --extract '--exclude=./dev/*' --no-same-owner --file {tar} --directory \
                 {root}\nrm -f -- {tar}\n",
                root = word(&root),
                tar = word(made),
            ),
        };
        let (uid, gid) = (self.store.host.uid, self.store.host.gid);
        let manifest = Manifest::unfinished(blueprint).text();
        let manifest = format!(
            "sed -e \"s/\\\"bytes\\\": 0/\\\"bytes\\\": $bytes/\" \
             -e \"s/\\\"made_at_unix\\\": 0/\\\"made_at_unix\\\": $(date +%s)/\" \
             >{} <<'END'\n{manifest}\nEND\n",
            word(&staging.join(MANIFEST))
        );
        let (here, there) = (word(&staging), word(dir));
        format!(
            "if [ ! -e {done} ]; then\nrm -rf -- {here}\nmkdir -p {here}\n{command}\n{unpack}\
             root={root} owner={uid}:{gid}\n{finish}\n{manifest}rm -rf -- {there}\nmv -- {here} {there}\nfi\n",
            done = word(&dir.join(MANIFEST)),
            root = word(&root),
            finish = joined([FINISH]),
        )
    }

    /// Runs `steps`, which make an image with files in `staging`, unless the engine has the image.
    fn image_script(&self, image: &str, staging: &Path, steps: &str) -> String {
        let inspect = Invocation::new(&self.store.engine.program).args(["image", "inspect", image]);
        let staging = word(staging);
        format!(
            "if ! {inspect} >/dev/null 2>&1; then\nmkdir -p {staging}\n{steps}rm -rf -- {staging}\nfi\n"
        )
    }
}

/// The commands that write the Containerfile and the context of `build`, where they are text.
fn context_files(build: &ImageBuild, staging: &Path) -> String {
    let files = BuildFiles::of(build, staging);
    let mut script = String::new();
    if let ContainerfileSource::Text(text) = &build.file {
        script += &here_document(&files.file, text, false);
    }
    if build.context.is_none() {
        script += &format!("mkdir -p {}\n", word(&files.context));
        for (name, text) in &build.files {
            script += &here_document(&files.context.join(name), text, false);
        }
    }
    script
}
