//! The command lines of docker and podman for a run.

use crate::engines::engine::{Engine, EngineKind};
use crate::engines::isolation::Profile;
use crate::os::{HAS_CONTAINERS, System};
use crate::process::descriptors::Confined;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::host::PROXY_VARIABLES;
use crate::process::invocation::{EnvValue, Invocation};
use crate::reach::place::{Place, PlacedMount};
use crate::spec::mount::{Access, Mount};
use crate::spec::run_spec::{Network, Root, RunSpec};

/// The label of this library's containers.
pub(crate) const RUN_LABEL: &str = "org.cross-core.run";

/// The label of a container of one run. Its value names the process that owns the run.
const OWNER_LABEL: &str = "org.cross-core.owner";

/// The label of a container that was started from within another. Its value is the other's ID:
/// paths and processes in its other labels are those of that container.
const OUTER_LABEL: &str = "org.cross-core.outer";

/// The limit of processes and threads in a container: more than the widest build has, and fewer
/// than the machine.
pub(crate) const PIDS_LIMIT: u32 = 16384;
/// No user can create a file in this directory.
const NO_FILES: &str = "/proc";

/// Returns the `run` command for `spec`.
///
/// Everything in the container is killed when its lifeline ends. That is the client's standard
/// input, or a FIFO if standard input is the program's.
///
/// Ctrl-C reaches the program only if the container has a terminal. Without one, the client
/// forwards the signal to the container's first process, which does not pass it on, and the program
/// ends when the caller does.
pub(crate) fn invocation(engine: &Engine, spec: &RunSpec) -> Result<Invocation> {
    let spec = &*spec.placed(System::HERE)?;
    let Root::Image(image) = &spec.root else {
        return Err(Error::new(
            ErrorKind::Environment,
            format!("{} runs images, not root file systems", engine.kind),
        ));
    };
    let mut run = Invocation::new(&engine.program)
        .confined(Confined::Nulled)
        .args(["run", "--rm", "--interactive"]);
    if spec.terminal {
        run = run.arg("--tty");
    }
    run = run
        .args(["--pull", "never"])
        .args(["--name", &spec.name])
        .args(["--label", RUN_LABEL]);
    if let Some(owner) = &spec.owner {
        run = run.args(["--label", &format!("{OWNER_LABEL}={owner}")]);
    }
    run = of_outer(run, engine);
    run = isolation_options(run, engine, spec)?;
    run = mounted(run, engine, spec.mounts.clone())?;
    run = run.args(["--workdir", utf8(&spec.cwd)?]);
    run = without_proxies(run, engine, |name| spec.env.contains_key(name));
    for (name, value) in &spec.env {
        run = variable(run, name, value);
    }
    for mount in spec.own_mounts() {
        run = mounted(run, engine, vec![mount])?;
    }
    // The user's options come last, so that they take precedence.
    run = run.args(spec.options.iter().cloned()).arg(image);
    if spec.lifeline().is_some() {
        run = run.lifeline();
    }
    Ok(run.args(spec.wrapper(1)).args(spec.command.iter().cloned()))
}

/// Adds the options for the container's user and privileges.
pub(crate) fn isolation_options(
    mut run: Invocation,
    engine: &Engine,
    spec: &RunSpec,
) -> Result<Invocation> {
    if engine.kind != EngineKind::Nerdctl {
        // Mounts are not relabelled for SELinux, so labels must not be checked. Nerdctl has none.
        run = run.args(["--security-opt", "label=disable"]);
    }
    run = run
        .args(["--security-opt", "no-new-privileges"])
        .args(["--cap-drop", "ALL"]);
    if engine.kind == EngineKind::Podman {
        // Podman would pass on the variables of the host's proxies, with their passwords.
        run = run.arg("--http-proxy=false");
    }
    let ours = profile(engine, spec).map(|profile| profile.path);
    if let Some(path) = spec.seccomp.as_ref().or(ours.as_ref()) {
        let path = match engine.kind {
            // Its service opens the file, not its client.
            EngineKind::Podman => engine.reach.path(path)?,
            _ => path.clone(),
        };
        let profile = format!("seccomp={}", utf8(&path)?);
        run = run.args(["--security-opt", &profile]);
    }
    if let Some(name) = &spec.hostname {
        run = run.args(["--hostname", name]);
    }
    if let Some(namespace) = &spec.user_namespace {
        run = run.args(["--userns", namespace]);
    }
    if let Some(platform) = &spec.platform {
        run = run.args(["--platform", platform]);
    }
    if let Some(bytes) = spec.memory {
        let limit = format!("{bytes}b");
        // Without the second option, as much again may be swapped out.
        run = run.args(["--memory", &limit, "--memory-swap", &limit]);
        if leaves_a_file(engine) && spec.options.is_empty() {
            run = run.cwd(NO_FILES);
        }
    }
    run = match spec.network {
        Network::None => run.args(["--network", "none"]),
        Network::Host => run.args(["--network", "host"]),
        Network::Default => run,
    };
    if !engine.rootless {
        let (uid, gid) = engine.user;
        run = run
            .args(["--user", &format!("{uid}:{gid}")])
            // A rootless engine may be unable to limit anything, and has a default of its own.
            .args(["--pids-limit", &PIDS_LIMIT.to_string()]);
    }
    Ok(run)
}

/// Whether the engine creates a file `oom` in its working directory when a container exceeds its
/// limit of memory: podman's monitor does. The user's options may have paths relative to that
/// directory.
fn leaves_a_file(engine: &Engine) -> bool {
    engine.kind == EngineKind::Podman && HAS_CONTAINERS && engine.program.is_absolute()
}

/// Returns this library's seccomp profile for the container. Its file has to exist when the
/// container starts.
///
/// The caller's own profile takes precedence. If the user's options ask for more rights than a run
/// gets, the engine's own profile follows them.
pub(crate) fn profile(engine: &Engine, spec: &RunSpec) -> Option<Profile> {
    let asks_for_rights = |option: &String| {
        let name = option.split('=').next().unwrap_or_default();
        ["--cap-add", "--privileged"].contains(&name)
    };
    let is_chosen = spec.seccomp.is_some() || spec.options.iter().any(asks_for_rights);
    match is_chosen {
        true => None,
        false => engine.isolation.profile(&engine.architecture),
    }
}

/// Empties the variables that docker's client would set to the proxies of its configuration, with
/// their passwords. It leaves alone what is on its command line. `is_set` tells which variables are
/// set elsewhere.
pub(crate) fn without_proxies(
    run: Invocation,
    engine: &Engine,
    is_set: impl Fn(&str) -> bool,
) -> Invocation {
    if engine.kind != EngineKind::Docker {
        return run;
    }
    let names = PROXY_VARIABLES.into_iter().filter(|name| !is_set(name));
    names.fold(run, |run, name| run.args(["--env", &format!("{name}=")]))
}

/// Sets a variable in the container. Its name is on the command line, and its value in the client's
/// environment, where other users of the machine cannot read it.
pub(crate) fn variable(run: Invocation, name: &str, value: &EnvValue) -> Invocation {
    match value {
        EnvValue::Unset => run,
        // The client would use these itself. They are not secrets.
        EnvValue::Plain(value) | EnvValue::Secret(value) if steers_client(name) => {
            run.args(["--env", &format!("{name}={value}")])
        }
        _ => run.args(["--env", name]).env_value(name, value.clone()),
    }
}

/// Whether a container CLI, or a program that it starts, uses the variable itself.
fn steers_client(name: &str) -> bool {
    const NAMES: [&str; 18] = [
        "BUILDKIT_HOST",
        "CONTAINERS_CONF",
        "CONTAINERS_REGISTRIES_CONF",
        "CONTAINERS_STORAGE_CONF",
        "CONTAINER_CONNECTION",
        "CONTAINER_HOST",
        "DOCKER_API_VERSION",
        "DOCKER_CERT_PATH",
        "DOCKER_CONFIG",
        "DOCKER_CONTEXT",
        "DOCKER_HOST",
        "DOCKER_TLS_VERIFY",
        "GODEBUG",
        "HOME",
        "LANG",
        "PATH",
        "TMPDIR",
        "USER",
    ];
    const FAMILIES: [&str; 4] = ["LC_", "LD_", "SSL_CERT_", "XDG_"];
    NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Labels a container that is started from within another.
pub(crate) fn of_outer(run: Invocation, engine: &Engine) -> Invocation {
    match engine.reach.outer() {
        Some(outer) => run.args(["--label", &format!("{OUTER_LABEL}={outer}")]),
        None => run,
    }
}

/// Adds mounts, which have the caller's paths.
pub(crate) fn mounted(run: Invocation, engine: &Engine, mounts: Vec<Mount>) -> Result<Invocation> {
    let mut placed = engine.reach.place(mounts)?.into_iter();
    placed.try_fold(run, |run, mount| {
        Ok(run.args(["--mount", &mount_option(&mount, engine.kind)?]))
    })
}

/// The value of `--mount`. It is a line of comma-separated values, so that any path can be written.
fn mount_option(mount: &PlacedMount, kind: EngineKind) -> Result<String> {
    let target = csv_field("dst", utf8(&mount.target)?);
    let mut option = match &mount.source {
        Place::Volume(name, part) => {
            let (source, part) = (
                csv_field("src", name),
                csv_field("volume-subpath", utf8(part)?),
            );
            format!("type=volume,{source},{target},{part},volume-nocopy")
        }
        Place::Memory => {
            let is_podman = kind == EngineKind::Podman;
            // Podman copies what the directory would hide, and so would show it.
            let empty = if is_podman { ",notmpcopyup" } else { "" };
            return Ok(format!("type=tmpfs,{target},tmpfs-mode=1777{empty}"));
        }
        Place::Path(path) => format!("type=bind,{},{target}", csv_field("src", utf8(path)?)),
    };
    if mount.access == Access::Read {
        option.push_str(",readonly");
    }
    Ok(option)
}

fn csv_field(key: &str, value: &str) -> String {
    if value.contains([',', '"', '\n']) {
        format!("\"{key}={}\"", value.replace('"', "\"\""))
    } else {
        format!("{key}={value}")
    }
}

/// Lists the names of this library's containers in any state.
pub(crate) fn list(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["ps", "--all", "--filter", &format!("label={RUN_LABEL}")])
        .args(["--format", "{{.Names}}"])
}

/// Lists the names of this library's containers that do not run: those that have ended and those
/// that were never started.
pub(crate) fn list_stopped(engine: &Engine) -> Invocation {
    let states: &[&str] = match engine.kind {
        EngineKind::Docker => &["created", "exited", "dead"],
        // Podman rejects the name of a state that it does not have.
        _ => &["created", "exited"],
    };
    states.iter().fold(list(engine), |ps, state| {
        ps.args(["--filter", &format!("status={state}")])
    })
}

/// Lists this library's containers of one run, in any state: one line each, with the name, a space
/// and the owner.
pub(crate) fn list_owned(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["ps", "--all", "--filter", &format!("label={OWNER_LABEL}")])
        .args(["--format", &name_and_label(engine, OWNER_LABEL)])
}

/// Lists this library's containers that were started from within others, in any state: one line
/// each, with the name, a space and the other's ID.
pub(crate) fn list_outer(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["ps", "--all", "--filter", &format!("label={OUTER_LABEL}")])
        .args(["--format", &name_and_label(engine, OUTER_LABEL)])
}

/// Lists the IDs of the containers that run, whoever started them.
pub(crate) fn list_running(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program).args(["ps", "--no-trunc", "--quiet"])
}

/// The format of a list of containers: the name, a space, and the value of a label.
fn name_and_label(engine: &Engine, label: &str) -> String {
    format!("{{{{.Names}}}} {}", label_field(engine, label))
}

/// The format of a list of containers: the name, the ID of the container from within which it was
/// started, if there is one, and the value of a label, with spaces between them.
pub(crate) fn name_outer_and_label(engine: &Engine, label: &str) -> String {
    let outer = label_field(engine, OUTER_LABEL);
    format!("{{{{.Names}}}} {outer} {}", label_field(engine, label))
}

fn label_field(engine: &Engine, label: &str) -> String {
    match engine.kind {
        EngineKind::Podman => format!("{{{{index .Labels \"{label}\"}}}}"),
        _ => format!("{{{{.Label \"{label}\"}}}}"),
    }
}

/// Kills what runs in the container `name`. Removal by force alone first asks it to end, for which
/// podman waits ten seconds.
pub(crate) fn kill(engine: &Engine, name: &str) -> Invocation {
    Invocation::new(&engine.program).args(["kill", name])
}

/// Removes the container `name`.
pub(crate) fn remove(engine: &Engine, name: &str) -> Invocation {
    Invocation::new(&engine.program).args(["rm", "--force", name])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::isolation::Isolation;
    use crate::process::host::Host;
    use crate::process::invocation::Variables;
    use crate::spec::run_spec::Stdio;

    fn spec() -> RunSpec {
        RunSpec::new(Root::Image("i:1".into()), "/w", ["cargo", "run"])
            .mounts([Mount::write("/w")])
            .env([("A".to_owned(), EnvValue::Plain("1".into()))])
            .stdio(Stdio::Inherit)
            .terminal(true)
            .platform(Some("linux/arm64".into()))
            .user_namespace(Some("host".into()))
            .seccomp(Some("/c/seccomp.json".into()))
            .options(["--env", "A=2", "--privileged"])
            .name("cross-x")
    }

    /// Users rely on the order: their options take precedence.
    #[test]
    fn the_order_of_the_words_is_fixed() {
        let shown = invocation(&Engine::sample(EngineKind::Docker), &spec()).unwrap();
        assert_eq!(
            shown.args.join(" "),
            "run --rm --interactive --tty --pull never --name cross-x --label org.cross-core.run \
             --security-opt label=disable --security-opt no-new-privileges --cap-drop ALL \
             --security-opt seccomp=/c/seccomp.json --userns host --platform linux/arm64 --network none \
             --user 1000:1001 --pids-limit 16384 --mount type=bind,src=/w,dst=/w --workdir /w \
             --env http_proxy= --env https_proxy= --env ftp_proxy= --env all_proxy= --env no_proxy= \
             --env HTTP_PROXY= --env HTTPS_PROXY= --env FTP_PROXY= --env ALL_PROXY= --env NO_PROXY= \
             --env A --env A=2 --privileged i:1 cargo run"
        );
    }

    /// Nerdctl has no labels for SELinux and no proxies of its client's configuration.
    #[test]
    fn nerdctl_has_no_option_that_it_does_not_know() {
        let spec = RunSpec {
            options: Vec::new(),
            user_namespace: None,
            ..spec()
        };
        let shown = invocation(&Engine::sample(EngineKind::Nerdctl), &spec).unwrap();
        assert_eq!(
            shown.args.join(" "),
            "run --rm --interactive --tty --pull never --name cross-x --label org.cross-core.run \
             --security-opt no-new-privileges --cap-drop ALL --security-opt seccomp=/c/seccomp.json \
             --platform linux/arm64 --network none --user 1000:1001 --pids-limit 16384 \
             --mount type=bind,src=/w,dst=/w --workdir /w --env A i:1 cargo run"
        );
    }

    #[test]
    fn a_run_with_standard_input_hangs_on_a_fifo_before_the_users_words() {
        let mut spec = spec();
        spec.lifeline_dir = Some("/c/lifelines/x/shown".into());
        let args = invocation(&Engine::sample(EngineKind::Podman), &spec)
            .unwrap()
            .args;
        let at = |word: &str| args.iter().position(|arg| arg == word).unwrap();
        let mount = at("type=bind,src=/c/lifelines/x/shown,dst=/run/cross-lifeline,readonly");
        assert!(mount < at("--privileged"));
        assert_eq!(args[at("i:1") + 1..][..2], ["sh", "-c"]);
        assert!(args[at("i:1") + 3].contains("own 1 cross-x\n"));
        assert_eq!(args[args.len() - 3..], ["cross", "cargo", "run"]);
    }

    #[test]
    fn the_callers_profile_and_options_for_more_rights_take_precedence() {
        let host = Host::new(Variables::new(), "/c");
        let engine = Engine {
            isolation: Isolation::of(&host),
            ..Engine::sample(EngineKind::Docker)
        };
        let plain = RunSpec::new(Root::Image("i:1".into()), "/w", ["cargo"]);
        let ours = |spec: &RunSpec| profile(&engine, spec).map(|profile| profile.path);
        let path = ours(&plain).unwrap();
        assert!(path.starts_with("/c/filters"), "{}", path.display());
        let args = invocation(&engine, &plain).unwrap().args;
        assert!(args.contains(&format!("seccomp={}", path.display())));
        assert_eq!(ours(&plain.clone().options(["--volume=/a:/a"])), Some(path));
        assert_eq!(ours(&plain.clone().seccomp(Some("/s.json".into()))), None);
        for word in ["--privileged", "--privileged=true", "--cap-add=SYS_ADMIN"] {
            assert_eq!(ours(&plain.clone().options([word])), None, "{word}");
        }
    }

    #[test]
    fn podman_does_not_pass_on_the_hosts_proxies() {
        let args = |kind| invocation(&Engine::sample(kind), &spec()).unwrap().args;
        let flag = "--http-proxy=false".to_owned();
        assert!(args(EngineKind::Podman).contains(&flag));
        assert!(!args(EngineKind::Docker).contains(&flag));
    }

    #[test]
    fn docker_does_not_set_the_proxies_of_its_clients_configuration() {
        let given = EnvValue::Plain("http://proxy.invalid".to_owned());
        let spec = spec().env([("http_proxy".to_owned(), given)]);
        let args = |kind| invocation(&Engine::sample(kind), &spec).unwrap().args;
        for name in PROXY_VARIABLES {
            let emptied = format!("{name}=");
            let is_emptied = args(EngineKind::Docker).contains(&emptied);
            assert_eq!(is_emptied, name != "http_proxy", "{name}");
            assert!(!args(EngineKind::Podman).contains(&emptied));
        }
    }

    #[test]
    fn a_memory_limit_is_in_bytes_and_includes_swap() {
        let spec = spec().memory(Some(4 << 30));
        let args = invocation(&Engine::sample(EngineKind::Podman), &spec)
            .unwrap()
            .args;
        let value = |option| {
            let at = args.iter().position(|arg| arg == option).unwrap();
            &args[at + 1]
        };
        assert_eq!(value("--memory"), "4294967296b");
        assert_eq!(value("--memory-swap"), "4294967296b");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_memory_limit_leaves_no_file_of_podmans_in_the_callers_directory() {
        let cwd = |kind: EngineKind, spec: RunSpec| {
            let program = std::path::Path::new("/usr/bin").join(kind.program());
            let engine = Engine {
                program,
                ..Engine::sample(kind)
            };
            invocation(&engine, &spec).unwrap().cwd
        };
        let spec = || RunSpec::new(Root::Image("i:1".into()), "/w", ["cargo"]);
        let limited = || spec().memory(Some(4 << 30));
        assert_eq!(cwd(EngineKind::Podman, limited()), Some(NO_FILES.into()));
        assert_eq!(cwd(EngineKind::Podman, spec()), None);
        assert_eq!(cwd(EngineKind::Docker, limited()), None);
        let relative = limited().options(["--env-file", "some.env"]);
        assert_eq!(cwd(EngineKind::Podman, relative), None);
    }

    #[test]
    fn only_a_rootful_engine_is_told_the_user() {
        let has_user_option = |engine: Engine| {
            let args = invocation(&engine, &spec()).unwrap().args;
            args.contains(&"--user".to_owned())
        };
        assert!(has_user_option(Engine::sample(EngineKind::Docker)));
        assert!(!has_user_option(
            Engine::sample(EngineKind::Docker).with_rootless(true)
        ));
        let other =
            invocation(&Engine::sample(EngineKind::Docker).with_user(7, 8), &spec()).unwrap();
        assert!(other.args.contains(&"7:8".to_owned()));
    }
}
