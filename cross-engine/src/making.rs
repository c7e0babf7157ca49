//! The making of one environment: the directory it is made in, the commands, and the finishing touch.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::cancel::Cancel;
use crate::clock;
use crate::commands::{self, CERTIFICATES_VARIABLE, Listener};
use crate::environment::{Progress, ProgressSink};
use crate::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::host::{Host, free_bytes};
use crate::invocation::Invocation;
use crate::process::{self, Exit, Stdin};
use crate::{base, diagnosis, environment, failure, lifeline, linking};

/// The file that makes a directory an environment. It is written last.
pub(crate) const MANIFEST: &str = "environment.json";
/// How much of what a maker printed is kept to explain its failure.
const KEPT_LINES: usize = 200;

/// What a directory's manifest says.
#[derive(Serialize, Deserialize)]
pub(crate) struct Manifest {
    schema_version: u32,
    pub(crate) name: String,
    suite: String,
    packages: Vec<String>,
    pub(crate) bytes: u64,
    made_at_unix: u64,
}

impl Manifest {
    /// Of what `blueprint` says, made now.
    pub(crate) fn new(blueprint: &Blueprint, bytes: u64) -> Self {
        Manifest {
            schema_version: 1,
            name: blueprint.name.clone(),
            suite: blueprint.suite.clone(),
            packages: blueprint.packages.clone(),
            bytes,
            made_at_unix: clock::unix_time().as_secs(),
        }
    }

    /// That of the directory `home`, if it is whole.
    pub(crate) fn read(home: &Path) -> Option<Self> {
        let text = fs::read_to_string(home.join(MANIFEST)).ok()?;
        serde_json::from_str(&text).ok()
    }

    pub(crate) fn write(&self, home: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        let path = home.join(MANIFEST);
        fs::write(&path, text).on("write", &path)
    }

    /// Whether both are of one suite.
    fn is_of(&self, blueprint: &Blueprint) -> bool {
        self.suite == blueprint.suite && self.name != blueprint.name
    }

    fn made_at(&self) -> u64 {
        self.made_at_unix
    }
}

/// A directory that is removed again unless it was moved away.
pub(crate) struct Staging(PathBuf);

impl Staging {
    /// The caller holds the environment's lock: what is there is a dead process's, or is being removed
    /// still.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        remove_tree(path)?;
        sweep_aside(path);
        fs::create_dir_all(path).on("create directory", path)?;
        Ok(Staging(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = remove_tree(&self.0);
    }
}

/// Runs the commands of one making.
pub(crate) struct Maker<'a, 'p> {
    host: &'a Host,
    staging: &'a Path,
    /// Directories that go as the staging does where a command fails or its caller is killed.
    others: Vec<&'a Path>,
    cancel: &'a Cancel,
    progress: &'a mut ProgressSink<'p>,
}

impl<'a, 'p> Maker<'a, 'p> {
    pub(crate) fn new(
        host: &'a Host,
        staging: &'a Path,
        cancel: &'a Cancel,
        progress: &'a mut ProgressSink<'p>,
    ) -> Self {
        Maker {
            host,
            staging,
            others: Vec::new(),
            cancel,
            progress,
        }
    }

    /// The same for what is made in another directory.
    pub(crate) fn within<'b>(&'b mut self, staging: &'b Path) -> Maker<'b, 'p> {
        let around = self.staging;
        let mut maker = self.leaving(around);
        maker.staging = staging;
        maker
    }

    /// The same, but what is left of it if it is killed is also this directory.
    pub(crate) fn leaving<'b>(&'b mut self, other: &'b Path) -> Maker<'b, 'p> {
        let others = self.others.iter().copied().chain([other]);
        Maker {
            host: self.host,
            staging: self.staging,
            others: others.collect(),
            cancel: self.cancel,
            progress: self.progress,
        }
    }

    /// Tells how it goes on.
    pub(crate) fn tell(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        (self.progress)(progress)
    }

    /// Where everything is made.
    pub(crate) fn staging(&self) -> &'a Path {
        self.staging
    }

    /// Tells that a new stage begins.
    pub(crate) fn stage(&mut self, name: &str) -> Result<()> {
        if (self.progress)(Progress::Stage(name)).is_break() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                format!("cancelled before {name}"),
            ));
        }
        Ok(())
    }

    /// The handle that stops the making.
    pub(crate) fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Tells a line as if a command had printed it.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        match (self.progress)(Progress::Line(text)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(ErrorKind::Cancelled, "cancelled")),
        }
    }

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
        if self.host.uid == 0 {
            let work = self.staging.join("tmp");
            fs::create_dir_all(&work).on("create directory", &work)?;
            let mmdebstrap = self.trusting(blueprint, mmdebstrap, &work)?;
            return self.make(what, isolated(mmdebstrap)?, blueprint, &[]);
        }
        let usual = Path::new(self.host.variable("TMPDIR").unwrap_or(OsStr::new("/tmp")));
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
            false => commands::certificates(self.host),
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
        std::iter::once(self.host.cache.as_path())
            .chain(temporary)
            .filter_map(|dir| Some((dir.to_owned(), free_bytes(dir).ok()?)))
            .collect()
    }

    /// Runs a command whose failure means what `meaning` says of its status and of the lines it printed
    /// last.
    pub(crate) fn run(
        &mut self,
        command: Invocation,
        meaning: &dyn Fn(Exit, &str) -> Error,
    ) -> Result<()> {
        let (exit, said) = self.run_heard(command, &[], &mut |_| None)?;
        match exit.success() {
            true => Ok(()),
            false => Err(meaning(exit, &said)),
        }
    }

    /// Runs a command and returns the last lines it printed; those that `stage` translates tell a stage.
    fn run_heard(
        &mut self,
        command: Invocation,
        others: &[&Path],
        stage: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(Exit, String)> {
        let leavings: Vec<_> = std::iter::once(self.staging)
            .chain(self.others.iter().copied())
            .chain(others.iter().copied())
            .collect();
        let supervised = lifeline::supervised_leaving(command, &leavings)?;
        let mut said = Vec::new();
        let exit = process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |_, line| {
                if said.len() == KEPT_LINES {
                    said.remove(0);
                }
                let line = diagnosis::uncoloured(line.trim_end_matches('\r'));
                said.push(line.clone());
                match stage(&line) {
                    Some(stage) => (self.progress)(Progress::Stage(&stage)),
                    None => (self.progress)(Progress::Line(&line)),
                }
            },
        )?;
        Ok((exit, said.join("\n")))
    }
}

/// `command` in mount and process namespaces of its own, which end when it is killed.
pub(crate) fn isolated(command: Invocation) -> Result<Invocation> {
    let mut unshare = Invocation::new("unshare")
        .args([
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child",
            "--",
        ])
        .arg(utf8(&command.program)?)
        .args(command.args);
    unshare.env = command.env;
    Ok(unshare)
}

/// Makes the mount points that runs need and the caller the owner, stores once what other root file
/// systems have, too, and writes the manifest.
pub(crate) fn finish(root: &Path, blueprint: &Blueprint, host: &Host) -> Result<()> {
    let certificates = root.join("etc/ssl/certs");
    fs::create_dir_all(&certificates).on("create directory", &certificates)?;
    for file in ["etc/resolv.conf", "etc/hosts", "etc/passwd", "etc/group"] {
        let path = root.join(file);
        // A link would lead the mount astray.
        if path.is_symlink() {
            fs::remove_file(&path).on("remove", &path)?;
        }
        if !path.exists() {
            fs::write(&path, "").on("write", &path)?;
        }
    }
    let bytes = take_over(root, host).on("take over", root)?;
    linking::link_equal(root, &alike(blueprint, host), &root.with_file_name("link"))
        .on("link files of", root)?;
    Manifest::new(blueprint, bytes).write(root.parent().unwrap_or(root))
}

/// Root file systems that have files in common with `blueprint`'s: its base's, then those of its suite,
/// the latest first.
fn alike(blueprint: &Blueprint, host: &Host) -> Vec<PathBuf> {
    let base = blueprint.beginning();
    let base = base.map(|base| base::home(host, &base.name).join("root"));
    let homes = fs::read_dir(host.cache.join(environment::HOME))
        .into_iter()
        .flatten();
    let mut others: Vec<_> = homes
        .flatten()
        .filter_map(|home| Some((Manifest::read(&home.path())?, home.path())))
        .filter(|(manifest, _)| manifest.is_of(blueprint))
        .map(|(manifest, home)| (std::cmp::Reverse(manifest.made_at()), home.join("root")))
        .collect();
    others.sort();
    let others = others.into_iter().map(|(_, root)| root);
    base.into_iter().chain(others).collect()
}

/// Makes the caller the owner of a tree, and returns the bytes it occupies on disk.
fn take_over(dir: &Path, host: &Host) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        if (meta.uid(), meta.gid()) != (host.uid, host.gid) {
            lchown(&path, Some(host.uid), Some(host.gid))?;
        }
        bytes += meta.blocks() * 512;
        if meta.is_dir() {
            bytes += take_over(&path, host)?;
        }
    }
    Ok(bytes)
}

/// Removes what was moved aside of `path` to be removed, and is there still because whoever did so died.
fn sweep_aside(path: &Path) {
    let (Some(home), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let prefix = format!("{}.removing.", name.to_string_lossy());
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            // It may be going at this moment.
            let _ = remove_tree(&entry.path());
        }
    }
}

/// Removes a tree, also where its directories are not writable; what is not there is removed.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    // Another process may be removing the same tree.
    for _ in 0..3 {
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                make_writable(path);
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    fs::remove_dir_all(path).on("remove", path)
}

fn make_writable(dir: &Path) {
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}
