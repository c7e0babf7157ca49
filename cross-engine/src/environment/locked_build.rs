//! The build of a locked environment: its packages are obtained by their hashes, and become an
//! archive of their own, from which mmdebstrap installs.
//!
//! The lock is what is trusted: it was written from the signed index of the distribution's archive,
//! and every file has the hash that it names. So it does not matter who serves a file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::environment::blueprint::Blueprint;
use crate::environment::contents::{ArchiveRelease, InstalledPackage};
use crate::environment::locked_packages::LockedPackages;
use crate::environment::package_cache::{PACKAGES, PackageCache};
use crate::image::apt_failure;
use crate::image::build_process::BuildProcess;
use crate::image::failure;
use crate::image::store::Store;
use crate::os;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::invocation::Invocation;
use crate::process::script;
use crate::process::shell_text::quoted;

const FETCH: &str = include_str!("fetch_locked.sh");

/// The variable that has the archive's directory for the hooks.
const ARCHIVE: &str = "CROSS_ARCHIVE";

/// What of a lock could not be obtained.
#[derive(Default)]
struct Fetched {
    /// The version that the mirror has of each missing package, by hash. Empty if it has none.
    missing: BTreeMap<String, String>,
    /// The mirror that has another file than the lock names, by hash.
    differs: BTreeMap<String, String>,
    /// Whether there was no space for something.
    disk_is_full: bool,
    output: String,
}

impl Store<'_> {
    /// Builds the root file system of `blueprint` at `target` from exactly the packages in
    /// `locked`.
    pub(crate) fn install_locked(
        &self,
        blueprint: &Blueprint,
        locked: &LockedPackages,
        program: &Path,
        target: &Path,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<()> {
        build_process.stage("obtaining the locked packages")?;
        let parent = match self.host.uid {
            0 => build_process.staging(),
            // mmdebstrap runs as a subordinate user, who does not reach the cache.
            _ => Path::new(self.host.variable("TMPDIR").unwrap_or(OsStr::new("/tmp"))),
        };
        let archive = tempfile::Builder::new()
            .prefix("cross-core-archive-")
            .tempdir_in(parent)
            .on("create a directory in", parent)?;
        let archive = archive.path();
        os::set_mode(archive, 0o755).on("set the permissions of", archive)?;
        let mut build_process = build_process.removing(archive);
        let fetched = self.fetch(blueprint, locked, archive, &mut build_process)?;
        // A command of the user's may obtain what the mirror of the others does not have.
        let may_be_there = blueprint.pre_build.is_some();
        let failure = fetched.failure(locked);
        if let Some(error) = failure.filter(|_| !may_be_there) {
            return Err(error);
        }
        build_process.stage("installing the locked packages")?;
        let make = command(blueprint, locked, program, target, archive)?;
        let made = build_process.debootstrap(blueprint, make);
        made.map_err(|error| match fetched.failure(locked) {
            Some(cause) if error.kind() != ErrorKind::Cancelled => cause,
            _ => error,
        })
    }

    /// Obtains the packages, and makes an archive of them in the directory `archive`.
    fn fetch(
        &self,
        blueprint: &Blueprint,
        locked: &LockedPackages,
        archive: &Path,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<Fetched> {
        let lines: String = locked
            .wanted()?
            .into_iter()
            .map(|(_, line)| line + "\n")
            .collect();
        let wanted = archive.join("wanted");
        fs::write(&wanted, lines).on("write", &wanted)?;
        let staging = self.staging(&blueprint.name);
        let name = staging.file_name().unwrap_or_default();
        let packages = PackageCache::open(self.host, &name.to_string_lossy())?;
        let mirror = mirror(blueprint, locked);
        let snapshot = locked.snapshot_url().unwrap_or_default();
        let run = script::command(script::joined([FETCH])).args([
            utf8(archive)?,
            utf8(&self.host.cache.join(PACKAGES))?,
            mirror.trim_end_matches('/'),
            &snapshot,
            utf8(packages.incoming())?,
            &blueprint.suite,
        ]);
        let mut fetched = Fetched::default();
        let mut build_process = build_process.removing(packages.incoming());
        let (exit, output) = build_process.run_with_stages(run, &[], &mut |line| {
            fetched.note(line);
            None
        })?;
        fetched.output = output;
        let what = "obtaining the locked packages";
        let is_incomplete = !exit.success() || !fetched.missing.is_empty();
        match exit.success() {
            _ if is_incomplete && fetched.disk_is_full => {
                let free = build_process.free_space(&[archive]);
                Err(failure::of_full_disk(what, &free))
            }
            true => Ok(fetched),
            false => Err(failure::of_environment_build(what, exit, &fetched.output)),
        }
    }
}

impl Fetched {
    /// Notes what a line of the script says.
    fn note(&mut self, line: &str) {
        self.disk_is_full |= failure::says_disk_full(line);
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["cross-core:", "missing", hash, version] => {
                self.missing.insert(hash.to_owned(), version.to_owned());
            }
            ["cross-core:", "differs", hash, mirror] => {
                self.differs.insert(hash.to_owned(), mirror.to_owned());
            }
            _ => {}
        }
    }

    /// The error for what is missing, if anything is.
    fn failure(&self, locked: &LockedPackages) -> Option<Error> {
        let is_missing = |package: &&InstalledPackage| {
            let hash = package.sha256.as_ref();
            hash.is_some_and(|hash| self.missing.contains_key(hash))
        };
        let package = locked.packages.iter().find(is_missing)?;
        let InstalledPackage {
            name,
            version,
            architecture,
            ..
        } = package;
        let hash = package.sha256.as_deref().unwrap_or_default();
        let shown = format!("`{name}:{architecture}` {version}");
        let more = match self.missing.len() - 1 {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        if let Some(mirror) = self.differs.get(hash) {
            let message = format!(
                "{mirror} has another file under the name of the locked package {shown}: its SHA-256 \
                 is not {hash}{more}"
            );
            let help = format!(
                "do not use this mirror, or, if the hash in the lock was edited, {}",
                locked.update
            );
            return Some(Error::new(ErrorKind::Lock, message).with_help(help));
        }
        let now = self
            .missing
            .get(hash)
            .map(String::as_str)
            .unwrap_or_default();
        if now.is_empty() {
            let unreachable = apt_failure::find("obtaining the locked packages", &self.output);
            let is_unreachable = |error: &Error| error.kind() == ErrorKind::Unreachable;
            if let Some(error) = unreachable.filter(is_unreachable) {
                return Some(error);
            }
        }
        let has = match now {
            "" => "it has none of this name now".to_owned(),
            now => format!("it has {now} now"),
        };
        let message =
            format!("the mirror does not have the locked package {shown} any more: {has}{more}");
        let other = match &locked.snapshot {
            Some(url) => format!("the snapshot mirror `{url}` does not have it either"),
            None => {
                "a snapshot mirror has old packages: name one with the key `snapshot`".to_owned()
            }
        };
        let help = format!("{other}; or {}", locked.update);
        Some(Error::new(ErrorKind::PackageNotFound, message).with_help(help))
    }
}

/// The mirror: that of the blueprint, or the one from which the lock was made.
fn mirror<'a>(blueprint: &'a Blueprint, locked: &'a LockedPackages) -> &'a str {
    let of_suite = |release: &&ArchiveRelease| release.codename == blueprint.suite;
    let release = locked
        .releases
        .iter()
        .find(of_suite)
        .or(locked.releases.first());
    let url = release.map(|release| release.url.as_str());
    blueprint.mirror.as_deref().or(url).unwrap_or_default()
}

/// The `mmdebstrap` command that installs from the archive in `archive`.
fn command(
    blueprint: &Blueprint,
    locked: &LockedPackages,
    program: &Path,
    target: &Path,
    archive: &Path,
) -> Result<Invocation> {
    let mut blueprint = blueprint.clone();
    let mirror = mirror(&blueprint, locked).to_owned();
    let path = utf8(archive)?;
    blueprint.mirror = Some(format!("deb [trusted=yes] copy:{path} ./"));
    let mut make = blueprint.mmdebstrap_alone(program).env(ARCHIVE, path);
    if let Some(epoch) = locked.epoch() {
        let epoch = epoch.to_string();
        make = make.env("SOURCE_DATE_EPOCH", &epoch);
        let variable = ("SOURCE_DATE_EPOCH".to_owned(), epoch);
        blueprint.command_env.extend([variable]);
    }
    if blueprint.pre_build.is_some() {
        make = make.arg(format!("--customize-hook={}", INSIDE));
    }
    let suite = &blueprint.suite;
    let line = format!("deb {mirror} {suite} main");
    let make = blueprint.finish(make, target)?;
    Ok(without_machine(make, &line, suite))
}

/// The hook that gives the user's commands the archive at a path of the environment.
const INSIDE: &str = r#"set -e; mkdir -p "$1/run/cross-core"; cp -r "$CROSS_ARCHIVE" "$1/run/cross-core/archive"; echo "deb [trusted=yes] file:/run/cross-core/archive ./" >"$1/etc/apt/sources.list"; rm -rf "$1"/var/lib/apt/lists/*"#;

/// Adds the last hook, before the suite: it names the usual mirror, and removes what is of the
/// machine that made the environment.
fn without_machine(mut make: Invocation, sources: &str, suite: &str) -> Invocation {
    let hook = format!(
        r#"--customize-hook=set -e; printf '%s\n' {} >"$1/etc/apt/sources.list"; : >"$1/etc/resolv.conf"; echo localhost >"$1/etc/hostname""#,
        quoted(sources)
    );
    let at = make.args.iter().rposition(|arg| arg == suite);
    make.args.insert(at.unwrap_or(make.args.len()), hook);
    make
}
