//! The build steps of an environment.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::blueprint::Blueprint;
use crate::environment::commands::{self, CERTIFICATES_VARIABLE, CommandProgress, FailedCommand};
use crate::environment::mount_options::{self, MOUNTS};
use crate::environment::rootless;
use crate::image::build_process::{BuildProcess, isolated};
use crate::image::failure;
use crate::os::{self, kernel_text};
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::host::free_bytes;
use crate::process::invocation::Invocation;

impl BuildProcess<'_, '_> {
    /// Runs mmdebstrap with a temporary directory of its own, which is always removed.
    ///
    /// As root, mmdebstrap mounts file systems in its mount namespace, and would leave them if it
    /// is killed, so it gets a namespace of its own. As another user, it runs as that user's
    /// subordinate root, which has to reach the temporary directory. That cannot be below a private
    /// home directory.
    pub(crate) fn debootstrap(
        &mut self,
        blueprint: &Blueprint,
        mmdebstrap: Invocation,
    ) -> Result<()> {
        let what = "building the environment";
        if self.host().uid == 0 {
            let work = self.staging().join("tmp");
            fs::create_dir_all(&work).on("create directory", &work)?;
            let mmdebstrap = self.with_certificates(blueprint, mmdebstrap, &work)?;
            return self.run_step(what, isolated(mmdebstrap)?, blueprint, &[]);
        }
        let parent = Path::new(self.host().variable("TMPDIR").unwrap_or(OsStr::new("/tmp")));
        let work = tempfile::Builder::new()
            .prefix("cross-core-")
            .tempdir_in(parent)
            .on("create a directory in", parent)?;
        os::set_mode(work.path(), 0o755).on("set the permissions of", work.path())?;
        let mmdebstrap = self.with_certificates(blueprint, mmdebstrap, work.path())?;
        self.run_step(what, mmdebstrap, blueprint, &[work.path()])
    }

    /// Adds the temporary directory to `mmdebstrap`, and copies the certificates to it, where the
    /// user that runs the commands can read them.
    fn with_certificates(
        &self,
        blueprint: &Blueprint,
        mmdebstrap: Invocation,
        work: &Path,
    ) -> Result<Invocation> {
        let mmdebstrap = mmdebstrap.env("TMPDIR", utf8(work)?);
        let bundle = match blueprint.commands.is_empty() {
            true => None,
            false => commands::certificates(self.host()),
        };
        let Some(bundle) = bundle else {
            return Ok(mmdebstrap);
        };
        let copy = work.join("certificates.pem");
        fs::copy(&bundle, &copy).on("copy", &bundle)?;
        os::set_mode(&copy, 0o644).on("set the permissions of", &copy)?;
        Ok(mmdebstrap.env(CERTIFICATES_VARIABLE, utf8(&copy)?))
    }

    /// Unpacks an archive of mmdebstrap's. The caller owns the files.
    pub(crate) fn unpack(&mut self, blueprint: &Blueprint, tar: &Path, root: &Path) -> Result<()> {
        fs::create_dir(root).on("create directory", root)?;
        let unpack = Invocation::new("tar")
            .args(["--extract", "--exclude=./dev/*", "--no-same-owner"])
            .args(["--file", utf8(tar)?, "--directory", utf8(root)?]);
        self.run_step("unpacking the environment", unpack, blueprint, &[])?;
        fs::remove_file(tar).on("remove", tar)
    }

    /// Runs a build step of `blueprint`'s environment. The staging directory and `others` are
    /// removed if it fails or is ended early.
    pub(crate) fn run_step(
        &mut self,
        what: &str,
        command: Invocation,
        blueprint: &Blueprint,
        others: &[&Path],
    ) -> Result<()> {
        let mut progress = CommandProgress::new(&blueprint.commands);
        let (exit, output) =
            self.run_with_stages(command, others, &mut |line| progress.parse(line))?;
        if exit.success() {
            return Ok(());
        }
        Err(match progress.failure() {
            Some(FailedCommand {
                name,
                status,
                output,
                is_users: true,
            }) => failure::of_command(what, name, status, output),
            _ if failure::says_disk_full(&output) => {
                failure::of_full_disk(what, &self.free_space(others))
            }
            Some(failed) => {
                failure::of_recipe_command(what, failed.name, failed.status, failed.output)
            }
            None if rootless::says_refused(&output) && self.host().uid != 0 => {
                let rootless::Obstacle { cause, help } = rootless::obstacle(self.host());
                let message = format!("{what}: mmdebstrap may not use user namespaces: {cause}");
                Error::new(ErrorKind::Environment, message).with_help(help)
            }
            None => match self.without_programs(others) {
                Some(dir) => failure::of_noexec(what, &dir),
                None => failure::of_environment_build(what, exit, &output),
            },
        })
    }

    /// The directory that a build fills and whose file system executes no programs, if one does
    /// not.
    fn without_programs(&self, others: &[&Path]) -> Option<PathBuf> {
        let mounts = kernel_text(MOUNTS);
        let parents = others.iter().filter_map(|dir| dir.parent());
        std::iter::once(self.host().cache.as_path())
            .chain(parents)
            .filter_map(|dir| os::canonical(dir).ok())
            .find(|dir| mount_options::are_noexec(&mounts, dir))
    }

    /// The directories that a build fills, with the free space in bytes.
    pub(crate) fn free_space(&self, others: &[&Path]) -> Vec<(PathBuf, u64)> {
        let parents = others.iter().filter_map(|dir| dir.parent());
        std::iter::once(self.host().cache.as_path())
            .chain(parents)
            .filter_map(|dir| Some((dir.to_owned(), free_bytes(dir).ok()?)))
            .collect()
    }
}
