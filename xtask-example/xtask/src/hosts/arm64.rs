//! `hosts --prove`: proves rows on a 64-bit ARM host, with a kernel of its own in QEMU.
//!
//! The host is a small Debian in a directory, with the sandbox, the toolchain that rustup has for
//! it, and this xtask, which the library builds. The emulator and the kernel are those of the
//! library's own environment for tests in a virtual machine. The emulated processor is slow: a row
//! takes the better part of an hour.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use cross_core::config::Layer;
use cross_core::engine::EnvironmentLocation;
use cross_core::{Cancel, Cross};

use crate::cli::{Choice, Format};
use crate::commands;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

const HOST: &str = "aarch64-unknown-linux-gnu";
/// The rows that are proven if none is named: the host's own, and one with a cross compiler.
const ROWS: [&str; 2] = [HOST, "x86_64-unknown-linux-gnu"];
/// The first program of the host.
const PROGRAM: &str = include_str!("arm64.sh");
/// Where the library's environments have what starts a machine.
const MACHINE: &str = "usr/local/lib/cross-machine";
/// What the host has beside the essential packages of Debian. Nothing is configured, since that
/// takes programs of the host.
const PACKAGES: &str = "base-files,base-passwd,bash,bubblewrap,coreutils,dash,debian-archive-keyring,debianutils,\
                        diffutils,dpkg,findutils,git,grep,gzip,hostname,libc-bin,login,mawk,mmdebstrap,mount,passwd,\
                        procps,sed,tar,uidmap,util-linux,xz-utils";
const SUITE: &str = "bookworm";
/// In which all that the host writes has room.
const MEMORY: &str = "7G";

/// Proves `rows`, or else the usual ones.
pub(super) fn prove(rows: &[String], cancel: &Cancel) -> Result<(), Failure> {
    let usual = || ROWS.map(str::to_owned).to_vec();
    let rows = if rows.is_empty() {
        usual()
    } else {
        commands::known(rows)?
    };
    let cross = commands::cross(&Choice::default())?;
    let project = cross.project()?;
    let progress = Progress::new(&cross, Format::Human).keep_output();
    let watched = progress.watch(&cross);
    let emulator = emulator(&watched, cancel)?;
    let built = watched
        .build(HOST)
        .package("xtask")
        .locked(true)
        .run_until(cancel)?;
    progress.close();
    let xtask = built
        .executables()
        .find(|artifact| artifact.name == "xtask");
    let xtask = xtask.ok_or_else(|| Failure::new("the xtask was not built"))?;
    let place = Place(project.target_directory.join("hosts").join("arm64"));
    place.make_host()?;
    place.fill(&emulator, &project.root, &xtask.path, &rows)?;
    place.start(&emulator, cancel)?;
    let proof = place.proof();
    let status = fs::read_to_string(proof.join("status")).unwrap_or_default();
    match status.trim() {
        "0" => {
            output::answer(proof.join("targets.json").display());
            Ok(())
        }
        "" => Err(Failure::new("the machine stopped before the end")
            .with_help(format!("its console is `{}`", place.console().display()))),
        _ => Err(Failure::new("not every row was proven")),
    }
}

/// The root of the environment that has the emulator and the kernel.
fn emulator(cross: &Cross, cancel: &Cancel) -> Result<PathBuf, Failure> {
    let layer = Layer::embedder("hosts").on(HOST).runner("qemu-system");
    let plan = cross
        .clone()
        .defaults(layer)
        .engine("sandbox")
        .build(HOST)
        .plan_until(cancel)?;
    let plan = plan.only_environment();
    let EnvironmentLocation::Directory(dir) = plan.environment.location.clone() else {
        return Err(Failure::new("the sandbox's environments are directories"));
    };
    plan.execute(cancel)?;
    Ok(dir.join("root"))
}

/// The directory of the host: an archive of its root file system, and what it shares with this
/// machine.
struct Place(PathBuf);

impl Place {
    /// What the host sees of this machine, over 9p. Its own root is in memory: to start a program
    /// from there takes a hundredth of the time.
    fn shared(&self) -> PathBuf {
        self.0.join("shared")
    }

    /// What the proof reads and writes.
    fn proof(&self) -> PathBuf {
        self.shared().join("proof")
    }

    /// The file with what the machine's kernel says.
    fn console(&self) -> PathBuf {
        self.0.join("console")
    }

    /// The archive of the host's root file system.
    fn archive(&self) -> PathBuf {
        self.0.join("host.tar")
    }

    /// Makes the archive, unless it is there.
    fn make_host(&self) -> Result<(), Failure> {
        if self.archive().exists() {
            return Ok(());
        }
        let root = self.0.join("root");
        remove(&root)?;
        create(&self.0)?;
        let mut debian = Command::new("mmdebstrap");
        debian
            .args(["--variant=extract", "--architectures=arm64"])
            .arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
            .args([&format!("--include={PACKAGES}"), SUITE])
            .arg(&root);
        super::succeed(Path::new("/"), debian)?;
        // What the packages' scripts would have done.
        for name in ["passwd", "group"] {
            let master = root.join(format!("usr/share/base-passwd/{name}.master"));
            copy(&master, &root.join("etc").join(name))?;
        }
        copy(&root.join("usr/bin/mawk"), &root.join("usr/bin/awk"))?;
        let certificates = "etc/ssl/certs/ca-certificates.crt";
        copy(&Path::new("/").join(certificates), &root.join(certificates))?;
        let name = format!("stable-{HOST}");
        let rust = root.join("rust");
        for words in [
            [
                "toolchain",
                "install",
                "--force-non-host",
                "--no-self-update",
                "--profile=minimal",
                &name,
            ]
            .as_slice(),
            &["target", "add", "--toolchain", &name, HOST, ROWS[1]],
        ] {
            let mut rustup = Command::new("rustup");
            rustup.arg("--quiet").args(words).env("RUSTUP_HOME", &rust);
            super::succeed(Path::new("/"), rustup)?;
        }
        let settings = format!("version = \"12\"\ndefault_toolchain = \"{name}\"\n");
        write(&rust.join("settings.toml"), &settings)?;
        pack(&root, &self.archive())?;
        remove(&root)
    }

    /// Writes what the host's first programs need: the archive, the xtask and the project.
    fn fill(
        &self,
        emulator: &Path,
        project: &Path,
        xtask: &Path,
        rows: &[String],
    ) -> Result<(), Failure> {
        // What an earlier proof left would be taken for this one's.
        let (shared, proof) = (self.shared(), self.proof());
        remove(&shared)?;
        for dir in ["dev", "etc", "proc", "sys", "tmp", "proof"] {
            create(&shared.join(dir))?;
        }
        write(&shared.join("etc/resolv.conf"), "")?;
        let busybox = Path::new(MACHINE).join("busybox");
        copy(&emulator.join(&busybox), &shared.join(&busybox))?;
        let archive = proof.join("host.tar");
        fs::hard_link(self.archive(), &archive)
            .map_err(|error| Failure::io("link", &archive, &error))?;
        let mut sources = Command::new("git");
        sources.args(["archive", "--format=tar", "--prefix=project/", "--output"]);
        sources.arg(proof.join("project.tar")).arg("HEAD");
        super::succeed(project, sources)?;
        copy(xtask, &proof.join("xtask"))?;
        write(
            &proof.join("program"),
            &PROGRAM.replace("@ROWS@", &rows.join(" ")),
        )
    }

    /// Starts the machine, and waits for its end.
    fn start(&self, emulator: &Path, cancel: &Cancel) -> Result<(), Failure> {
        let at = |path: &str| emulator.join(path).display().to_string();
        let (kernel, initrd) = (
            at(&format!("{MACHINE}/kernel")),
            at(&format!("{MACHINE}/initrd")),
        );
        let libraries = [at("lib/x86_64-linux-gnu"), at("usr/lib/x86_64-linux-gnu")].join(":");
        let shared = self.shared().display().to_string();
        let mut machine = Command::new(at("lib64/ld-linux-x86-64.so.2"));
        machine
            .args([
                "--library-path",
                &libraries,
                &at("usr/bin/qemu-system-aarch64"),
            ])
            .args([
                "-L",
                &at("usr/share/qemu"),
                "-machine",
                "virt",
                "-cpu",
                "max,pauth-impdef=on",
            ])
            .args([
                "-accel",
                "tcg",
                "-m",
                MEMORY,
                "-smp",
                "2",
                "-nodefaults",
                "-no-user-config",
            ])
            .args([
                "-display",
                "none",
                "-no-reboot",
                "-kernel",
                &kernel,
                "-initrd",
                &initrd,
            ])
            .args([
                "-append",
                "console=ttyAMA0 quiet panic=-1 oops=panic cross_dir=/proof",
            ])
            .args(["-serial", &format!("file:{}", self.console().display())])
            .args([
                "-fsdev",
                &format!("local,id=root,path={shared},security_model=none,multidevs=remap"),
            ])
            .args(["-device", "virtio-9p-device,fsdev=root,mount_tag=root"])
            .args([
                "-netdev",
                "user,id=net",
                "-device",
                "virtio-net-device,netdev=net",
            ])
            .args(["-device", "virtio-serial-device"])
            .args([
                "-chardev",
                "file,id=out,path=/dev/fd/1",
                "-device",
                "virtserialport,chardev=out",
            ])
            .args([
                "-chardev",
                "file,id=err,path=/dev/fd/2",
                "-device",
                "virtserialport,chardev=err",
            ]);
        cancel.check().map_err(|_| Failure::new("stopped"))?;
        super::succeed(&self.0, machine)
    }
}

/// Packs the directory `from` into an archive, which appears whole.
fn pack(from: &Path, to: &Path) -> Result<(), Failure> {
    let partial = to.with_extension("partial");
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(&partial).arg(".");
    super::succeed(from, tar)?;
    fs::rename(&partial, to).map_err(|error| Failure::io("rename", &partial, &error))
}

fn create(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::io("create", dir, &error))
}

fn remove(dir: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::io("remove", dir, &error))
        }
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    create(to.parent().unwrap_or(to))?;
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| Failure::io("copy", from, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::io("write", path, &error))
}
