//! The command line of the sandbox: bubblewrap on the directory of a root file system.

use std::path::Path;

use crate::engines::engine::Engine;
use crate::engines::interpreter::{self, IfRefused};
use crate::engines::isolation;
use crate::process::descriptors::Confined;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::invocation::Invocation;
use crate::spec::mount::{Access, arrange_mounts};
use crate::spec::rootfs_layout::{Entry, RootfsLayout, under};
use crate::spec::run_spec::{Network, Root, RunSpec};

/// Returns the bubblewrap command that runs `spec`.
///
/// The sandbox has process, IPC, host name, user and, by default, network namespaces of its own.
/// Its `/` is an empty read-only file system in memory on which the root file system's entries are
/// bound read only.
///
/// Root has no user namespace of its own where the kernel refuses one, and where a mount is in a
/// private directory of another user, which root could not reach from there. To find out, this
/// reads the directories above the mounts if the user is root.
///
/// It dies with the thread that started it, by a signal that bubblewrap requests from the kernel.
/// That takes bubblewrap some milliseconds, in which the caller may be killed. So it has a lifeline
/// too: its standard input, or a FIFO if standard input is the program's.
///
/// In a session of its own, a program cannot inject input into the caller's terminal (`TIOCSTI`),
/// even if its streams are that terminal. Ctrl-C then reaches bubblewrap, which ends with
/// everything in it. A program that gets the terminal has to be in the caller's session, and is
/// trusted like one that was started there.
pub(crate) fn invocation(engine: &Engine, spec: &RunSpec) -> Result<Invocation> {
    let Root::Directory { path, layout } = &spec.root else {
        return Err(Error::new(
            ErrorKind::Environment,
            "the sandbox runs root file systems, not images",
        )
        .with_help("use docker or podman for an image"));
    };
    check_container_options(spec)?;
    let is_root = engine.user.0 == 0;
    let mounts = arrange_mounts(spec.mounts.clone());
    let own_users = engine.rootless && (!is_root || isolation::are_reachable(&mounts));
    let mut run = Invocation::new(&engine.program)
        .env_clear()
        .confined(Confined::ClosedByBubblewrap(0))
        .args(namespaces(own_users, spec.network));
    if let Some(name) = &spec.hostname {
        run = run.args(["--hostname", name]);
    }
    if !spec.terminal {
        run = run.arg("--new-session");
    }
    run = root_entries(run, path, layout)?;
    run = engine.isolation.proc(run);
    run = run.args(["--dev", "/dev", "--tmpfs", "/tmp"]);
    for mount in mounts.into_iter().chain(spec.own_mounts()) {
        let (source, target) = (utf8(&mount.source)?, utf8(&mount.target)?);
        run = match mount.access {
            Access::Read => run.args(["--ro-bind", source, target]),
            Access::Write => run.args(["--bind", source, target]),
            Access::Scratch => run.args(["--tmpfs", target]),
        };
    }
    // What no mount covers would be written into memory, and lost at the end without a word.
    run = run.args(["--remount-ro", "/"]);
    run.env.clone_from(&spec.env);
    run = engine.isolation.filtered(run, spec.socketcall);
    run = run.args(["--chdir", utf8(&spec.cwd)?, "--"]);
    if spec.lifeline().is_some() {
        run = run.lifeline();
    }
    let run = run.args(spec.wrapper(2)).args(spec.command.iter().cloned());
    match spec.registered().filter(|_| own_users) {
        Some((programs, registrar)) => {
            interpreter::registering(engine, run, programs, registrar, IfRefused::GoOn)
        }
        None => Ok(run),
    }
}

/// Rejects options for a container, which would otherwise be ignored silently.
fn check_container_options(spec: &RunSpec) -> Result<()> {
    let option = match (&spec.options[..], &spec.platform, spec.memory) {
        ([], None, None) => return Ok(()),
        ([first, ..], ..) => format!("options of a container CLI (`{first}` …)"),
        (_, Some(platform), _) => format!("the platform of an image (`{platform}`)"),
        (.., Some(bytes)) => format!("a memory limit (`memory`, {bytes} bytes)"),
    };
    Err(Error::new(
        ErrorKind::EngineUnusable,
        format!("the sandbox does not support {option}"),
    )
    .with_help("choose docker or podman as the engine, or remove this from the configuration"))
}

/// The options for namespaces and capabilities. The probe uses them too, so that it tests what runs
/// will use.
pub(crate) fn namespaces(own_users: bool, network: Network) -> Vec<&'static str> {
    let mut flags = vec![
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--die-with-parent",
    ];
    if network == Network::None {
        flags.push("--unshare-net");
    }
    flags.extend(isolation::rights(own_users));
    flags
}

fn root_entries(mut run: Invocation, root: &Path, layout: &RootfsLayout) -> Result<Invocation> {
    run = run.args(["--tmpfs", "/"]);
    for entry in &layout.0 {
        run = match entry {
            Entry::Bind(inside) => {
                let source = under(root, inside);
                run.args(["--ro-bind", utf8(&source)?, utf8(inside)?])
            }
            Entry::Link(inside, text) => run.args(["--symlink", utf8(text)?, utf8(inside)?]),
            Entry::Dir(inside) => run.args(["--dir", utf8(inside)?]),
            Entry::Described(number) => run.args(["--args".to_owned(), number.to_string()]),
        };
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::engine::EngineKind;
    use crate::spec::run_spec::Stdio;

    fn argv(spec: &RunSpec) -> Result<Vec<String>> {
        let engine = Engine {
            rootless: true,
            ..Engine::sample(EngineKind::Sandbox)
        };
        invocation(&engine, spec).map(|run| run.args)
    }

    fn spec() -> RunSpec {
        let root = Root::Directory {
            path: "/r".into(),
            layout: RootfsLayout::default(),
        };
        RunSpec::new(root, "/w", ["app"]).stdio(Stdio::Inherit)
    }

    #[test]
    fn only_who_is_given_the_terminal_stays_in_its_session() {
        let separate = "--new-session".to_owned();
        assert!(argv(&spec()).unwrap().contains(&separate));
        assert!(!argv(&spec().terminal(true)).unwrap().contains(&separate));
    }

    #[test]
    fn what_is_shown_hangs_on_nothing_and_what_runs_on_a_fifo() {
        let shown = argv(&spec()).unwrap();
        assert_eq!(shown[shown.len() - 2..], ["--", "app"]);
        let mut supervised = spec();
        supervised.lifeline_dir = Some("/c/x".into());
        let run = argv(&supervised).unwrap().join(" ");
        assert!(run.contains("--ro-bind /c/x /run/cross-lifeline "), "{run}");
        assert!(run.ends_with(" cross app"), "{run}");
    }

    #[test]
    fn a_client_of_a_job_server_sees_its_pipe_and_opens_it_first() {
        let run = argv(&spec().jobserver(Some("/c/jobs/shown".into()))).unwrap();
        let words = run.join(" ");
        assert!(
            words.contains("--ro-bind /c/jobs/shown /run/cross-jobs "),
            "{words}"
        );
        assert_eq!(run[run.len() - 2..], ["cross", "app"]);
        assert!(run[run.len() - 3].contains("exec 8<>/run/cross-jobs/tokens"));
    }

    #[test]
    fn words_for_a_container_are_refused_not_lost() {
        for spec in [
            spec().options(["--privileged"]),
            spec().platform(Some("linux/arm64".into())),
            spec().memory(Some(1 << 30)),
        ] {
            let error = argv(&spec).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::EngineUnusable);
            assert!(error.help().is_some());
        }
    }
}
