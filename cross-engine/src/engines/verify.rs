//! Verification that an engine really runs a program. An engine that reports its version may still
//! be unable to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engines::diagnosis;
use crate::engines::engine::{Engine, EngineKind};
use crate::engines::probe::sandbox_probe;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::unique_name::unique;
use crate::process::{self, Output};

/// The time limit for removing the test image.
const REMOVAL_LIMIT: Duration = Duration::from_secs(30);

/// Statically linked programs of the GNU libc, each of which is a root file system in one file. On
/// Ubuntu, the second is a script around the first.
const STATIC_PROGRAMS: [&str; 2] = ["/sbin/ldconfig.real", "/sbin/ldconfig"];

impl Engine {
    /// Runs a program on the engine without using a registry, and cleans up.
    ///
    /// A container CLI imports a root file system that has one program of this machine, runs it
    /// without a network, and removes it, which takes about a second. A sandbox runs a program of
    /// this machine in namespaces of its own, which takes some milliseconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EngineCannotStart`] with the engine's message, and with the cause if it is
    /// known. [`ErrorKind::ToolMissing`] if this machine has no program to run.
    pub fn verify(&self, host: &Host, cancel: &Cancel) -> Result<()> {
        match self.kind {
            EngineKind::Sandbox => self.verify_sandbox(host, cancel),
            EngineKind::Docker | EngineKind::Podman | EngineKind::Nerdctl => {
                self.verify_images(host, cancel)
            }
            // The host runs every program.
            EngineKind::Host => Ok(()),
        }
    }

    /// Runs the probe's command, which runs inside a sandbox. The probe itself may use a cached
    /// answer.
    fn verify_sandbox(&self, host: &Host, cancel: &Cancel) -> Result<()> {
        let probe = sandbox_probe(&self.program, host, self.rootless);
        let output = process::output(&probe, &host.variables, cancel)?;
        match output.exit.success() {
            true => Ok(()),
            false => Err(self.refused("run a program", &output)),
        }
    }

    fn verify_images(&self, host: &Host, cancel: &Cancel) -> Result<()> {
        fs::create_dir_all(&host.cache).on("create directory", &host.cache)?;
        let dir = tempfile::tempdir_in(&host.cache).on("create a directory in", &host.cache)?;
        let (tar, program) = tiny_root(dir.path(), host, cancel)?;
        let image = Image {
            name: unique("localhost/cross-core-verify:v"),
            engine: self,
            host,
        };
        let import = match self.kind {
            EngineKind::Nerdctl => {
                let file = dir.path().join("Dockerfile");
                fs::write(&file, "FROM scratch\nADD root.tar /\n").on("write", &file)?;
                let build = Invocation::new(&self.program).args(["build", "--tag", &image.name]);
                build.arg(utf8(dir.path())?)
            }
            _ => Invocation::new(&self.program).args(["import", utf8(&tar)?, &image.name]),
        };
        let imported = process::output(&import, &host.variables, cancel)?;
        if !imported.exit.success() {
            return Err(self.refused("import a root file system", &imported));
        }
        let run = Invocation::new(&self.program)
            .args(["run", "--rm", "--pull=never", "--network=none", &image.name])
            .args([program.as_str(), "--version"]);
        let ran = process::output(&run, &host.variables, cancel)?;
        if ran.exit.success() && ran.stdout.starts_with("ldconfig") {
            return Ok(());
        }
        Err(self.refused("run a program", &ran))
    }

    fn refused(&self, what: &str, output: &Output) -> Error {
        let stderr = output.stderr.trim();
        diagnosis::of_start(self.kind, output.exit, stderr).unwrap_or_else(|| {
            let last = stderr.lines().last().unwrap_or("nothing was printed");
            Error::new(
                ErrorKind::EngineCannotStart,
                format!("{} cannot {what}: {last} ({})", self.kind, output.exit),
            )
        })
    }
}

/// Creates a tar archive with one static program, and returns it with the program's path inside.
fn tiny_root(dir: &Path, host: &Host, cancel: &Cancel) -> Result<(PathBuf, String)> {
    let program = STATIC_PROGRAMS
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists());
    let Some((program, parent)) = program.and_then(|path| Some((path, path.parent()?))) else {
        return Err(Error::new(
            ErrorKind::ToolMissing,
            format!(
                "this machine has neither `{}` nor `{}`",
                STATIC_PROGRAMS[0], STATIC_PROGRAMS[1]
            ),
        )
        .with_help("verify the engine by running a container on it"));
    };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let tar = dir.join("root.tar");
    let pack = Invocation::new("tar")
        .args(["--create", "--dereference", "--file", utf8(&tar)?])
        .args(["--directory", utf8(parent)?, &name]);
    let packed = process::output(&pack, &host.variables, cancel)?;
    if !packed.exit.success() {
        let stderr = packed.stderr.trim();
        return Err(Error::new(
            ErrorKind::Io,
            format!("`{pack}` failed: {stderr}"),
        ));
    }
    Ok((tar, format!("/{name}")))
}

/// The test image, removed when it is dropped.
struct Image<'a> {
    name: String,
    engine: &'a Engine,
    host: &'a Host,
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        let remove = Invocation::new(&self.engine.program).args(["rmi", "--force", &self.name]);
        // The caller's cancellation does not apply: the image has to be removed after it, too.
        let limit = Cancel::new().with_deadline(REMOVAL_LIMIT);
        // If it was not imported, there is nothing to remove.
        let _ = process::output(&remove, &self.host.variables, &limit);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::process::executable;
    use crate::process::invocation::Variables;

    /// A container CLI that can import, and whose `run` executes the script `run`.
    fn engine(dir: &Path, run: &str) -> (Engine, Host) {
        let program = dir.join("podman");
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> {0}/calls\ncase $1 in run) {run};; esac\n",
            dir.display()
        );
        executable::create(&program, &script);
        let path = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let host = Host::new(path, dir.join("cache"));
        let engine = Engine {
            program,
            ..Engine::sample(EngineKind::Podman)
        };
        (engine, host)
    }

    #[test]
    fn an_engine_that_runs_nothing_is_told_and_its_image_removed() {
        let dir = tempfile::tempdir().unwrap();
        let refusal = "Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied";
        let (silent, host) = engine(dir.path(), &format!("echo '{refusal}' >&2; exit 126"));
        let error = silent.verify(&host, &Cancel::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineCannotStart);
        assert!(error.help().unwrap().contains("default_ulimits"), "{error}");
        let calls = fs::read_to_string(dir.path().join("calls")).unwrap();
        let verbs: Vec<_> = calls
            .lines()
            .filter_map(|call| call.split(' ').next())
            .collect();
        assert_eq!(verbs, ["import", "run", "rmi"]);
        assert_eq!(
            fs::read_dir(&host.cache).unwrap().count(),
            0,
            "nothing is left"
        );
    }

    #[test]
    fn success_without_the_programs_answer_is_no_proof() {
        let dir = tempfile::tempdir().unwrap();
        let (mute, host) = engine(dir.path(), "exit 0");
        mute.verify(&host, &Cancel::new()).unwrap_err();
        let (good, host) = engine(dir.path(), "echo 'ldconfig (GNU libc) 2.36'");
        good.verify(&host, &Cancel::new()).unwrap();
    }
}
