//! The argv of the sandbox engine: bubblewrap on a root file system's directory.

use std::path::Path;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result, utf8};
use crate::invocation::Invocation;
use crate::layout::{Entry, Layout, under};
use crate::lifeline;
use crate::run::{Access, Network, Root, RunSpec, arranged};

/// The bubblewrap command that runs `spec`.
///
/// The sandbox has process, IPC, host name and (unless asked otherwise) network namespaces of its own,
/// and for all but root a user namespace. Its `/` is an empty file system in
/// memory on which the root file system's entries are bound read only.
///
/// It dies with the thread that started it, by a signal that bubblewrap asks of the kernel. That
/// takes bubblewrap some milliseconds, in which the starter may be killed: therefore it hangs on a
/// lifeline too, unless the program needs standard input for itself.
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
        .args(namespaces(engine.user.0, spec.network));
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
    run = run.args(["--chdir", utf8(&spec.cwd)?, "--"]);
    if !spec.stdin {
        run = run
            .args(["sh", "-c", lifeline::IN_NAMESPACE, "cross"])
            .lifeline();
    }
    Ok(run.args(spec.command.iter().cloned()))
}

/// What root keeps: enough to write into a project that somebody else owns, as root is used to.
/// In a user namespace it could not.
const ROOT_CAPABILITIES: [&str; 6] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
];

/// The namespace flags for the user `uid`, shared with the probe: what is probed is what will be used.
pub(crate) fn namespaces(uid: u32, network: Network) -> Vec<&'static str> {
    let mut flags = vec![
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
    ];
    if network == Network::None {
        flags.push("--unshare-net");
    }
    if uid == 0 {
        flags.extend(["--cap-drop", "ALL"]);
        flags.extend(ROOT_CAPABILITIES.iter().flat_map(|cap| ["--cap-add", cap]));
    } else {
        flags.push("--unshare-user");
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
