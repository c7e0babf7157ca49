//! The commands that make one environment.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::environment::blueprint::Blueprint;
use crate::environment::commands::{self, CERTIFICATES_VARIABLE, Listener};
use crate::image::failure;
use crate::image::maker::{Maker, isolated};
use crate::process::error::{IoContext as _, Result, utf8};
use crate::process::host::free_bytes;
use crate::process::invocation::Invocation;

impl Maker<'_, '_> {
    /// Runs mmdebstrap with a temporary directory of its own, which is removed whatever happens.
    ///
    /// As root it mounts in the mount namespace it is given, and would leave the mounts when killed:
    /// it gets one of its own. As another user it works as that user's subordinate root, who has to
    /// reach the temporary directory: below a private home it cannot be.
    pub(crate) fn debootstrap(
        &mut self,
        blueprint: &Blueprint,
        mmdebstrap: Invocation,
    ) -> Result<()> {
        let what = "making the environment";
        if self.host().uid == 0 {
            let work = self.staging().join("tmp");
            fs::create_dir_all(&work).on("create directory", &work)?;
            let mmdebstrap = self.trusting(blueprint, mmdebstrap, &work)?;
            return self.make(what, isolated(mmdebstrap)?, blueprint, &[]);
        }
        let usual = Path::new(self.host().variable("TMPDIR").unwrap_or(OsStr::new("/tmp")));
        let work = tempfile::Builder::new()
            .prefix("cross-core-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir_in(usual)
            .on("create a directory in", usual)?;
        let mmdebstrap = self.trusting(blueprint, mmdebstrap, work.path())?;
        self.make(what, mmdebstrap, blueprint, &[work.path()])
    }

    /// `mmdebstrap` with its temporary directory, and in it the certificates for the commands, where
    /// whoever they run as can read them.
    fn trusting(
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
        let all = fs::Permissions::from_mode(0o644);
        fs::set_permissions(&copy, all).on("set the permissions of", &copy)?;
        Ok(mmdebstrap.env(CERTIFICATES_VARIABLE, utf8(&copy)?))
    }

    /// Unpacks an archive of mmdebstrap's, so that everything is the caller's.
    pub(crate) fn unpack(&mut self, blueprint: &Blueprint, tar: &Path, root: &Path) -> Result<()> {
        fs::create_dir(root).on("create directory", root)?;
        let unpack = Invocation::new("tar")
            .args(["--extract", "--exclude=./dev/*", "--no-same-owner"])
            .args(["--file", utf8(tar)?, "--directory", utf8(root)?]);
        self.make("unpacking the environment", unpack, blueprint, &[])?;
        fs::remove_file(tar).on("remove", tar)
    }

    /// Runs a command that makes a part of `blueprint`'s environment. What it fills, the directory of
    /// the making and `others`, is removed when it fails or is ended early.
    pub(crate) fn make(
        &mut self,
        what: &str,
        command: Invocation,
        blueprint: &Blueprint,
        others: &[&Path],
    ) -> Result<()> {
        let mut listener = Listener::new(&blueprint.commands);
        let (exit, said) = self.run_heard(command, others, &mut |line| listener.hear(line))?;
        if exit.success() {
            return Ok(());
        }
        Err(match listener.failure() {
            Some((name, status, lines)) => failure::of_command(what, name, status, lines),
            None if failure::says_disk_full(&said) => {
                failure::of_full_disk(what, &self.places(others))
            }
            None => failure::of_making(what, &exit.to_string(), &said),
        })
    }

    /// The directories that are filled, with what is free there still.
    fn places(&self, others: &[&Path]) -> Vec<(PathBuf, u64)> {
        let temporary = others.iter().filter_map(|it| it.parent());
        std::iter::once(self.host().cache.as_path())
            .chain(temporary)
            .filter_map(|dir| Some((dir.to_owned(), free_bytes(dir).ok()?)))
            .collect()
    }
}
