//! The argv of docker and podman: one lean `run` each, and the image commands.

use std::path::Path;

use crate::engine::{Engine, Kind};
use crate::error::{Error, ErrorKind, Result, utf8};
use crate::invocation::{Invocation, Value};
use crate::lifeline;
use crate::run::{Access, Mount, Network, Root, RunSpec, arranged};

/// The label that marks what is ours; its value is the environment's name.
pub(crate) const LABEL: &str = "org.cross-core.environment";

/// The label that marks a container of ours.
const RUN_LABEL: &str = "org.cross-core.run";

/// The `run` command for `spec`.
///
/// The client's standard input is the container's lifeline: when it closes, everything in the
/// container is killed.
pub(crate) fn invocation(engine: &Engine, spec: &RunSpec) -> Result<Invocation> {
    let Root::Image(image) = &spec.root else {
        return Err(Error::new(
            ErrorKind::Environment,
            format!("{} runs images, not directories", engine.kind),
        ));
    };
    let mut run = Invocation::new(&engine.program)
        .args(["run", "--rm", "--interactive", "--pull", "never"])
        .args(["--name", &spec.name])
        .args(["--label", RUN_LABEL])
        // Labels of SELinux are never changed on what is mounted, so they must not be asked for.
        .args(["--security-opt", "label=disable"])
        .args(["--security-opt", "no-new-privileges"])
        .lifeline();
    run = match spec.network {
        Network::None => run.args(["--network", "none"]),
        Network::Host => run.args(["--network", "host"]),
        Network::Default => run,
    };
    if !engine.rootless {
        let (uid, gid) = engine.user;
        run = run.args(["--user", &format!("{uid}:{gid}")]);
    }
    for mount in arranged(spec.mounts.clone()) {
        run = run.args(["--mount", &mount_option(&mount)?]);
    }
    run = run.args(["--workdir", utf8(&spec.cwd)?]);
    for (name, value) in &spec.env {
        run = variable(run, name, value);
    }
    Ok(run
        .args([image, "sh", "-c", lifeline::IN_NAMESPACE, "cross"])
        .args(spec.command.iter().cloned()))
}

/// Sets a variable inside: its name on argv, its value in the client's environment, where other
/// users of the machine cannot read it.
fn variable(run: Invocation, name: &str, value: &Value) -> Invocation {
    match value {
        Value::Unset => run,
        // The client itself would obey these; by their nature they are no secrets.
        Value::Plain(value) | Value::Secret(value) if steers_client(name) => {
            run.args(["--env", &format!("{name}={value}")])
        }
        _ => run.args(["--env", name]).env_value(name, value.clone()),
    }
}

/// Whether a container CLI or a program it starts reads the variable for its own purposes.
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

/// `--mount` takes a line of comma-separated values, so that any path can be told.
fn mount_option(mount: &Mount) -> Result<String> {
    let target = csv_field("dst", utf8(&mount.target)?);
    let mut option = match mount.access {
        Access::Scratch => return Ok(format!("type=tmpfs,{target},tmpfs-mode=1777")),
        Access::Read | Access::Write => {
            format!(
                "type=bind,{},{target}",
                csv_field("src", utf8(&mount.source)?)
            )
        }
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

/// Asks for an image's id: success is "it is there".
pub(crate) fn image_id(engine: &Engine, image: &str) -> Invocation {
    Invocation::new(&engine.program).args(["image", "inspect", "--format", "{{.Id}}", image])
}

/// Makes an image of a root file system's tar archive.
pub(crate) fn import(engine: &Engine, tar: &Path, image: &str, name: &str) -> Result<Invocation> {
    Ok(Invocation::new(&engine.program)
        .args(["import", "--change", &format!("LABEL {LABEL}={name}")])
        .args([utf8(tar)?, image]))
}

/// Builds an image of a Containerfile in an otherwise empty directory.
pub(crate) fn build(
    engine: &Engine,
    context: &Path,
    image: &str,
    name: &str,
) -> Result<Invocation> {
    let mut build = Invocation::new(&engine.program)
        .args([
            "build",
            "--label",
            &format!("{LABEL}={name}"),
            "--tag",
            image,
        ])
        .args(["--file", utf8(&context.join("Containerfile"))?]);
    if engine.kind == Kind::Docker {
        // The builder that every docker has; buildx is a plug-in that may be missing.
        build = build.env("DOCKER_BUILDKIT", "0").arg("--force-rm");
    }
    Ok(build.arg(utf8(context)?))
}

/// Lists the names of our containers, whatever their state.
pub(crate) fn ours(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["ps", "--all", "--filter", &format!("label={RUN_LABEL}")])
        .args(["--format", "{{.Names}}"])
}

/// Lists our images: a line for each, with its name and its size in the engine's words.
pub(crate) fn list(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["image", "ls", "--filter", &format!("label={LABEL}")])
        .args(["--format", "{{.Repository}}:{{.Tag}}|{{.Size}}"])
}

/// Removes an image.
pub(crate) fn remove(engine: &Engine, image: &str) -> Invocation {
    Invocation::new(&engine.program).args(["image", "rm", image])
}
