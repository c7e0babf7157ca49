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

/// What apt says of a server that did not answer. One that does not have a file says something else.
const FAILURES: [&str; 12] = [
    "Temporary failure resolving",
    "Could not resolve",
    "Something wicked happened resolving",
    "Could not connect",
    "Unable to connect",
    "Connection failed",
    "Connection timed out",
    "Connection refused",
    "Connection reset",
    "Certificate verification failed",
    "Error reading from server",
    "Undetermined Error",
];

/// The answers of a server that does not have a file. All others say that it did not look.
const ABSENT: [&str; 2] = ["404", "410"];

/// What of a lock could not be obtained.
#[derive(Default)]
struct Fetched {
    /// The version that the mirror has of each missing package, by hash. Empty if it has none.
    missing: BTreeMap<String, String>,
    /// The mirror that has another file than the lock names, by hash.
    differs: BTreeMap<String, String>,
    /// The mirror that ended the connection within a file, by hash.
    cut: BTreeMap<String, String>,
    /// Whether neither the lock nor the configuration names a mirror.
    has_no_mirror: bool,
    /// Whether the snapshot mirror is being asked.
    asks_snapshot: bool,
    /// Why the snapshot mirror could not be asked.
    snapshot_failure: Option<String>,
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
        let mut fetched = Fetched {
            has_no_mirror: mirror.is_empty(),
            ..Fetched::default()
        };
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
            ["cross-core:", "cut", hash, mirror] => {
                self.cut.insert(hash.to_owned(), mirror.to_owned());
            }
            ["cross-core:", "asking", ..] => self.asks_snapshot = true,
            ["cross-core:", "asked", ..] => self.asks_snapshot = false,
            _ if self.asks_snapshot && self.snapshot_failure.is_none() => {
                let is_failure =
                    FAILURES.iter().any(|words| line.contains(words)) || is_refusal(line);
                self.snapshot_failure = is_failure.then(|| line.trim().to_owned());
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
        if let Some(mirror) = self.cut.get(hash) {
            let message = format!(
                "{mirror} cut the connection within the file of the locked package {shown}{more}"
            );
            let help = format!(
                "check the network and the proxy, and run the command again, which keeps what came; or {}",
                locked.update
            );
            return Some(Error::new(ErrorKind::Unreachable, message).with_help(help));
        }
        if self.has_no_mirror && locked.snapshot.is_none() {
            let message = format!(
                "the lock does not say which archive has the package {shown}: the entry has no \
                 `release`{more}"
            );
            return Some(Error::new(ErrorKind::Lock, message).with_help(locked.update.clone()));
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
        if let (Some(url), Some(why)) = (&locked.snapshot, &self.snapshot_failure) {
            let message =
                format!("{message}, and the snapshot mirror `{url}` cannot be reached: {why}");
            let help = format!(
                "check `snapshot` and the network; a mirror of old packages also refuses who asks for \
                 much at once, for some minutes; or {}",
                locked.update
            );
            return Some(Error::new(ErrorKind::Unreachable, message).with_help(help));
        }
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

/// Whether apt tells of an answer by which a server refused: `…  500  Internal Server Error [IP: …]`.
fn is_refusal(line: &str) -> bool {
    let mut parts = line.split("  ").map(str::trim);
    let is_status = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let status = parts.find(|part| is_status(part));
    status.is_some_and(|status| status >= "400" && !ABSENT.contains(&status))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The error for a package that is missing after a script printed `lines`.
    fn failure(lines: &[&str]) -> Error {
        let hash = "a".repeat(64);
        let package = InstalledPackage::new("gcc", "4", "amd64").sha256(Some(hash.clone()));
        let locked = LockedPackages::new(Vec::new(), vec![package], "lock again")
            .snapshot(Some("http://old".to_owned()));
        let mut fetched = Fetched::default();
        let missing = format!("cross-core: missing {hash} 5");
        for line in lines.iter().chain([&&*missing]) {
            fetched.note(line);
        }
        fetched.failure(&locked).unwrap()
    }

    #[test]
    fn a_snapshot_mirror_that_does_not_answer_is_told_from_one_without_the_package() {
        let gone = "E: Failed to fetch http://old/gcc.deb  404  Not Found [IP: ::1 80]";
        let (asking, asked) = (
            "cross-core: asking the snapshot mirror",
            "cross-core: asked the snapshot mirror",
        );
        let error = failure(&[asking, gone, asked]);
        assert_eq!(error.kind(), ErrorKind::PackageNotFound);
        assert!(error.help().unwrap().contains("does not have it either"));
        let gone = gone.replace("404  Not Found", "410  Gone");
        let error = failure(&[asking, &gone, asked]);
        assert_eq!(error.kind(), ErrorKind::PackageNotFound);
        for line in [
            "Err:1 http://old/gcc.deb  Could not resolve 'old'",
            "E: Failed to fetch http://old/gcc.deb  Could not connect to old:80 (::1).",
            "E: Failed to fetch http://old/gcc.deb  429  Too Many Requests [IP: ::1 80]",
            "E: Failed to fetch http://old/gcc.deb  500  Internal Server Error [IP: ::1 80]",
            "E: Failed to fetch http://old/gcc.deb  403  Forbidden [IP: ::1 80]",
            "  500  Internal Server Error [IP: ::1 80]",
        ] {
            let error = failure(&[asking, &gone, line, asked]);
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
            assert!(error.to_string().contains("`http://old` cannot be reached"));
            assert!(error.to_string().contains(line.trim()), "{error}");
            assert!(error.help().unwrap().contains("for some minutes"));
            let of_mirror = failure(&[line, asking, &gone, asked]);
            assert_eq!(of_mirror.kind(), ErrorKind::PackageNotFound);
        }
    }

    #[test]
    fn a_connection_that_is_cut_is_told_from_another_file() {
        let cut = format!("cross-core: cut {} http://old", "a".repeat(64));
        let error = failure(&[&cut]);
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        let text = error.to_string();
        assert!(text.contains("http://old cut the connection"), "{text}");
    }

    #[test]
    fn an_entry_without_a_release_is_not_the_mirrors_fault() {
        let hash = "a".repeat(64);
        let package = InstalledPackage::new("gcc", "4", "amd64").sha256(Some(hash.clone()));
        let locked = LockedPackages::new(Vec::new(), vec![package], "lock again");
        let mut fetched = Fetched {
            has_no_mirror: true,
            ..Fetched::default()
        };
        fetched.note(&format!("cross-core: missing {hash} "));
        let error = fetched.failure(&locked).unwrap();
        assert_eq!(error.kind(), ErrorKind::Lock);
        assert!(error.to_string().contains("has no `release`"), "{error}");
        assert_eq!(error.help(), Some("lock again"));
    }
}
