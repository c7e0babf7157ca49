//! Whether an engine really runs something: a version answered is not yet a container started.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engines::diagnosis;
use crate::engines::engine::{Engine, Kind};
use crate::engines::probe;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::{self, Output};

/// How long the removal of what was made for the proof may take.
const REMOVAL: Duration = Duration::from_secs(30);

/// Programs of the GNU libc that are linked statically, so that one file is a root file system.
/// The second is what Ubuntu calls it, where the first is a script.
const STATIC_PROGRAMS: [&str; 2] = ["/sbin/ldconfig.real", "/sbin/ldconfig"];

impl Engine {
    /// Runs something on the engine, with nothing from a registry, and leaves nothing of it.
    ///
    /// A container CLI imports a root file system of one program of this machine, runs it without a
    /// network, and removes it: about a second. A sandbox starts a program of this machine in
    /// namespaces of its own: some milliseconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EngineCannotStart`] with the engine's words and the cause where it is known;
    /// [`ErrorKind::ToolMissing`] where this machine has no program that could be run.
    pub fn verify(&self, host: &Host, cancel: &Cancel) -> Result<()> {
        match self.kind {
            Kind::Sandbox => self.verify_sandbox(host, cancel),
            Kind::Docker | Kind::Podman => self.verify_images(host, cancel),
            // There is nothing that could refuse.
            Kind::Host => Ok(()),
        }
    }

    /// Asks again what the probe asks, whose answer comes from inside a sandbox: the probe itself
    /// may remember it.
    fn verify_sandbox(&self, host: &Host, cancel: &Cancel) -> Result<()> {
        let ask = probe::sandbox_question(&self.program, host, self.rootless);
        let said = process::output(&ask, &host.variables, cancel)?;
        match said.exit.success() {
            true => Ok(()),
            false => Err(self.refused("run a program", &said)),
        }
    }

    fn verify_images(&self, host: &Host, cancel: &Cancel) -> Result<()> {
        fs::create_dir_all(&host.cache).on("create directory", &host.cache)?;
        let dir = tempfile::tempdir_in(&host.cache).on("create a directory in", &host.cache)?;
        let (tar, program) = tiny_root(dir.path(), host, cancel)?;
        let image = Image {
            name: format!("localhost/cross-core-verify:{}", std::process::id()),
            engine: self,
            host,
        };
        let import = Invocation::new(&self.program).args(["import", utf8(&tar)?, &image.name]);
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

    fn refused(&self, what: &str, said: &Output) -> Error {
        let words = said.stderr.trim();
        diagnosis::of_start(self.kind, said.exit, words).unwrap_or_else(|| {
            let last = words.lines().last().unwrap_or("nothing was printed");
            Error::new(
                ErrorKind::EngineCannotStart,
                format!("{} cannot {what}: {last} ({})", self.kind, said.exit),
            )
        })
    }
}

/// A tar archive with one static program, and the program's path in it.
fn tiny_root(dir: &Path, host: &Host, cancel: &Cancel) -> Result<(PathBuf, String)> {
    let program = STATIC_PROGRAMS
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists());
    let Some((program, parent)) = program.and_then(|path| Some((path, path.parent()?))) else {
        return Err(Error::new(
            ErrorKind::ToolMissing,
            format!(
                "there is neither `{}` nor `{}`",
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
        let said = packed.stderr.trim();
        return Err(Error::new(
            ErrorKind::Io,
            format!("`{pack}` failed: {said}"),
        ));
    }
    Ok((tar, format!("/{name}")))
}

/// The image of the proof, which is gone when this is.
struct Image<'a> {
    name: String,
    engine: &'a Engine,
    host: &'a Host,
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        let remove = Invocation::new(&self.engine.program).args(["rmi", "--force", &self.name]);
        // Not the caller's cancellation: what was made has to go after it, too.
        let patience = Cancel::new().with_deadline(REMOVAL);
        // It may not have been imported: then there is nothing to remove.
        let _ = process::output(&remove, &self.host.variables, &patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::invocation::Variables;
    use std::os::unix::fs::PermissionsExt as _;

    /// A container CLI that imports, and whose `run` does what `run` says.
    fn engine(dir: &Path, run: &str) -> (Engine, Host) {
        let program = dir.join("podman");
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> {0}/calls\ncase $1 in run) {run};; esac\n",
            dir.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let host = Host::new(path, dir.join("cache"));
        let engine = Engine {
            kind: Kind::Podman,
            program,
            version: "4.3.1".into(),
            rootless: false,
            architecture: "amd64".into(),
            user: (0, 0),
            floor: Default::default(),
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
