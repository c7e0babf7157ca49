//! What several environments begin with: made once, kept in the cache, copied for each.
//!
//! Most of the time of a making is dpkg's, unpacking what every environment of a suite has: the
//! essential packages, the machine's own compiler, CMake, Perl. An environment that begins with a base
//! is a copy of it in which the rest is installed. What it comes to is the same, file by file.
//!
//! A copy, not links: what is installed later may write into what is there. Files that are equal
//! in the end are stored once all the same: see [`linking`](crate::environment::dedup).

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::environment::blueprint::Blueprint;
use crate::environment::dedup;
use crate::environment::manifest::{MANIFEST, Manifest};
use crate::environment::package_cache::Packages;
use crate::image::maker::Maker;
use crate::image::progress::Progress;
use crate::image::staging::{Staging, remove_tree};
use crate::image::store::Store;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::{Invocation, quoted};
use crate::process::lock::Lock;

/// The directory of the cache where bases are, and the word for them in the names of locks.
pub(crate) const HOME: &str = "bases";
pub(crate) const KIND: &str = "base";

/// Installs the rest of the packages: `$1` is the root file system.
const DERIVE: &str = include_str!("derive.sh");

/// The variable that has it: mmdebstrap prints what it is told to run, which would be all of it.
const DERIVE_VARIABLE: &str = "CROSS_DERIVE";

/// A base that is whole, and that nobody removes meanwhile.
struct Held {
    /// A root file system, or the archive of one.
    product: PathBuf,
    /// What tells it from another of its name.
    inode: u64,
    _lock: Lock,
}

/// What a plain user has is an archive: only in it are files of other users.
fn product(home: &Path, host: &Host) -> PathBuf {
    home.join(if host.uid == 0 { "root" } else { "root.tar" })
}

/// The directory of the base called `name`.
pub(crate) fn home(host: &Host, name: &str) -> PathBuf {
    host.cache.join(HOME).join(name)
}

/// The lock of the base called `name`.
pub(crate) fn lock_file(name: &str) -> String {
    format!("{KIND}-{name}")
}

impl Store<'_> {
    /// Has mmdebstrap make what `blueprint` says at `target`, beginning with its base if it has one.
    ///
    /// A base that cannot be used, because the archive has had a release since, or because it is
    /// damaged, is made anew.
    pub(crate) fn install(
        &self,
        blueprint: &Blueprint,
        program: &Path,
        target: &Path,
        maker: &mut Maker<'_, '_>,
    ) -> Result<()> {
        let Some(base) = blueprint.beginning() else {
            maker.stage("downloading and installing packages")?;
            return maker.debootstrap(blueprint, blueprint.mmdebstrap(program, target)?);
        };
        let (held, is_new) = self.held_base(base, program, maker)?;
        let Err(error) = self.derive(blueprint, program, target, &held, maker) else {
            return Ok(());
        };
        // An environment's own troubles have kinds of their own, but for a full disk.
        if is_new || error.kind() != ErrorKind::Environment || error.is_disk_full() {
            return Err(error);
        }
        let inode = held.inode;
        drop(held);
        maker.line("cross-core: the base is made anew")?;
        self.remove_base(&base.name, Some(inode), maker)?;
        let (held, _) = self.held_base(base, program, maker)?;
        self.derive(blueprint, program, target, &held, maker)
    }

    fn derive(
        &self,
        blueprint: &Blueprint,
        program: &Path,
        target: &Path,
        held: &Held,
        maker: &mut Maker<'_, '_>,
    ) -> Result<()> {
        maker.stage("installing packages")?;
        let staging = self.staging(&blueprint.name);
        let meeting = staging.file_name().unwrap_or_default();
        let packages = Packages::open(self.host, &meeting.to_string_lossy())?;
        let derive = derivation(blueprint, program, target, &held.product, &packages)?;
        let mut maker = maker.leaving(packages.incoming());
        maker.debootstrap(blueprint, derive)
    }

    /// The base, made if need be, and whether it was.
    fn held_base(
        &self,
        base: &Blueprint,
        program: &Path,
        maker: &mut Maker<'_, '_>,
    ) -> Result<(Held, bool)> {
        let (home, mut is_new) = (home(self.host, &base.name), false);
        let lock = self.host.cache.join("locks").join(lock_file(&base.name));
        loop {
            let shared =
                maker.locked(|cancel, waiting| Lock::acquire_shared(&lock, cancel, waiting))?;
            if is_whole(&home, self.host) {
                let inode = home.metadata().on("inspect", &home)?.ino();
                let held = Held {
                    product: product(&home, self.host),
                    inode,
                    _lock: shared,
                };
                return Ok((held, is_new));
            }
            drop(shared);
            let _alone = maker.locked(|cancel, waiting| Lock::acquire(&lock, cancel, waiting))?;
            if !is_whole(&home, self.host) {
                self.make_base(base, program, &home, maker)?;
                is_new = true;
            }
        }
    }

    /// Makes a base. The caller holds its lock.
    fn make_base(
        &self,
        base: &Blueprint,
        program: &Path,
        home: &Path,
        maker: &mut Maker<'_, '_>,
    ) -> Result<()> {
        maker.stage("installing what environments of this suite begin with")?;
        let staging = Staging::new(&home.with_file_name(format!(".{}.{KIND}", base.name)))?;
        let product = product(staging.path(), self.host);
        let mut maker = maker.within(staging.path());
        maker.debootstrap(base, base.mmdebstrap_base(program, &product)?)?;
        remove_tree(&staging.path().join("tmp"))?;
        Manifest::new(base, size(&product)?).write(staging.path())?;
        remove_tree(home)?;
        fs::rename(staging.path(), home).on("move the base to", home)
    }

    /// Removes the base called `name`, unless it is no more the one of this inode.
    fn remove_base(&self, name: &str, inode: Option<u64>, maker: &mut Maker<'_, '_>) -> Result<()> {
        let lock = self.host.cache.join("locks").join(lock_file(name));
        let _alone = maker.locked(|cancel, waiting| Lock::acquire(&lock, cancel, waiting))?;
        let home = home(self.host, name);
        let is = home.metadata().map(|meta| meta.ino()).ok();
        match inode.is_none() || inode == is {
            true => forget(&home),
            false => Ok(()),
        }
    }
}

/// Removes a base whose lock the caller holds.
pub(crate) fn forget(home: &Path) -> Result<()> {
    // Once the manifest is gone it is no base any more, however far this comes.
    let _ = fs::remove_file(home.join(MANIFEST));
    remove_tree(home)
}

/// Whether the base at `home` was made, and its archive is as long as it was.
fn is_whole(home: &Path, host: &Host) -> bool {
    let product = product(home, host);
    match Manifest::read(home) {
        Some(_) if host.uid == 0 => product.is_dir(),
        Some(manifest) => product
            .metadata()
            .is_ok_and(|it| it.len() == manifest.bytes),
        None => false,
    }
}

fn size(product: &Path) -> Result<u64> {
    match product.is_dir() {
        true => dedup::occupied(product).on("read directory", product),
        false => Ok(product.metadata().on("inspect", product)?.len()),
    }
}

/// The `mmdebstrap` call that makes `blueprint`'s root file system at `target` of a base's.
fn derivation(
    blueprint: &Blueprint,
    program: &Path,
    target: &Path,
    base: &Path,
    packages: &Packages,
) -> Result<Invocation> {
    let path = utf8(base)?;
    let copy = match path.ends_with(".tar") {
        true => format!("tar-in {} /", quoted(path)),
        false => format!("cp -a -- {} \"$1/\"", quoted(&format!("{path}/."))),
    };
    let names: Vec<_> = blueprint.packages.iter().map(|it| quoted(it)).collect();
    let install = format!("eval \"${DERIVE_VARIABLE}\"");
    let make = blueprint
        .mmdebstrap_of(program, "custom", None)
        .arg(format!("--setup-hook={copy}"))
        .arg(format!("--setup-hook={}", preparation(blueprint)))
        .arg(format!("--setup-hook={}", blueprint.dpkg_hook()))
        .arg(format!("--customize-hook={install}"))
        .env(
            DERIVE_VARIABLE,
            format!("set -- \"$1\" {}\n{DERIVE}", names.join(" ")),
        );
    blueprint.finished(packages.shown_to(make)?, target)
}

/// Makes of a copied base the beginning of `blueprint`: with its architectures, without what is
/// excluded from it, and with a note of the release that it is of.
fn preparation(blueprint: &Blueprint) -> String {
    let mut script = "set -e; cd \"$1\"; mkdir -p dev run; \
                      cat var/lib/apt/lists/*Release | sha256sum >run/cross-core.release"
        .to_owned();
    if !blueprint.architectures.is_empty() {
        let all: Vec<_> = blueprint
            .architectures
            .iter()
            .map(|it| quoted(it))
            .collect();
        script += &format!("; printf '%s\\n' {} >var/lib/dpkg/arch", all.join(" "));
    }
    // What the base's own globs match is not there. As for dpkg, `*` matches `/`, and the last glob that
    // matches decides: the first, backwards.
    let already = blueprint.beginning().map_or(0, |base| base.exclude.len());
    let globs: Vec<_> = blueprint.exclude[already..]
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

/// The directories of bases that are whole, with what they occupy.
pub(crate) fn all(host: &Host) -> Vec<(String, u64)> {
    let entries = fs::read_dir(host.cache.join(HOME)).into_iter().flatten();
    let mut all: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Manifest::read(&entry.path()))
        .map(|manifest| (manifest.name, manifest.bytes))
        .collect();
    all.sort();
    all
}

impl Maker<'_, '_> {
    /// A lock, waited for as long as nobody cancels.
    fn locked(
        &mut self,
        acquire: impl FnOnce(&Cancel, &mut dyn FnMut()) -> Result<Lock>,
    ) -> Result<Lock> {
        let cancel = self.cancel();
        let mut stopped = false;
        let lock = acquire(cancel, &mut || {
            stopped = self.tell(Progress::Waiting).is_break()
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

    /// The words of the derivation of a base at `base`.
    fn words(base: &str) -> Vec<String> {
        let cache = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let packages = Packages::open(&host, ".aarch64-0.sandbox").unwrap();
        let (program, target) = (Path::new("mmdebstrap"), Path::new("/c/root"));
        let made = derivation(&blueprint(), program, target, Path::new(base), &packages);
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
        let run = Invocation::new("sh").args(["-c", &preparation(&blueprint()), "hook"]);
        let run = run.arg(root.path().to_str().unwrap());
        let variables = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let said = crate::process::output(&run, &variables, &Cancel::new()).unwrap();
        assert!(said.exit.success(), "{said:?}");
        let gone: Vec<_> = files
            .iter()
            .filter(|it| !root.path().join(it).exists())
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
        let home = home(&host, "base");
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("root.tar"), "0123456789").unwrap();
        assert!(!is_whole(&home, &host), "nothing says that it was finished");
        let base = Blueprint::new("base", "bookworm", ["gcc"]);
        Manifest::new(&base, 10).write(&home).unwrap();
        assert!(is_whole(&home, &host));
        assert_eq!(all(&host), [("base".to_owned(), 10)]);
        fs::write(home.join("root.tar"), "01234").unwrap();
        assert!(!is_whole(&home, &host));
    }
}
