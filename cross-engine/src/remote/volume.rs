//! The volumes of this library on a remote engine.

use std::path::PathBuf;

use serde::Serialize;

use crate::engines::answers;
use crate::engines::engine::{Engine, EngineKind};
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::reach::transfer::{Tree, VolumeKind};
use crate::remote::helper::failure;
use crate::remote::record;

/// The label of this library's volumes. Its value is their kind.
pub(crate) const VOLUME_LABEL: &str = "org.cross-core.volume";

/// The label that says which directory of the caller's a volume stands for.
const ROOT_LABEL: &str = "org.cross-core.root";

/// A volume of this library on an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// What is kept in it.
    pub kind: VolumeKind,
    /// The directory that it stands for, on the machine that made it.
    pub root: PathBuf,
    /// When this machine last used it, in seconds since the Unix epoch; `None` if it never did.
    pub used: Option<u64>,
}

/// Makes the volume of `tree` unless it exists.
pub(crate) fn make(engine: &Engine, tree: &Tree, host: &Host, cancel: &Cancel) -> Result<()> {
    let label = |name: &str, value: &str| ["--label".to_owned(), format!("{name}={value}")];
    let root = tree.workspace.as_ref().unwrap_or(&tree.root);
    let create = command(engine)
        .args(["volume", "create"])
        .args(label(VOLUME_LABEL, tree.kind.name()))
        .args(label(ROOT_LABEL, &root.to_string_lossy()))
        .arg(&tree.volume);
    let made = process::output(&create, &host.variables, cancel)?;
    // Docker makes no second one in silence, and podman says so.
    match made.exit.success() || made.stderr.contains("already exists") {
        true => Ok(()),
        false => Err(failure(engine, "make a volume", made.exit, &made.stderr)),
    }
}

/// Where the engine has the volume of `tree`.
pub(crate) fn place(engine: &Engine, tree: &Tree, host: &Host, cancel: &Cancel) -> Result<PathBuf> {
    let inspect = command(engine)
        .args([
            "volume",
            "inspect",
            "--format",
            "{{.Driver}} {{.Mountpoint}}",
        ])
        .arg(&tree.volume);
    let inspected = answer(engine, &inspect, "inspect a volume", host, cancel)?;
    match inspected.trim_end().split_once(' ') {
        Some(("local", place)) if !place.is_empty() => Ok(place.into()),
        _ => Err(Error::new(
            ErrorKind::EngineUnusable,
            format!(
                "the volume `{}` is not in a directory of the engine's machine: {}",
                tree.volume,
                inspected.trim_end()
            ),
        )
        .with_help("make `local` the engine's default volume driver")),
    }
}

impl Engine {
    /// Lists this library's volumes, by name.
    ///
    /// # Errors
    ///
    /// If the engine cannot be queried.
    pub fn volumes(&self, host: &Host, cancel: &Cancel) -> Result<Vec<Volume>> {
        if !self.has_images() {
            return Ok(Vec::new());
        }
        let format = match self.kind {
            EngineKind::Podman => format!(
                "{{{{.Name}}}} {{{{index .Labels \"{VOLUME_LABEL}\"}}}} {{{{index .Labels \"{ROOT_LABEL}\"}}}}"
            ),
            _ => format!(
                "{{{{.Name}}}} {{{{.Label \"{VOLUME_LABEL}\"}}}} {{{{.Label \"{ROOT_LABEL}\"}}}}"
            ),
        };
        let list = command(self)
            .args(["volume", "ls", "--filter", &format!("label={VOLUME_LABEL}")])
            .args(["--format", &format]);
        let listed = answer(self, &list, "list volumes", host, cancel)?;
        let volume = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let (name, kind) = (words.next()?, VolumeKind::named(words.next()?)?);
            Some(Volume {
                name: name.to_owned(),
                kind,
                root: words.next().unwrap_or_default().into(),
                used: record::used(self, host, name),
            })
        };
        let mut volumes: Vec<_> = listed.lines().filter_map(volume).collect();
        volumes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(volumes)
    }

    /// Removes one of this library's volumes. Returns whether it existed. What it has is sent or
    /// built again when it is needed.
    ///
    /// # Errors
    ///
    /// If a run uses it, or the engine cannot be queried.
    pub fn remove_volume(&self, name: &str, host: &Host, cancel: &Cancel) -> Result<bool> {
        let volumes = self.volumes(host, cancel)?;
        if !volumes.iter().any(|volume| volume.name == name) {
            return Ok(false);
        }
        let remove = command(self).args(["volume", "rm", name]);
        answer(self, &remove, "remove a volume", host, cancel)?;
        record::forget(self, host, name);
        Ok(true)
    }
}

/// Removes the container `name` if it ended and was not removed, because its engine ended, too. If
/// `if_created`, it is removed as well if it never began, because its client was killed. Returns
/// whether it was removed.
pub(crate) fn remove_dead(
    engine: &Engine,
    name: &str,
    if_created: bool,
    host: &Host,
    cancel: &Cancel,
) -> Result<bool> {
    let inspect = command(engine).args([
        "container",
        "inspect",
        "--format",
        "{{.State.Status}}",
        name,
    ]);
    let status = process::output(&inspect, &host.variables, cancel)?.stdout;
    let is_dead = match status.trim() {
        "exited" | "dead" => true,
        "created" | "configured" | "initialized" => if_created,
        _ => false,
    };
    if !is_dead {
        return Ok(false);
    }
    let remove = command(engine).args(["rm", "--force", name]);
    let removed = process::output(&remove, &host.variables, cancel)?;
    Ok(removed.exit.success())
}

pub(crate) fn command(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
}

/// The output of a command of the engine, which has to succeed.
pub(crate) fn answer(
    engine: &Engine,
    command: &Invocation,
    what: &str,
    host: &Host,
    cancel: &Cancel,
) -> Result<String> {
    answers::output(command, host, cancel, |exit, stderr| {
        failure(engine, what, exit, stderr)
    })
}
