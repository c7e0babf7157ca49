//! The argv of the sandbox engine: bubblewrap on a root file system's directory.

use std::path::Path;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result, utf8};
use crate::invocation::Invocation;
use crate::layout::{Entry, Layout, under};
use crate::run::{Access, Network, Root, RunSpec, arranged};

/// The bubblewrap command that runs `spec`.
///
/// The sandbox has user, process, IPC, host name and (unless asked otherwise) network namespaces
/// of its own, and dies with the thread that started it. Its `/` is an empty file system in
/// memory on which the root file system's entries are bound read only.
pub(crate) fn invocation(engine: &Engine, spec: &RunSpec) -> Result<Invocation> {
    let Root::Directory { path, layout } = &spec.root else {
        return Err(Error::new(
            ErrorKind::Environment,
            "the sandbox runs root file systems, not images",
        )
        .with_help("use docker or podman for an image"));
    };
    let mut run = Invocation::new(&engine.program)
        .env_clear()
        .args(namespaces(spec.network));
    // A session of its own keeps what runs from typing into the caller's terminal.
    if !spec.stdin {
        run = run.arg("--new-session");
    }
    run = root_entries(run, path, layout)?;
    for mount in arranged(spec.mounts.clone()) {
        let (source, target) = (utf8(&mount.source)?, utf8(&mount.target)?);
        run = match mount.access {
            Access::Read => run.args(["--ro-bind", source, target]),
            Access::Write => run.args(["--bind", source, target]),
            Access::Scratch => run.args(["--tmpfs", target]),
        };
    }
    run.env.clone_from(&spec.env);
    Ok(run
        .args(["--chdir", utf8(&spec.cwd)?, "--"])
        .args(spec.command.iter().cloned()))
}

/// The namespace flags, shared with the probe: what is probed is what will be used.
pub(crate) fn namespaces(network: Network) -> Vec<&'static str> {
    let mut flags = vec![
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
    ];
    if network == Network::None {
        flags.push("--unshare-net");
    }
    flags
}

fn root_entries(mut run: Invocation, root: &Path, layout: &Layout) -> Result<Invocation> {
    run = run.args(["--tmpfs", "/"]);
    for entry in &layout.0 {
        run = match entry {
            Entry::Bind(inside) => {
                let source = under(root, inside);
                run.args(["--ro-bind", utf8(&source)?, utf8(inside)?])
            }
            Entry::Link(inside, text) => run.args(["--symlink", utf8(text)?, utf8(inside)?]),
            Entry::Dir(inside) => run.args(["--dir", utf8(inside)?]),
        };
    }
    Ok(run.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]))
}
