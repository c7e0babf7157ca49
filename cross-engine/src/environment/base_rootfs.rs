//! Bases: root file systems with the packages that several environments have in common. Each is
//! built once, kept in the cache and copied for every environment.
//!
//! Most of a build's time is spent on unpacking what every environment of a suite has: the
//! essential packages, the native compiler, CMake and Perl. An environment with a base is a copy of
//! it, in which the other packages are installed. The result has the same files.
//!
//! It is a copy and not hard links, because the installation of packages may write to existing
//! files. Files that are equal in the end are linked: see [`dedup`](crate::environment::dedup).

use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::blueprint::Blueprint;
use crate::environment::dedup;
use crate::environment::manifest::{MANIFEST, Manifest};
use crate::environment::package_cache::PackageCache;
use crate::image::build_process::BuildProcess;
use crate::image::progress::Progress;
use crate::image::staging::{Staging, remove_tree};
use crate::image::store::Store;
use crate::os::FileFacts;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::lock::Lock;
use crate::process::script::joined;
use crate::process::shell_text::quoted;

/// The cache's subdirectory for bases, and the prefix of their lock files.
pub(crate) const BASES: &str = "bases";
pub(crate) const KIND: &str = "base";

/// Installs the other packages. `$1` is the root file system.
const DERIVE: &str = include_str!("derive.sh");

/// The variable that has the script. mmdebstrap prints the hooks that it runs, so the script itself
/// is not one.
const DERIVE_VARIABLE: &str = "CROSS_DERIVE";

/// A complete base with a lock, so that nobody removes it.
struct LockedBase {
    /// Its root file system: a directory or an archive.
    rootfs: PathBuf,
    /// Distinguishes it from another base with the same name.
    inode: u64,
    _lock: Lock,
}

/// The root file system of a base. For users other than root it is an archive, which can have files
/// of other users.
fn rootfs(home: &Path, host: &Host) -> PathBuf {
    home.join(if host.uid == 0 { "root" } else { "root.tar" })
}

/// The directory of the base `name`.
pub(crate) fn base_dir(host: &Host, name: &str) -> PathBuf {
    host.cache.join(BASES).join(name)
}

/// The lock file of the base `name`.
pub(crate) fn lock_file(name: &str) -> String {
    format!("{KIND}-{name}")
}

impl Store<'_> {
    /// Builds the root file system of `blueprint` at `target` with mmdebstrap, from its base if it
    /// has one.
    ///
    /// A base that cannot be used, because of a newer release of the archive or because it is
    /// damaged, is built again.
    pub(crate) fn install(
        &self,
        blueprint: &Blueprint,
        program: &Path,
        target: &Path,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<()> {
        if let Some(locked) = &blueprint.locked {
            return self.install_locked(blueprint, locked, program, target, build_process);
        }
        let Some(base) = blueprint.usable_base() else {
            build_process.stage("downloading and installing packages")?;
            return build_process.debootstrap(blueprint, blueprint.mmdebstrap(program, target)?);
        };
        let (locked, is_new) = self.locked_base(base, program, build_process)?;
        let Err(error) = self.derive(blueprint, program, target, &locked, build_process) else {
            return Ok(());
        };
        // Failures of the environment itself have other kinds, except a full disk.
        if is_new || error.kind() != ErrorKind::Environment || error.is_disk_full() {
            return Err(error);
        }
        let inode = locked.inode;
        drop(locked);
        build_process.line("cross-core: the base is built again")?;
        self.remove_base(&base.name, Some(inode), build_process)?;
        let (locked, _) = self.locked_base(base, program, build_process)?;
        self.derive(blueprint, program, target, &locked, build_process)
    }

    fn derive(
        &self,
        blueprint: &Blueprint,
        program: &Path,
        target: &Path,
        base: &LockedBase,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<()> {
        build_process.stage("installing packages")?;
        let staging = self.staging(&blueprint.name);
        let name = staging.file_name().unwrap_or_default();
        let packages = PackageCache::open(self.host, &name.to_string_lossy())?;
        let derive = derive_command(blueprint, program, target, &base.rootfs, &packages)?;
        let mut build_process = build_process.removing(packages.incoming());
        build_process.debootstrap(blueprint, derive)
    }

    /// Returns the base, and whether it was built by this call.
    fn locked_base(
        &self,
        base: &Blueprint,
        program: &Path,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<(LockedBase, bool)> {
        let (home, mut is_new) = (base_dir(self.host, &base.name), false);
        let lock = self.host.cache.join("locks").join(lock_file(&base.name));
        loop {
            let shared = build_process
                .wait_for_lock(|cancel, waiting| Lock::acquire_shared(&lock, cancel, waiting))?;
            if is_complete(&home, self.host) {
                let inode = FileFacts::at(&home).on("inspect", &home)?.inode;
                let locked = LockedBase {
                    rootfs: rootfs(&home, self.host),
                    inode,
                    _lock: shared,
                };
                return Ok((locked, is_new));
            }
            drop(shared);
            let _exclusive = build_process
                .wait_for_lock(|cancel, waiting| Lock::acquire(&lock, cancel, waiting))?;
            if !is_complete(&home, self.host) {
                self.make_base(base, program, &home, build_process)?;
                is_new = true;
            }
        }
    }

    /// Builds a base. The caller has to hold its lock.
    fn make_base(
        &self,
        base: &Blueprint,
        program: &Path,
        home: &Path,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<()> {
        build_process.stage("installing the base of this suite")?;
        let staging = Staging::new(&home.with_file_name(format!(".{}.{KIND}", base.name)))?;
        let rootfs = rootfs(staging.path(), self.host);
        let mut build_process = build_process.within(staging.path());
        build_process.debootstrap(base, base.mmdebstrap_base(program, &rootfs)?)?;
        remove_tree(&staging.path().join("tmp"))?;
        Manifest::new(base, size(&rootfs)?).write(staging.path())?;
        remove_tree(home)?;
        fs::rename(staging.path(), home).on("move the base to", home)
    }

    /// Removes the base `name`, unless its inode is another one.
    fn remove_base(
        &self,
        name: &str,
        inode: Option<u64>,
        build_process: &mut BuildProcess<'_, '_>,
    ) -> Result<()> {
        let lock = self.host.cache.join("locks").join(lock_file(name));
        let _exclusive =
            build_process.wait_for_lock(|cancel, waiting| Lock::acquire(&lock, cancel, waiting))?;
        let home = base_dir(self.host, name);
        let current = FileFacts::at(&home).map(|facts| facts.inode).ok();
        match inode.is_none() || inode == current {
            true => remove(&home),
            false => Ok(()),
        }
    }
}

/// Removes a base. The caller has to hold its lock.
pub(crate) fn remove(home: &Path) -> Result<()> {
    // Without its manifest it is not a base any more, even if this is interrupted.
    let _ = fs::remove_file(home.join(MANIFEST));
    remove_tree(home)
}

/// Whether the base at `home` is complete, and its archive has its original length.
fn is_complete(home: &Path, host: &Host) -> bool {
    let rootfs = rootfs(home, host);
    match Manifest::read(home) {
        Some(_) if host.uid == 0 => rootfs.is_dir(),
        Some(manifest) => rootfs
            .metadata()
            .is_ok_and(|meta| meta.len() == manifest.bytes),
        None => false,
    }
}

fn size(rootfs: &Path) -> Result<u64> {
    match rootfs.is_dir() {
        true => dedup::disk_usage(rootfs).on("read directory", rootfs),
        false => Ok(rootfs.metadata().on("inspect", rootfs)?.len()),
    }
}

/// The `mmdebstrap` command that builds `blueprint`'s root file system at `target` from a base's.
fn derive_command(
    blueprint: &Blueprint,
    program: &Path,
    target: &Path,
    base: &Path,
    packages: &PackageCache,
) -> Result<Invocation> {
    let path = utf8(base)?;
    let copy = match path.ends_with(".tar") {
        true => format!("tar-in {} /", quoted(path)),
        false => format!("cp -a -- {} \"$1/\"", quoted(&format!("{path}/."))),
    };
    let names: Vec<_> = blueprint.packages.iter().map(|name| quoted(name)).collect();
    let install = format!("eval \"${DERIVE_VARIABLE}\"");
    let make = blueprint
        .mmdebstrap_start(program, "custom", None)
        .arg(format!("--setup-hook={copy}"))
        .arg(format!("--setup-hook={}", prepare_script(blueprint)))
        .arg(format!("--setup-hook={}", blueprint.dpkg_hook()))
        .arg(format!("--customize-hook={install}"))
        .env(
            DERIVE_VARIABLE,
            joined([&format!("set -- \"$1\" {}", names.join(" ")), DERIVE]),
        );
    blueprint.finish(packages.add_to(make)?, target)
}

/// The script that prepares a copy of the base for `blueprint`: it sets the architectures, removes
/// the excluded files, and records the release of the archive.
fn prepare_script(blueprint: &Blueprint) -> String {
    let mut script = "set -e; cd \"$1\"; mkdir -p dev run; \
                      cat var/lib/apt/lists/*Release | sha256sum >run/cross-core.release"
        .to_owned();
    if !blueprint.architectures.is_empty() {
        let all: Vec<_> = blueprint
            .architectures
            .iter()
            .map(|name| quoted(name))
            .collect();
        script += &format!("; printf '%s\\n' {} >var/lib/dpkg/arch", all.join(" "));
    }
    // Files that match the base's own globs do not exist. As in dpkg, `*` matches `/` and the last
    // matching glob counts, which is the first in reverse order.
    let in_base = blueprint.usable_base().map_or(0, |base| base.exclude.len());
    let globs: Vec<_> = blueprint.exclude[in_base..]
        .iter()
        .rev()
        .map(|glob| match glob.strip_prefix('!') {
            Some(kept) => format!("-path {}", quoted(&format!(".{kept}"))),
            None => format!("-path {} -delete", quoted(&format!(".{glob}"))),
        })
        .collect();
    if !globs.is_empty() {
        script += &format!("; find . -xdev ! -type d \\( {} \\)", globs.join(" -o "));
    }
    script
}

/// The names of the complete bases, with their sizes in bytes. One whose manifest is damaged is made
/// again when it is needed; until then it takes space as well.
pub(crate) fn all(host: &Host) -> Vec<(String, u64)> {
    let entries = fs::read_dir(host.cache.join(BASES)).into_iter().flatten();
    let mut all: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let (home, name) = (entry.path(), entry.file_name());
            let name = name.to_str().filter(|name| !name.starts_with('.'))?;
            let bytes = match Manifest::of(name, &home) {
                Ok(manifest) => manifest?.bytes,
                Err(_) => size(&rootfs(&home, host)).unwrap_or_default(),
            };
            Some((name.to_owned(), bytes))
        })
        .collect();
    all.sort();
    all
}

impl BuildProcess<'_, '_> {
    /// Waits for a lock, and reports that.
    fn wait_for_lock(
        &mut self,
        acquire: impl FnOnce(&Cancel, &mut dyn FnMut()) -> Result<Lock>,
    ) -> Result<Lock> {
        let cancel = self.cancel();
        let mut stopped = false;
        let lock = acquire(cancel, &mut || {
            stopped = self.report(Progress::Waiting).is_break()
        });
        match stopped {
            true => Err(Error::new(ErrorKind::Cancelled, "cancelled")),
            false => lock,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::invocation::Variables;

    fn blueprint() -> Blueprint {
        let base = Blueprint::new("base", "bookworm", ["gcc"])
            .architectures(["amd64"])
            .exclude(["/usr/share/doc/*", "!/usr/share/doc/*/copyright"]);
        Blueprint::new("aarch64-0", "bookworm", ["gcc", "qemu-user-static"])
            .architectures(["amd64", "arm64"])
            .exclude([
                "/usr/share/doc/*",
                "!/usr/share/doc/*/copyright",
                "/usr/*/lib*san.so*",
                "/usr/bin/qemu-*",
                "!/usr/bin/qemu-a*",
            ])
            .base(Some(base))
    }

    /// The arguments of the command that builds from a base at `base`.
    fn words(base: &str) -> Vec<String> {
        let cache = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let packages = PackageCache::open(&host, ".aarch64-0.sandbox").unwrap();
        let (program, target) = (Path::new("mmdebstrap"), Path::new("/c/root"));
        let made = derive_command(&blueprint(), program, target, Path::new(base), &packages);
        made.unwrap().args
    }

    #[test]
    fn a_directory_is_copied_and_an_archive_is_handed_in() {
        let words = words("/a b/root");
        assert_eq!(words[0], "--variant=custom");
        assert!(words.contains(&"--setup-hook=cp -a -- '/a b/root/.' \"$1/\"".to_owned()));
        assert_eq!(words[words.len() - 2..], ["bookworm", "/c/root"]);
        let words = self::words("/a b/root.tar");
        assert!(words.contains(&"--setup-hook=tar-in '/a b/root.tar' /".to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_is_without_what_only_the_environment_excludes() {
        let root = tempfile::tempdir().unwrap();
        let files = [
            "usr/share/doc/gcc/link-to-keep",
            "usr/lib/gcc/libasan.so.8",
            "usr/lib/libsane.so",
            "usr/bin/qemu-arm",
            "usr/bin/qemu-aarch64",
            "usr/bin/qemu-s390x",
            "var/lib/dpkg/arch",
            "var/lib/apt/lists/x_InRelease",
        ];
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let run = Invocation::new("sh").args(["-c", &prepare_script(&blueprint()), "hook"]);
        let run = run.arg(root.path().to_str().unwrap());
        let variables = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let output = crate::process::output(&run, &variables, &Cancel::new()).unwrap();
        assert!(output.exit.success(), "{output:?}");
        let gone: Vec<_> = files
            .iter()
            .filter(|file| !root.path().join(file).exists())
            .collect();
        assert_eq!(gone, [&"usr/lib/gcc/libasan.so.8", &"usr/bin/qemu-s390x"]);
        let read = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
        assert_eq!(read("var/lib/dpkg/arch"), "amd64\narm64\n");
        assert!(read("run/cross-core.release").starts_with("e3b0c442"));
    }

    #[test]
    fn an_archive_that_is_shorter_than_it_was_is_no_base() {
        let cache = tempfile::tempdir().unwrap();
        let mut host = Host::new(Variables::new(), cache.path());
        host.uid = 1000;
        let home = base_dir(&host, "base");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("root.tar"), "0123456789").unwrap();
        assert!(
            !is_complete(&home, &host),
            "nothing says that it was finished"
        );
        let base = Blueprint::new("base", "bookworm", ["gcc"]);
        Manifest::new(&base, 10).write(&home).unwrap();
        assert!(is_complete(&home, &host));
        assert_eq!(all(&host), [("base".to_owned(), 10)]);
        fs::write(home.join("root.tar"), "01234").unwrap();
        assert!(!is_complete(&home, &host));
        fs::write(home.join(MANIFEST), "{").unwrap();
        assert!(!is_complete(&home, &host));
        let listed = [("base".to_owned(), 5)];
        assert_eq!(all(&host), listed, "it takes space and can be removed");
        remove(&home).unwrap();
        assert!(!home.exists() && all(&host).is_empty());
    }
}
